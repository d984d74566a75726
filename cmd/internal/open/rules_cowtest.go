//go:build cowtest

package open

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// testRules switches off the rules that CARGO_COW_TEST_WITHOUT lists, so that a
// test can show what each of them prevents.
func testRules(e environ.Environ) (rule.Set, error) {
	names := e.Get("CARGO_COW_TEST_WITHOUT")
	if names == "" {
		return rule.Set{}, nil
	}
	return rule.Without(strings.Split(names, ","))
}
