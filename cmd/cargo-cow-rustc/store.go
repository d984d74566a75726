package main

import (
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// warehouseVariable switches the warehouse off ("off"), or has it keep what is compiled before the compiler's call is over
// ("now").
const warehouseVariable = "CARGO_COW_WAREHOUSE"

// findStore is the store that a build directory belongs to, by the rule that holds
// for the commands as well; "" if there is none. Its units may be copied, so one on
// another file system is better than none.
func findStore(outDir string, env []string) string {
	getenv := locate.Getenv(env)
	if getenv(warehouseVariable) == "off" {
		return ""
	}
	if named, ok := locate.InEnvironment(getenv); ok {
		return named
	} else if named != "" {
		return ""
	}
	real, err := realPath(outDir)
	if err != nil {
		return ""
	}
	store, kind := locate.Within(real, locate.UserOf(getenv)).Find()
	if kind == locate.Absent {
		return ""
	}
	return store
}
