package loopfs

import (
	"os"
	"testing"
)

// Subvolume makes a subvolume of Btrfs.
func Subvolume(t testing.TB, path string) {
	t.Helper()
	run(t, "btrfs", "-q", "subvolume", "create", path)
}

// RollBack does to the subvolume at path what a roll-back of the system does: a
// snapshot takes its place. What lay in subvolumes inside is where path.old is now,
// and path has stubs instead, see driver.ErrStub.
func RollBack(t testing.TB, path string) {
	t.Helper()
	run(t, "btrfs", "-q", "subvolume", "snapshot", path, path+".new")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
