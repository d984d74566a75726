package graft

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
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
		if got := builddir.SameTree(filepath.Join(dir, "a"), filepath.Join(dir, other)); got != want {
			t.Errorf("%s: the same %v, want %v", other, got, want)
		}
	}
	if !builddir.SameTree(filepath.Join(dir, "none"), filepath.Join(dir, "neither")) {
		t.Error("two directories that are not there differ")
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
	if n := calls.Load(); n > parallel.Workers {
		t.Errorf("%d calls, want at most %d", n, parallel.Workers)
	}
	calls.Store(0)
	if err := each(all, func(int) error { calls.Add(1); return nil }); err != nil || calls.Load() != 1000 {
		t.Errorf("%d calls, want 1000; error %v", calls.Load(), err)
	}
}
