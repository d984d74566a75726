package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Both calls are made in each pair, and have to say the same.
func TestCall(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	calls := func() int64 {
		fi, err := os.Stat(filepath.Join(dir, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	rustc := script("rustc", `printf x >> "$(dirname "$0")"/calls; echo "rustc $1"`)
	wrapper, other := script("wrapper", `exec "$@"`), script("other", `"$@"; echo more`)
	if err := call([]string{"build", "--", "3", rustc, wrapper}); err != nil || calls() != 6 {
		t.Errorf("%v, %d calls, want 6", err, calls())
	}
	if err := call([]string{"build", "--", "0", rustc, wrapper}); err != nil || calls() != 7 {
		t.Errorf("%v, %d calls, want 7", err, calls())
	}
	for _, bad := range [][]string{{"--", "1", rustc, other}, {"--", "x", rustc, wrapper}, {"--", "1", filepath.Join(dir, "none"), wrapper}} {
		if err := call(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
