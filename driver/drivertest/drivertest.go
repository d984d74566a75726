// Package drivertest is the conformance suite that every driver must pass: one
// test for each claim of the specification in package driver, and for each
// capability that the driver claims. Every subtest has a directory of its own.
package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

// Factory makes what the suite needs.
type Factory struct {
	// Driver is the driver to test. It must have no state.
	Driver driver.Driver
	// Dir returns a directory of a file system for which the driver is meant.
	Dir func(t testing.TB) string
	// Disk, in the place of Dir, mounts one from a disk whose power can be cut. If it is
	// nil, durability is not tested.
	Disk func(t testing.TB) *faultdisk.Disk
}

func (f Factory) make(t testing.TB) (dir string, disk *faultdisk.Disk) {
	if f.Disk == nil {
		return f.Dir(t), nil
	}
	disk = f.Disk(t)
	return disk.Dir(), disk
}

// Run runs the suite.
func Run(t *testing.T, f Factory) {
	base, disk := f.make(t)
	tests := []struct {
		name string
		run  func(*testing.T, env)
	}{
		{"create", testCreate},
		{"names", testNames},
		{"clone keeps", testCloneKeeps},
		{"clone is independent", testCloneIndependent},
		{"clone of sealed is writable", testCloneOfSealed},
		{"clone of directory", testCloneOfDirectory},
		{"clone refuses", testCloneRefuses},
		{"clone cancelled", testCloneCancelled},
		{"clone leaves out what cannot be copied", testLeavesOut},
		{"clone keeps holes", testHoles},
		{"trees inside a tree", testTreeInside},
		{"stub is nothing", testStub},
		{"seal keeps", testSealKeeps},
		{"seal is a copy", testSealIsCopy},
		{"seal refuses", testSealRefuses},
		{"seal leaves nothing beside", testSealLeavesNothing},
		{"delete", testDelete},
		{"delete nested", testDeleteNested},
		{"delete unwritable directories", testDeleteUnwritable},
		{"delete directory", testDeleteDirectory},
		{"delete refuses", testDeleteRefuses},
		{"delete refuses mount point", testDeleteRefusesMount},
		{"usage", testUsage},
		{"holds", testHolds},
		{"one winner", testOneWinner},
		{"cancelled before", testCancelledBefore},
		{"probe", testProbe},
		{"cap ConstantTime", testConstantTime},
		{"cap SharesData", testSharesData},
		{"cap EnforcesSeal", testEnforcesSeal},
		{"cap SharedUsage", testSharedUsage},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(base, fmt.Sprintf("suite%d", i))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			// For directories without write permission in a t.TempDir. What is
			// sealed goes with its file system.
			t.Cleanup(func() { driver.RemoveAll(dir) })
			tt.run(t, env{f.Driver, dir})
		})
	}
	if disk != nil {
		t.Run("seal is durable", func(t *testing.T) { testSealDurable(t, f, disk) })
		t.Run("seal tells of a disk that fails", func(t *testing.T) { testSealTells(t, f, disk) })
	}
}

// env is the driver under test and the directory of one subtest.
type env struct {
	driver.Driver
	dir string
}

func (e env) path(name string) string { return filepath.Join(e.dir, name) }

// tree makes a tree filled by [fill].
func (e env) tree(t testing.TB, name string) string {
	t.Helper()
	tree := e.path(name)
	must(t, e.Create(t.Context(), tree))
	fill(t, tree)
	return tree
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, op string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want one matching %v", op, err, want)
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func wantContent(t testing.TB, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	if string(got) != want {
		t.Errorf("content of %s: %.40q, want %.40q", path, got, want)
	}
}

func wantAbsent(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (lstat: %v)", path, err)
	}
}

// wantOnly checks what the directory of the subtest holds.
func (e env) wantOnly(t testing.TB, names ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	entries, err := os.ReadDir(e.dir)
	must(t, err)
	for _, d := range entries {
		if !want[d.Name()] {
			t.Errorf("%s holds %q, want only %q", e.dir, d.Name(), names)
		}
		delete(want, d.Name())
	}
	for n := range want {
		t.Errorf("%s does not hold %q", e.dir, n)
	}
}

func setTime(t testing.TB, path string, sec, nsec int64) {
	t.Helper()
	ts := unix.Timespec{Sec: sec, Nsec: nsec}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
