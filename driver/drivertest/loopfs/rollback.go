package loopfs

import (
	"fmt"
	"os"
	"testing"
)

// Subvolume makes a subvolume of Btrfs.
func Subvolume(t testing.TB, path string) {
	t.Helper()
	run(t, "btrfs", "-q", "subvolume", "create", path)
}

// RollBack does to the subvolume at path what a roll-back of the system does: a
// snapshot takes its place. What lay in subvolumes inside is below path.old1 now,
// or the first such name that is free, and path has stubs instead, see
// driver.ErrStub.
func RollBack(t testing.TB, path string) {
	t.Helper()
	run(t, "btrfs", "-q", "subvolume", "snapshot", path, path+".new")
	old := ""
	for n := 1; ; n++ {
		old = fmt.Sprint(path, ".old", n)
		if _, err := os.Lstat(old); err != nil {
			break
		}
	}
	for _, names := range [][2]string{{path, old}, {path + ".new", path}} {
		if err := os.Rename(names[0], names[1]); err != nil {
			t.Fatal(err)
		}
	}
}
