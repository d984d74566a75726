package record

import "testing"

func TestCheckLabel(t *testing.T) {
	for label, ok := range map[string]bool{
		"": true, "green": true, "abc": true, "v1.2": true, "größe 1": true,
		"latest": false, "abcd": false, "0123456789": false, " x": false, "x\n": false, "a\x1bb": false,
	} {
		if err := CheckLabel(label); (err == nil) != ok {
			t.Errorf("%q: got %v", label, err)
		}
	}
}
