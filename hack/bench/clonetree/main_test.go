package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestClone(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	if err := os.WriteFile(filepath.Join(from, "file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := clone(t.Context(), "copy", from, to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "file")); string(text) != "text" {
		t.Errorf("the clone has %q, %v", text, err)
	}
	if err := clone(t.Context(), "zfs", from, to+"2"); err == nil {
		t.Error("there is a driver zfs")
	}
}
