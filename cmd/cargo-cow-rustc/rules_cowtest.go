//go:build cowtest

package main

import (
	"os"
	"strings"
)

// on reports whether CARGO_COW_TEST_WITHOUT does not list the rule.
func (r rule) on() bool {
	for name := range strings.SplitSeq(os.Getenv("CARGO_COW_TEST_WITHOUT"), ",") {
		if name == string(r) {
			return false
		}
	}
	return true
}
