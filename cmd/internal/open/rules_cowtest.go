//go:build cowtest

package open

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

// testRules switches off the rules that CARGO_COW_TEST_WITHOUT lists, so that a
// test can show what each of them prevents.
func testRules(e environ) (cargo.Rules, error) {
	names := e.get("CARGO_COW_TEST_WITHOUT")
	if names == "" {
		return cargo.Rules{}, nil
	}
	return cargo.Without(strings.Split(names, ","))
}
