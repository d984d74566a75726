//go:build !cowtest

package open

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// testRules: outside of tests every rule holds.
func testRules(environ.Environ) (rule.Set, error) { return rule.Set{}, nil }
