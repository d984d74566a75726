package project

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Another version of the project may have another function to edit.
func TestEditDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := Fetch(t.Context(), Demo, dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, demoFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if err := EditDemo(dir); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(string(before), demoBefore, strings.Repeat(demoLine, n+1)+demoBefore, 1)
		if string(after) != want || bytes.Equal(after, before) {
			t.Errorf("edit %d left %s as\n%s", n+1, demoFile, after)
		}
	}
	if err := CommitsAhead(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := EditDemo(dir); err == nil {
		t.Error("edit of a file without the line succeeded")
	}
}
