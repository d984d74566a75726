package cargo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

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
		if got := sameTree(filepath.Join(dir, "a"), filepath.Join(dir, other)); got != want {
			t.Errorf("%s: the same %v, want %v", other, got, want)
		}
	}
	if !sameTree(filepath.Join(dir, "none"), filepath.Join(dir, "neither")) {
		t.Error("two directories that are not there differ")
	}
}

// A unit that stands above one that could be wrong elsewhere is not given away.
func TestHarmless(t *testing.T) {
	named := Unit{Named: true}
	for name, tt := range map[string]struct {
		u    Unit
		want bool
	}{
		"named":         {named, true},
		"mutable":       {Unit{Mutable: true}, false},
		"never fresh":   {Unit{Always: &Reason{}}, false},
		"at home only":  {Unit{Elsewhere: []Reason{{}}}, false},
		"has inputs":    {Unit{Inputs: []Use{{}}}, false},
		"watches":       {Unit{Moved: []Watch{{}}}, false},
		"rewatches":     {Unit{Rewatch: true}, false},
		"of a commit":   {Unit{Commit: true}, false},
		"above a named": {Unit{Deps: []int{1}}, true},
		"above mutable": {Unit{Deps: []int{2}}, false},
	} {
		m := &Manifest{Units: []Unit{tt.u, named, {Mutable: true}}}
		if got := m.harmless(&m.Units[0]); got != tt.want {
			t.Errorf("%s: harmless %v, want %v", name, got, tt.want)
		}
	}
}

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
	h := held{&scanned{dir: dir}, &built{unitDir: unitDir{profile: "debug", layout: LayoutClassic, pkg: "a", id: id}, UnitName: UnitName{Target: "a"}}}
	for range 2 {
		if seen, err := h.seen(); err != nil || !slices.Equal(seen, want[2:]) {
			t.Errorf("seen %q, %v; want %q", seen, err, want[2:])
		}
		if files, err := h.files(); err != nil || !slices.Equal(files, want) {
			t.Errorf("files %q, %v; want %q", files, err, want)
		}
	}
}

// A disk that is full is told of once, and nothing more is tried.
func TestEachStopsAtFirstError(t *testing.T) {
	all := make([]int, 1000)
	var calls atomic.Int64
	err := each(all, func(int) error { return fmt.Errorf("call %d", calls.Add(1)) })
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q, want one", err)
	}
	// Those that were under way when the first failed.
	if n := calls.Load(); n > hashWorkers {
		t.Errorf("%d calls, want at most %d", n, hashWorkers)
	}
	calls.Store(0)
	if err := each(all, func(int) error { calls.Add(1); return nil }); err != nil || calls.Load() != 1000 {
		t.Errorf("%d calls, want 1000; error %v", calls.Load(), err)
	}
}
