package config

import (
	"maps"
	"slices"
	"strings"
)

// Overrides returns, as flags for rustc, what the tables that replace runs of build
// scripts say about linking, for all packages and targets. Cargo hashes the tables, not
// the files that they name.
func (c *Config) Overrides() []string {
	var flags []string
	for _, key := range slices.Sorted(maps.Keys(c.links)) {
		table, _ := c.links[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			for _, value := range texts(table[name]) {
				switch {
				case name == "rustc-link-search":
					flags = append(flags, "-L", value)
				case name == "rustc-link-lib":
					flags = append(flags, "-l", value)
				case name == "rustc-flags":
					flags = append(flags, strings.Fields(value)...)
				case strings.Contains(name, "link-arg"):
					flags = append(flags, "-C", "link-arg="+value)
				}
			}
		}
	}
	return flags
}

// texts returns the strings of a value that is one, or a list or table of them.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, item := range v {
			list = append(list, texts(item)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, texts(v[key])...)
		}
	}
	return list
}
