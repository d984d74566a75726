package linking

import "strings"

// Search takes the value of rustc's option -L apart: KIND=PATH or PATH
// (rustc_session/search_paths.rs: from_cli_opt). Kind is "all" where none is named.
func Search(value string) (kind, path string) {
	kind, path, ok := strings.Cut(value, "=")
	if !ok || strings.Contains(kind, "/") {
		return "all", value
	}
	return kind, path
}

// Libraries takes the value of rustc's option -l apart: [KIND[:MODIFIERS]=]NAME[:RENAME]
// (rustc_session/config/native_libs.rs). With a new name, attributes use the old one
// and files the new one.
func Libraries(value string) []Library {
	kind, lib, ok := strings.Cut(value, "=")
	if !ok {
		kind, lib = "", value
	}
	lib, renamed, _ := strings.Cut(lib, ":")
	list := []Library{{kind, lib}}
	if renamed != "" {
		list = append(list, Library{kind, renamed})
	}
	return list
}

// Flags is what flags of rustc's say about linking.
type Flags struct {
	Dirs      []string // of -L, without kinds
	Libraries []Library
	// Values are those of options that are handed on to a linker, or may name files.
	Values []string
}

// Read takes flags apart, each of which is one argument: an option's value may be
// another. What it does not know says nothing about linking.
func (f *Flags) Read(flags []string) {
	for i := 0; i < len(flags); i++ {
		for _, option := range []string{"--codegen", "--extern", "--sysroot", "-L", "-l", "-C", "-Z"} {
			value, ok := strings.CutPrefix(flags[i], option)
			if !ok {
				continue
			}
			if value == "" && i+1 < len(flags) {
				i++
				value = flags[i]
			} else if strings.HasPrefix(option, "--") {
				value = strings.TrimPrefix(value, "=")
			}
			f.take(option, strings.TrimSpace(value))
			break
		}
	}
}

func (f *Flags) take(option, value string) {
	switch option {
	case "-L":
		_, dir := Search(value)
		f.Dirs = append(f.Dirs, dir)
	case "-l":
		f.Libraries = append(f.Libraries, Libraries(value)...)
	case "--sysroot":
		f.Values = append(f.Values, option+"="+value)
	default:
		if _, value, ok := strings.Cut(value, "="); ok {
			f.Values = append(f.Values, value)
		}
	}
}
