package project

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestReused(t *testing.T) {
	dir := t.TempDir()
	start := time.Now()
	before, after := start.Add(-time.Hour), start.Add(time.Second)
	for name, at := range map[string]time.Time{
		"a-1/s-1-1-x/dep-graph.bin": before, "a-1/s-1-1-x/1.o": before, // the session before
		"a-1/s-2-1-x/dep-graph.bin": after, "a-1/s-2-1-x/1.o": before, "a-1/s-2-1-x/2.o": before, "a-1/s-2-1-x/3.o": after,
		"b-1/s-2-1-x/dep-graph.bin": after, "b-1/s-2-1-x/1.o": before, "b-1/s-2-1-x/other": before,
		"c-1/s-1-1-x/dep-graph.bin": before, "c-1/s-1-1-x/1.o": before, // a crate that was not compiled
	} {
		path := filepath.Join(dir, "incremental", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if old, all, err := Reused(dir, start); old != 3 || all != 4 || err != nil {
		t.Errorf("%d of %d reused, %v; want 3 of 4", old, all, err)
	}
}
