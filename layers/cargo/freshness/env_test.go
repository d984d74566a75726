package freshness

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
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
