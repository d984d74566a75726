package main

import (
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -time.Hour: "just now", 59 * time.Second: "just now",
		61 * time.Second: "1 min ago", 47 * time.Hour: "47 h ago", 49 * time.Hour: "2 days ago",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("ago %v: got %q, want %q", d, got, want)
		}
	}
	if got := ago(time.Time{}, now); got != "" {
		t.Errorf("ago of no time: got %q", got)
	}
}

func TestFrom(t *testing.T) {
	for want, r := range map[string]layers.Record{
		"/src/a":                 {Origin: "/src/a"},
		"main @ 1a2b3c4, /src/a": {Origin: "/src/a", Ref: "refs/heads/main", Commit: "1a2b3c4d5e"},
		"f/x @ 1a2b3c4+, /src/a": {Origin: "/src/a", Ref: "refs/heads/f/x", Commit: "1a2b3c4d5e", Dirty: true},
		"1a2b3c4, /src/a":        {Origin: "/src/a", Commit: "1a2b3c4d5e"},
		"refs/odd @ 1a, /src/a":  {Origin: "/src/a", Ref: "refs/odd", Commit: "1a"},
	} {
		if got := from(&r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckLabel(t *testing.T) {
	for label, ok := range map[string]bool{
		"": true, "green": true, "abc": true, "v1.2": true, "größe 1": true,
		"latest": false, "abcd": false, "0123456789": false, " x": false, "x\n": false, "a\x1bb": false,
	} {
		if err := checkLabel(label); (err == nil) != ok {
			t.Errorf("%q: got %v", label, err)
		}
	}
}

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
