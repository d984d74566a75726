package embeds

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
)

func TestHoldsCommit(t *testing.T) {
	o := new(checkout.Origin)
	w := func(kind embedded.Kind, data string) *Search {
		return &Search{origin: o, Outputs: embedded.Outputs{Parts: []embedded.Segment{{Kind: kind, Data: []byte(data)}}}}
	}
	if w(embedded.Data, "v0123456").HoldsCommit() {
		t.Error("a commit is held where there is none")
	}
	o.Git.Commit = "0123456789abcdef"
	if !w(embedded.Data, "v0123456").HoldsCommit() || w(embedded.Debug, "v0123456").HoldsCommit() || w(embedded.Data, "012345").HoldsCommit() {
		t.Error("holdsCommit is about seven digits outside debug information")
	}
}
