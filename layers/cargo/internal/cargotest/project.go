package cargotest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func Manifest(name string, deps ...string) string {
	text := "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n"
	for _, d := range deps {
		dir := "../" + d
		if d == "root" {
			dir = ".."
		}
		text += d + " = { path = \"" + dir + "\" }\n"
	}
	return text
}

// Edit changes a file without a trace in its time.
func Edit(t *testing.T, path, text string) {
	t.Helper()
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := os.Chtimes(p, old, old); err != nil {
			t.Fatal(err)
		}
	}
}
