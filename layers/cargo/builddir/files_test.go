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
	h := DiskUnit{&Dir{Path: dir}, &Unit{Dir: UnitDir{Profile: "debug", Layout: LayoutClassic, Package: "a", ID: id}, UnitName: UnitName{Package: "a", Target: "a", Profile: "debug"}}}
	for range 2 {
		if seen, err := h.SeenByDependents(); err != nil || !slices.Equal(seen, want[2:]) {
			t.Errorf("seen %q, %v; want %q", seen, err, want[2:])
		}
		if files, err := h.files(); err != nil || !slices.Equal(files, want) {
			t.Errorf("files %q, %v; want %q", files, err, want)
		}
	}
}

func TestSameTree(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	long := make([]byte, 600<<10)
	put("a/x/one", "1")
	put("a/long", string(long))
	put("same/x/one", "1")
	put("same/long", string(long))
	put("content/x/one", "2")
	put("content/long", string(long))
	long[len(long)-1] = 1
	put("end/x/one", "1")
	put("end/long", string(long))
	put("more/x/one", "1")
	put("more/x/two", "")
	put("more/long", string(long[:len(long)-1])+"\x00")
	put("kind/x", "1")
	put("kind/long", "")
	for other, want := range map[string]bool{"same": true, "content": false, "end": false, "more": false, "kind": false, "none": false} {
		if got := SameTree(filepath.Join(dir, "a"), filepath.Join(dir, other)); got != want {
			t.Errorf("%s: the same %v, want %v", other, got, want)
		}
	}
	if !SameTree(filepath.Join(dir, "none"), filepath.Join(dir, "neither")) {
		t.Error("two directories that are not there differ")
	}
}
