package freshness

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// TestExplainVariable: what only cargo's commands set is no reason where nobody else
// has set it.
func TestExplainVariable(t *testing.T) {
	e := &explainer{checkout: &checkout.Checkout{Getenv: func(string) (string, bool) { return "", false }}}
	for name, want := range map[string]bool{"CLIPPY_ARGS": false, "CARGO_PKG_NAME": false, "CLIPPY_CONF_DIR": true, "OTHER": true} {
		if got := e.variable(name, "x", true) != nil; got != want {
			t.Errorf("%s: got a reason %v, want %v", name, got, want)
		}
	}
}

// TestOfManifest: what a package's manifest says is compared with what the unit was built with.
func TestOfManifest(t *testing.T) {
	p := &project.Package{Variables: map[string]string{"CARGO_PKG_DESCRIPTION": "new"}}
	if v, ok := ofManifest(p, "CARGO_PKG_DESCRIPTION"); !ok || v != "new" {
		t.Errorf("got %q, %v", v, ok)
	}
	if _, ok := ofManifest(p, "CARGO_PKG_NAME"); ok {
		t.Error("cargo does not compare the name")
	}
	if _, ok := ofManifest(nil, "CARGO_PKG_DESCRIPTION"); ok {
		t.Error("of a package that is not known nothing is known")
	}
}
