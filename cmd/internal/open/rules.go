//go:build !cowtest

package open

import "github.com/cargo-cow/cargo-cow/layers/cargo"

// testRules: outside of tests every rule holds.
func testRules(environ) (cargo.Rules, error) { return cargo.Rules{}, nil }
