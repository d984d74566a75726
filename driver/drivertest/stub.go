package drivertest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// stubs makes a directory in which every name given is a stub, where the file
// system has such; "" where it has none.
func (e env) stubs(t testing.TB, names ...string) string {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(e.dir, &st))
	if uint32(st.Type) != unix.BTRFS_SUPER_MAGIC {
		return ""
	}
	around := e.path("around")
	loopfs.Subvolume(t, around)
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(around, name)), 0o755))
		loopfs.Subvolume(t, filepath.Join(around, name))
		write(t, filepath.Join(around, name, "file"), "lost")
	}
	loopfs.RollBack(t, around)
	for _, name := range names {
		if stub, err := driver.IsStub(filepath.Join(around, name)); !stub || err != nil {
			t.Fatalf("IsStub(%s): %v, %v after a roll-back", name, stub, err)
		}
	}
	return around
}

// testStub ends with the question whether the file system is still writable: an
// exchange of a stub forces all of it read-only.
func testStub(t *testing.T, e env) {
	around := e.stubs(t, "create", "clone", "seal", "publish", "delete", "source", "exchange", "deep/er", "held", "linked")
	if around == "" {
		return
	}
	at := func(name string) string { return filepath.Join(around, name) }
	tree := e.tree(t, "tree")
	want := describe(t, tree)

	for _, name := range []string{"held", "held/"} {
		if holds, err := e.Holds(around + "/" + name); holds || err != nil {
			t.Errorf("Holds(stub): %v, %v, want none", holds, err)
		}
	}
	wantErr(t, "Clone of a stub", e.Clone(t.Context(), e.path("new"), at("source")), driver.ErrStub)
	wantErr(t, "Seal of a stub", e.Seal(t.Context(), e.path("new"), at("source")), fs.ErrNotExist)
	wantErr(t, "Exchange with a stub", driver.Exchange(tree, at("exchange")), driver.ErrStub)
	wantErr(t, "Exchange of a stub", driver.Exchange(at("exchange")+"/", tree), driver.ErrStub)
	wantErr(t, "Exchange of two stubs", driver.Exchange(at("exchange"), at("source")), driver.ErrStub)
	wantErr(t, "Publish of a stub", driver.Publish(at("source"), e.path("new")), driver.ErrStub)
	wantAbsent(t, e.path("new"))
	wantSame(t, describe(t, tree), want)

	for name, make := range map[string]func(name string) error{
		"create": func(name string) error { return e.Create(t.Context(), name) },
		"clone":  func(name string) error { return e.Clone(t.Context(), name, tree) },
		"seal":   func(name string) error { return e.Seal(t.Context(), name, tree) },
		"publish": func(name string) error {
			return errors.Join(e.Clone(t.Context(), at("tmp"), tree), driver.Publish(at("tmp"), name))
		},
	} {
		must(t, make(at(name)))
		if name != "create" {
			wantSame(t, describe(t, at(name)), want)
		}
		wantErr(t, name+" once more", make(at(name)), fs.ErrExist)
		e.Delete(t.Context(), at("tmp"))
	}
	must(t, e.Delete(t.Context(), at("delete")))
	wantAbsent(t, at("delete"))

	must(t, driver.MakeDirs(at("deep/er/and/deeper"), 0o755))
	write(t, at("deep/er/and/deeper/file"), "file")
	must(t, os.Symlink("linked", at("link")))
	must(t, driver.MakeDirs(at("link/dir"), 0o755))
	write(t, at("link/dir/file"), "file")

	// With stubs in it a directory can be cloned and deleted as any other.
	must(t, e.Clone(t.Context(), e.path("copy"), around))
	must(t, e.Delete(t.Context(), e.path("copy")))
	must(t, e.Delete(t.Context(), around))
	wantAbsent(t, around)
	write(t, e.path("writable"), "still")
	unix.Sync()
	write(t, e.path("writable"), "still")
}

// testTreeInside: what lies in trees inside a tree is in its clones and seals, at
// any depth, in directories that can be written to.
func testTreeInside(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	for _, name := range []string{"debug/inner", "debug/inner/empty/innermost", "top"} {
		must(t, e.Create(t.Context(), filepath.Join(tree, name)))
		fill(t, filepath.Join(tree, name))
	}
	for _, name := range []string{"", "debug", "debug/inner", "debug/inner/empty", "top"} {
		setTime(t, filepath.Join(tree, name), 1_700_000_000, 5)
	}
	want := describe(t, tree)
	must(t, e.Clone(t.Context(), e.path("clone"), tree))
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	must(t, e.Clone(t.Context(), e.path("again"), e.path("sealed")))
	for _, name := range []string{"clone", "sealed", "again"} {
		wantSame(t, describe(t, e.path(name)), want)
	}
	e.wantOnly(t, "tree", "clone", "sealed", "again")
	change(t, filepath.Join(e.path("again"), "debug/inner"))
	wantSame(t, describe(t, tree), want)

	must(t, e.Delete(t.Context(), tree))
	for _, name := range []string{"clone", "sealed"} {
		wantSame(t, describe(t, e.path(name)), want)
		must(t, e.Delete(t.Context(), e.path(name)))
	}
}

// testLeavesOut: a pipe must not make a clone hang, either.
func testLeavesOut(t *testing.T, e env) {
	dir := e.path("dir")
	must(t, os.Mkdir(dir, 0o755))
	fill(t, dir)
	setTimes := func() {
		setTime(t, dir, 1_700_000_000, 7)
		setTime(t, filepath.Join(dir, "debug"), 1_700_000_000, 8)
	}
	setTimes()
	want, wantLeft := describe(t, dir), []string{"debug/pipe", "socket"}
	must(t, unix.Mkfifo(filepath.Join(dir, "debug/pipe"), 0o600))
	must(t, unix.Mknod(filepath.Join(dir, "socket"), unix.S_IFSOCK|0o600, 0))
	if os.Getuid() != 0 { // root may read it all
		write(t, filepath.Join(dir, "secret"), "secret")
		must(t, os.Link(filepath.Join(dir, "secret"), filepath.Join(dir, "secret2")))
		must(t, os.Chmod(filepath.Join(dir, "secret"), 0))
		must(t, os.Mkdir(filepath.Join(dir, "closed"), 0))
		wantLeft = append(wantLeft, "closed", "secret", "secret2")
	}
	setTimes()
	var (
		mu   sync.Mutex
		left []string
	)
	ctx := driver.TellLeftOut(t.Context(), func(path string, why error) {
		mu.Lock()
		defer mu.Unlock()
		rel, err := filepath.Rel(dir, path)
		if err != nil || why == nil {
			t.Errorf("left out %q: %v", path, why)
		}
		left = append(left, rel)
	})
	if _, err := e.Usage(t.Context(), dir); err != nil {
		t.Errorf("Usage: %v", err)
	}
	for _, ctx := range []context.Context{ctx, t.Context()} {
		must(t, e.Clone(ctx, e.path("clone"), dir))
		wantSame(t, describe(t, e.path("clone")), want)
		must(t, e.Delete(t.Context(), e.path("clone")))
	}
	slices.Sort(left)
	slices.Sort(wantLeft)
	if !slices.Equal(left, wantLeft) {
		t.Errorf("told of %q, want %q", left, wantLeft)
	}
}

// testHoles: a sparse file of a gigabyte takes no more space in a clone of a
// directory than it had, whatever the driver.
func testHoles(t *testing.T, e env) {
	dir := e.path("dir")
	must(t, os.Mkdir(dir, 0o755))
	f, err := os.Create(filepath.Join(dir, "sparse"))
	must(t, err)
	const size = 1 << 30
	for _, at := range []int64{0, 200 << 20, size - 5000} {
		_, err = f.WriteAt([]byte("data at an odd place"), at+17)
		must(t, err)
	}
	must(t, errors.Join(f.Truncate(size), f.Sync(), f.Close()))
	must(t, os.WriteFile(filepath.Join(dir, "hole"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "hole"), size))
	tree := e.path("clone")
	must(t, e.Clone(t.Context(), tree, dir))
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	for _, tree := range []string{tree, e.path("sealed")} {
		u, err := e.Usage(t.Context(), tree)
		must(t, err)
		if u.Total > 1<<20 {
			t.Errorf("a sparse file takes %d bytes in %s", u.Total, tree)
		}
		f, err := os.Open(filepath.Join(tree, "sparse"))
		must(t, err)
		fi, err := f.Stat()
		must(t, err)
		if fi.Size() != size {
			t.Errorf("the sparse file has %d bytes, want %d", fi.Size(), size)
		}
		for _, at := range []int64{0, 200 << 20, size - 5000} {
			got := make([]byte, 30)
			_, err := f.ReadAt(got, at+10)
			must(t, err)
			if string(got) != "\x00\x00\x00\x00\x00\x00\x00data at an odd place\x00\x00\x00" {
				t.Errorf("at %d: %q", at, got)
			}
		}
		f.Close()
	}
}
