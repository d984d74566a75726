package main

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// findStore is the store that a build directory belongs to, by the rule that holds
// for the commands as well; "" if there is none. Its units may be copied, so one on
// another file system is better than none.
func findStore(outDir string, env []string) string {
	get := func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if get("CARGO_COW_WAREHOUSE") == "off" {
		return ""
	}
	if named := get("CARGO_COW_STORE"); named != "" {
		if !locate.IsStore(named) {
			return ""
		}
		return named
	}
	real, err := realPath(outDir)
	if err != nil {
		return ""
	}
	store, kind := locate.Within(real, locate.UserOf(get)).Find()
	if kind == locate.Absent {
		return ""
	}
	return store
}
