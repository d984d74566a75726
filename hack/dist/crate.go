package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// writeCrate writes the sources of the crate, with the version and the license: cargo publish takes them from there. It
// has no programs, as a crate cannot have those of Go; it says where they are, to people and to cargo binstall.
func (r release) writeCrate(dir string) error {
	source := filepath.Join(r.source, "hack/dist/crate")
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		return fmt.Errorf("write crate: %w", err)
	}
	manifest := filepath.Join(dir, "Cargo.toml")
	text, err := os.ReadFile(manifest)
	if err != nil {
		return fmt.Errorf("write crate: %w", err)
	}
	const none = `version = "0.0.0"`
	if bytes.Count(text, []byte(none)) != 1 {
		return fmt.Errorf("write crate: %s has not one line %s", manifest, none)
	}
	text = bytes.Replace(text, []byte(none), []byte(`version = "`+r.version+`"`), 1)
	license, err := os.ReadFile(filepath.Join(r.source, "LICENSE"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "LICENSE"), license, 0o644)
	}
	if err == nil {
		err = os.WriteFile(manifest, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write crate: %w", err)
	}
	return nil
}
