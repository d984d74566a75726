package cargotest

import (
	"path/filepath"
	"testing"
)

// RealTempDir is a temporary directory by its real name.
func RealTempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
