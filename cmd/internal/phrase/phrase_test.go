package phrase

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers"
)

func TestOrigin(t *testing.T) {
	for want, r := range map[string]layers.Record{
		"/src/a":                 {Origin: "/src/a"},
		"main @ 1a2b3c4, /src/a": {Origin: "/src/a", Ref: "refs/heads/main", Commit: "1a2b3c4d5e"},
		"f/x @ 1a2b3c4+, /src/a": {Origin: "/src/a", Ref: "refs/heads/f/x", Commit: "1a2b3c4d5e", Dirty: true},
		"1a2b3c4, /src/a":        {Origin: "/src/a", Commit: "1a2b3c4d5e"},
		"refs/odd @ 1a, /src/a":  {Origin: "/src/a", Ref: "refs/odd", Commit: "1a"},
	} {
		if got := Origin(&r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
