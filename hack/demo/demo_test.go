package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// Another version of the project may have another function to edit.
func TestEdit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := project.Fetch(t.Context(), project.Demo, dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, editedFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := edit(path); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Replace(before, []byte(editBefore), []byte(editAfter), 1); !bytes.Equal(after, want) || bytes.Equal(after, before) {
		t.Errorf("edit left %s as\n%s", editedFile, after)
	}
	if err := edit(filepath.Join(dir, "src/main.rs")); err == nil {
		t.Error("edit of a file without the line succeeded")
	}
}

func TestIsEdit(t *testing.T) {
	lib := project.Unit{Package: project.Demo.Name, Kind: "lib"}
	bin := project.Unit{Package: project.Demo.Name, Kind: "bin"}
	other := project.Unit{Package: "serde", Kind: "lib"}
	for _, test := range []struct {
		compiled []project.Unit
		want     bool
	}{
		{nil, false},
		{[]project.Unit{lib, bin}, true},
		{[]project.Unit{lib}, false},
		{[]project.Unit{lib, other}, false},
		{[]project.Unit{lib, bin, other}, false},
	} {
		if got := isEdit(test.compiled); got != test.want {
			t.Errorf("isEdit(%v) = %v", test.compiled, got)
		}
	}
}
