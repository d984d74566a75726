package postcheckout

import "testing"

// What git tells its hook: whether there was a HEAD before, and whether more than
// single files were checked out.
func TestCheckoutArguments(t *testing.T) {
	zero, id := "0000000000000000000000000000000000000000", "1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e"
	for _, tt := range []struct {
		args         []string
		isNew, whole bool
	}{
		{nil, true, true}, {[]string{zero, id, "1"}, true, true}, {[]string{id, id, "1"}, false, true},
		{[]string{zero, id, "0"}, true, false}, {[]string{"0" + id[1:], id, "1"}, false, true}, {[]string{zero}, true, false},
	} {
		if got := newWorktree(tt.args); got != tt.isNew {
			t.Errorf("newWorktree(%q) = %v", tt.args, got)
		}
		if got := wholeCheckout(tt.args); got != tt.whole {
			t.Errorf("wholeCheckout(%q) = %v", tt.args, got)
		}
	}
}
