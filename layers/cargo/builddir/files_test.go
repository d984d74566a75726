package builddir

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What dependents see is asked for before the unit is cloned: the one list must
// not spoil the other.
func TestFilesOfUnitAskedTwice(t *testing.T) {
	dir := t.TempDir()
	const id = "0123456789abcdef"
	want := []string{"debug/deps/a-" + id + ".d", "debug/deps/liba-" + id + ".rlib", "debug/deps/liba-" + id + ".rmeta"}
	for _, name := range want {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	h := DiskUnit{&Dir{Path: dir}, &Unit{UnitDir: UnitDir{ProfileDir: "debug", Layout: LayoutClassic, Pkg: "a", Id: id}, UnitName: UnitName{Target: "a"}}}
	for range 2 {
		if seen, err := h.SeenByDependents(); err != nil || !slices.Equal(seen, want[2:]) {
			t.Errorf("seen %q, %v; want %q", seen, err, want[2:])
		}
		if files, err := h.files(); err != nil || !slices.Equal(files, want) {
			t.Errorf("files %q, %v; want %q", files, err, want)
		}
	}
}
