package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
)

func testCreate(t *testing.T, e env) {
	tree := e.path("tree")
	must(t, e.Create(t.Context(), tree))
	entries, err := os.ReadDir(tree)
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("Create: new tree holds %v, want nothing", entries)
	}
	write(t, filepath.Join(tree, "file"), "content")

	wantErr(t, "Create of a tree that exists", e.Create(t.Context(), tree), fs.ErrExist)
	wantContent(t, filepath.Join(tree, "file"), "content")
	wantErr(t, "Create without parent", e.Create(t.Context(), e.path("no/tree")), fs.ErrNotExist)

	write(t, e.path("file"), "file")
	must(t, os.Symlink("nowhere", e.path("link")))
	wantErr(t, "Create over a file", e.Create(t.Context(), e.path("file")), fs.ErrExist)
	wantErr(t, "Create over a dangling link", e.Create(t.Context(), e.path("link")), fs.ErrExist)
	e.wantOnly(t, "tree", "file", "link")
}

func testNames(t *testing.T, e env) {
	must(t, e.Create(t.Context(), e.path("slashes")+"//"))
	must(t, e.Clone(t.Context(), e.path("clone")+"/", e.path("slashes")+"/"))
	must(t, e.Seal(t.Context(), e.path("seal")+"/", e.path("slashes")+"/"))
	must(t, e.Delete(t.Context(), e.path("slashes")+"/"))
	e.wantOnly(t, "clone", "seal")

	must(t, e.Create(t.Context(), e.path(notUTF8)))
	longest := strings.Repeat("n", 255)
	must(t, e.Clone(t.Context(), e.path(longest), e.path(notUTF8)))
	must(t, e.Delete(t.Context(), e.path(notUTF8)))
	must(t, e.Delete(t.Context(), e.path(longest)))
	e.wantOnly(t, "clone", "seal")

	for _, name := range []string{longest + "n", strings.Repeat("n", 4090), "nul\x00nul"} {
		for op, err := range map[string]error{
			"Create": e.Create(t.Context(), e.path(name)),
			"Clone":  e.Clone(t.Context(), e.path(name), e.path("clone")),
			"Seal":   e.Seal(t.Context(), e.path(name), e.path("clone")),
		} {
			if err == nil {
				t.Errorf("%s of the bad name %.10q... succeeded", op, name)
			}
		}
	}
	e.wantOnly(t, "clone", "seal")
}

func testCloneKeeps(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	want := describe(t, tree)
	must(t, e.Clone(t.Context(), e.path("clone"), tree))
	wantSame(t, describe(t, e.path("clone")), want)
	wantSame(t, describe(t, tree), want)
}

func testCloneIndependent(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	clone := e.path("clone")
	must(t, e.Clone(t.Context(), clone, tree))
	before := describe(t, tree)

	change(t, clone)
	wantSame(t, describe(t, tree), before)

	before = describe(t, clone)
	change(t, tree)
	must(t, os.Remove(filepath.Join(tree, "debug/deps/above")))
	wantSame(t, describe(t, clone), before)

	must(t, e.Delete(t.Context(), tree))
	wantSame(t, describe(t, clone), before)
}

// change overwrites in place, which is what tells a clone from a link.
func change(t testing.TB, tree string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(tree, "debug/deps/libx.rlib"), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("changed"), 4100)
	must(t, errors.Join(err, f.Close()))
	write(t, filepath.Join(tree, "debug/deps/inline"), "changed")
	write(t, filepath.Join(tree, "debug/new"), "new")
	must(t, os.Chmod(filepath.Join(tree, "debug/deps"), 0o700))
}

func testCloneOfSealed(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	want := describe(t, e.path("sealed"))
	must(t, e.Clone(t.Context(), e.path("clone"), e.path("sealed")))
	wantSame(t, describe(t, e.path("clone")), want)
	change(t, e.path("clone"))
	wantSame(t, describe(t, e.path("sealed")), want)
}

func testCloneOfDirectory(t *testing.T, e env) {
	dir := e.path("dir")
	must(t, os.Mkdir(dir, 0o755))
	fill(t, dir)
	must(t, os.Chmod(dir, 0o750))
	setTime(t, dir, 1_600_000_000, 987_654_321)
	want := describe(t, dir)
	must(t, e.Clone(t.Context(), e.path("clone"), dir))
	wantSame(t, describe(t, e.path("clone")), want)
	wantSame(t, describe(t, dir), want)
	if ok, err := e.Holds(e.path("clone")); !ok || err != nil {
		t.Errorf("Holds(clone of a directory): %v, %v, want a tree", ok, err)
	}
	change(t, e.path("clone"))
	wantSame(t, describe(t, dir), want)
}

func testCloneRefuses(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	want := describe(t, tree)
	must(t, os.Symlink("tree", e.path("link")))
	write(t, e.path("file"), "file")
	must(t, e.Create(t.Context(), e.path("empty")))

	wantErr(t, "Clone onto itself", e.Clone(t.Context(), tree, tree), fs.ErrExist)
	wantErr(t, "Clone onto an empty tree", e.Clone(t.Context(), e.path("empty"), tree), fs.ErrExist)
	wantErr(t, "Clone onto a link", e.Clone(t.Context(), e.path("link"), tree), fs.ErrExist)
	wantErr(t, "Clone of nothing", e.Clone(t.Context(), e.path("new"), e.path("none")), fs.ErrNotExist)
	wantErr(t, "Clone without parent", e.Clone(t.Context(), e.path("no/new"), tree), fs.ErrNotExist)
	wantErr(t, "Clone of a link", e.Clone(t.Context(), e.path("new"), e.path("link")), driver.ErrNotTree)
	wantErr(t, "Clone of a file", e.Clone(t.Context(), e.path("new"), e.path("file")), driver.ErrNotTree)
	e.wantOnly(t, "tree", "link", "file", "empty")
	wantSame(t, describe(t, tree), want)
}

// testCloneCancelled cancels clones of an ordinary directory, which every driver
// does file by file, at several moments.
func testCloneCancelled(t *testing.T, e env) {
	dir := e.path("dir")
	must(t, os.Mkdir(dir, 0o755))
	many(t, dir, 2000)
	interrupted := 0
	for i := range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1<<i)*time.Millisecond)
		err := e.Clone(ctx, e.path("clone"), dir)
		cancel()
		if err == nil {
			must(t, e.Delete(t.Context(), e.path("clone")))
			continue
		}
		interrupted++
		wantErr(t, "Clone interrupted", err, context.DeadlineExceeded)
		e.wantOnly(t, "dir")
	}
	if interrupted == 0 {
		t.Error("Clone of 2000 files in a directory: none of the deadlines from 1 ms on interrupted it")
	}
}

func testOneWinner(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	want := describe(t, tree)
	for op, make := range map[string]func(name string) error{
		"Create": func(name string) error { return e.Create(t.Context(), name) },
		"Clone":  func(name string) error { return e.Clone(t.Context(), name, tree) },
		"Seal":   func(name string) error { return e.Seal(t.Context(), name, tree) },
	} {
		t.Run(op, func(t *testing.T) {
			for round := range 3 {
				name := e.path(fmt.Sprint(op, round))
				errs := race(8, func() error { return make(name) })
				won := 0
				for _, err := range errs {
					if err == nil {
						won++
					} else {
						wantErr(t, op+" as a loser", err, fs.ErrExist)
					}
				}
				if won != 1 {
					t.Errorf("%s of one name by 8: %d winners, want 1", op, won)
				}
				if op != "Create" {
					wantSame(t, describe(t, name), want)
				}
			}
		})
	}
	entries, err := os.ReadDir(e.dir)
	must(t, err)
	if len(entries) != 1+3*3 {
		t.Errorf("the losers left something: %v", entries)
	}
}

func race(n int, do func() error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func testCancelledBefore(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	ctx := cancelled(t)
	wantErr(t, "Create cancelled", e.Create(ctx, e.path("new")), context.Canceled)
	wantErr(t, "Clone cancelled", e.Clone(ctx, e.path("new"), tree), context.Canceled)
	wantErr(t, "Seal cancelled", e.Seal(ctx, e.path("new"), tree), context.Canceled)
	wantErr(t, "Delete cancelled", e.Delete(ctx, tree), context.Canceled)
	_, err := e.Usage(ctx, tree)
	wantErr(t, "Usage cancelled", err, context.Canceled)
	_, err = driver.Probe(ctx, e.dir, e.Driver)
	wantErr(t, "Probe cancelled", err, context.Canceled)
	e.wantOnly(t, "tree")
}

func testProbe(t *testing.T, e env) {
	got, err := driver.Probe(t.Context(), e.dir, e.Driver)
	if err != nil || got != e.Driver {
		t.Errorf("Probe where the driver works: %v, %v", got, err)
	}
	e.wantOnly(t)
	if _, err := driver.Probe(t.Context(), "/proc", e.Driver); err == nil {
		t.Error("Probe of /proc succeeded")
	}
}
