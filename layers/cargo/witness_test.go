package cargo

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
)

func TestHoldsCommit(t *testing.T) {
	o := new(Origin)
	w := func(kind embedded.Kind, data string) *witness {
		return &witness{origin: o, Outputs: embedded.Outputs{Parts: []embedded.Segment{{Kind: kind, Data: []byte(data)}}}}
	}
	if w(embedded.Data, "v0123456").holdsCommit() {
		t.Error("a commit is held where there is none")
	}
	o.Git.Commit = "0123456789abcdef"
	if !w(embedded.Data, "v0123456").holdsCommit() || w(embedded.Debug, "v0123456").holdsCommit() || w(embedded.Data, "012345").holdsCommit() {
		t.Error("holdsCommit is about seven digits outside debug information")
	}
}
