package config

import (
	"fmt"
	"path/filepath"
)

// WrapperKey is the key of the table [build] that names the wrapper of rustc.
const WrapperKey = "rustc-wrapper"

// Setting is one setting that names a wrapper of rustc.
type Setting struct {
	// Variable is the variable of the environment that has it, "" if a file has.
	Variable string
	// File is the file that Cargo reads.
	File string
	// In is the file that has the setting: File, or one that File includes.
	In string
	// Value is the program: absolute, or a name to look up in PATH. An empty one
	// means that there is to be none.
	Value string
}

// Wrappers lists what names a wrapper of rustc for builds in dir: first the setting that
// Cargo uses, then those that it overrides. Arguments are as for Load (cargo 1.95,
// util/context/mod.rs: maybe_get_tool).
func Wrappers(dir, cargoHome string, environ []string) ([]Setting, error) {
	r := &reader{loader: newLoader(dir, environ)}
	var found []Setting
	for _, name := range []string{"RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"} {
		if program, ok := r.env[name]; ok {
			found = append(found, Setting{Variable: name, Value: r.resolve(dir, program)})
		}
	}
	for _, path := range r.paths(cargoHome) {
		n, err := r.load(path, nil)
		if err != nil {
			return nil, fmt.Errorf("load cargo configuration: %w", err)
		}
		if value := r.child(r.child(n, "build"), WrapperKey); value != nil {
			found = append(found, Setting{File: path, In: value.file, Value: r.resolve(base(value.file), r.text(value))})
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("load cargo configuration: %w", r.err)
	}
	return found, nil
}

// FileIn returns the configuration file that Cargo reads in dir, a directory .cargo or
// Cargo's home; if there is none, the one to make.
func FileIn(dir string) string {
	if path, ok := configFile(dir); ok {
		return path
	}
	return filepath.Join(dir, "config.toml")
}
