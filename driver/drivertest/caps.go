package drivertest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/reflink"
)

func testHolds(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, os.Symlink("tree", e.path("link")))
	for path, want := range map[string]bool{
		tree:                                true,
		tree + "/":                          true,
		e.path("none"):                      false,
		e.path("link"):                      false,
		filepath.Join(tree, "CACHEDIR.TAG"): false,
	} {
		if got, err := e.Holds(path); got != want || err != nil {
			t.Errorf("Holds(%s): %v, %v, want %v", path, got, err, want)
		}
	}
	must(t, e.Delete(t.Context(), tree))
	if got, err := e.Holds(tree); got || err != nil {
		t.Errorf("Holds of a deleted tree: %v, %v", got, err)
	}
}

func testUsage(t *testing.T, e env) {
	tree := e.path("tree")
	must(t, e.Create(t.Context(), tree))
	wantUsage := func(low, high int64) {
		t.Helper()
		u, err := e.Usage(t.Context(), tree)
		must(t, err)
		if u.Total < low || u.Total > high {
			t.Errorf("Usage: total %d, want between %d and %d", u.Total, low, high)
		}
		if u.Known && u.Exclusive+u.Shared != u.Total || !u.Known && u.Exclusive+u.Shared != 0 {
			t.Errorf("Usage: %+v does not add up", u)
		}
		if u.Known != e.Caps().SharedUsage {
			t.Errorf("Usage: Known is %v, Caps.SharedUsage %v", u.Known, e.Caps().SharedUsage)
		}
	}
	wantUsage(0, 0)
	const size = 1 << 20
	data := []byte(big[:100_000])
	for len(data) < size {
		data = append(data, data...)
	}
	must(t, writeSynced(filepath.Join(tree, "file"), data[:size]))
	wantUsage(size, size+64<<10)
	must(t, os.Link(filepath.Join(tree, "file"), filepath.Join(tree, "link")))
	must(t, os.Symlink("/usr", filepath.Join(tree, "elsewhere")))
	wantUsage(size, size+64<<10)

	_, err := e.Usage(t.Context(), e.path("none"))
	wantErr(t, "Usage of nothing", err, fs.ErrNotExist)
	write(t, e.path("file"), "")
	_, err = e.Usage(t.Context(), e.path("file"))
	wantErr(t, "Usage of a file", err, driver.ErrNotTree)
}

func testSharedUsage(t *testing.T, e env) {
	if !e.Caps().SharedUsage {
		return
	}
	tree := e.path("tree")
	must(t, e.Create(t.Context(), tree))
	const size = 64 << 10
	must(t, writeSynced(filepath.Join(tree, "shared"), []byte(big[:size])))
	must(t, e.Clone(t.Context(), e.path("clone"), tree))
	must(t, writeSynced(filepath.Join(tree, "own"), []byte(big[:size/2])))
	for name, want := range map[string]driver.Usage{
		"tree":  {Total: size + size/2, Exclusive: size / 2, Shared: size, Known: true},
		"clone": {Total: size, Exclusive: 0, Shared: size, Known: true},
	} {
		if got, err := e.Usage(t.Context(), e.path(name)); got != want || err != nil {
			t.Errorf("Usage(%s): %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// testSharesData asks the extent maps. Where a driver does not claim it, and the
// file system has such maps, it must indeed not share.
func testSharesData(t *testing.T, e env) {
	tree := e.path("tree")
	must(t, e.Create(t.Context(), tree))
	must(t, writeSynced(filepath.Join(tree, "file"), []byte(big)))
	must(t, e.Clone(t.Context(), e.path("clone"), tree))
	f, err := os.Open(e.path("clone/file"))
	must(t, err)
	defer f.Close()
	u, err := reflink.FileUsage(f)
	if err != nil && !e.Caps().SharesData {
		return
	}
	must(t, err)
	if e.Caps().SharesData && (u.Exclusive != 0 || u.Shared < int64(len(big))) {
		t.Errorf("clone does not share its data: %+v", u)
	}
	if !e.Caps().SharesData && u.Shared != 0 {
		t.Errorf("clone shares data, which Caps deny: %+v", u)
	}
}

// testConstantTime compares with making the files one by one, in the same minute
// on the same machine, and takes the best of several tries, so that a busy
// machine does not fail it.
func testConstantTime(t *testing.T, e env) {
	if !e.Caps().ConstantTime {
		return
	}
	tree := e.path("tree")
	must(t, e.Create(t.Context(), tree))
	many(t, tree, 2000)
	must(t, e.Seal(t.Context(), e.path("flushed"), tree))

	best := func(op func(name string) error) time.Duration {
		least := time.Hour
		for i := range 3 {
			name := e.path(fmt.Sprint("new", i))
			start := time.Now()
			must(t, op(name))
			least = min(least, time.Since(start))
			must(t, e.Delete(t.Context(), name))
		}
		return least
	}
	onebyone := best(func(name string) error {
		_, err := reflink.CopyTree(t.Context(), name, tree, reflink.Options{})
		return err
	})
	clone := best(func(name string) error { return e.Clone(t.Context(), name, tree) })
	seal := best(func(name string) error { return e.Seal(t.Context(), name, tree) })
	t.Logf("2000 files: one by one %v, Clone %v, Seal %v", onebyone, clone, seal)
	if clone > onebyone/3 || seal > onebyone/3 {
		t.Errorf("2000 files: Clone takes %v, Seal %v, one by one %v: not constant", clone, seal, onebyone)
	}
}

func writeSynced(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// Bench measures a tree of 1000 files of 3000 bytes.
func Bench(b *testing.B, f Factory) {
	base := f.Dir(b)
	e := env{f.Driver, base}
	tree := e.path("tree")
	must(b, e.Create(b.Context(), tree))
	many(b, tree, 1000)
	must(b, e.Seal(b.Context(), e.path("flushed"), tree))

	b.Run("Clone", func(b *testing.B) {
		for b.Loop() {
			must(b, e.Clone(b.Context(), e.path("new"), tree))
			b.StopTimer()
			must(b, e.Delete(b.Context(), e.path("new")))
			b.StartTimer()
		}
	})
	b.Run("Seal", func(b *testing.B) {
		for b.Loop() {
			must(b, e.Seal(b.Context(), e.path("new"), tree))
			b.StopTimer()
			must(b, e.Delete(b.Context(), e.path("new")))
			b.StartTimer()
		}
	})
	b.Run("Delete", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			must(b, e.Clone(b.Context(), e.path("new"), tree))
			b.StartTimer()
			must(b, e.Delete(b.Context(), e.path("new")))
		}
	})
	b.Run("Usage", func(b *testing.B) {
		for b.Loop() {
			_, err := e.Usage(b.Context(), tree)
			must(b, err)
		}
	})
}
