// Package accesstime tells by access times which units of a build directory were asked
// for: cargo reads the hash file of each unit that a build needs, whether that is fresh or
// not (cargo 1.95, 1.99 and 1.100-beta, compiler/fingerprint/mod.rs:
// _compare_old_fingerprint), and a mount that keeps access times notes it.
//
// Most mounts keep them as relatime does: of a file that was read since it was written or
// dated, the next reading is noted a day later. So without a Mark a time is right to within
// a day, and after one the first reading is noted whenever it comes. Where a mount keeps
// none (noatime), nothing counts as asked for but what was built.
//
// Whatever else reads these files, such as a backup, counts as well: a unit is rather said
// to be of use than not. This program reads and copies them without a trace, where they are
// the user's own. The functions hold no state; cargo may run meanwhile.
package accesstime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Unit is a unit with what the times of its hash file tell.
type Unit struct {
	Key   string    // as that of builddir.Unit
	Built time.Time // when cargo last set out to build it, or had built it
	Asked time.Time // when it was last read after that; zero where nothing tells
}

// Used is when a build last had to do with the unit.
func (u *Unit) Used() time.Time {
	if u.Asked.After(u.Built) {
		return u.Asked
	}
	return u.Built
}

// Units reads the times of all units in a build directory.
func Units(dir string) ([]Unit, error) {
	var list []Unit
	err := eachHashFile(dir, func(key string, st *unix.Stat_t) {
		u := Unit{Key: key, Built: time.Unix(st.Mtim.Unix())}
		if asked := time.Unix(st.Atim.Unix()); !asked.Before(u.Built) {
			u.Asked = asked
		}
		list = append(list, u)
	})
	if err != nil {
		return nil, fmt.Errorf("read access times: %w", err)
	}
	return list, nil
}

// Last is when a build last had to do with any unit of a build directory, by the times that lie
// before until: those of files that a clock was wrong for say nothing. The zero time: none tells.
func Last(dir string, until time.Time) (last time.Time) {
	units, _ := Units(dir) // one that cannot be read tells nothing
	for i := range units {
		if used := units[i].Used(); used.After(last) && used.Before(until) {
			last = used
		}
	}
	return last
}

// Asked returns the keys of the units that were asked for or built since a time, which is
// that of a Mark by the kernel's clock, or days ago.
func Asked(dir string, since time.Time) ([]string, error) {
	units, err := Units(dir)
	var keys []string
	for i := range units {
		if !units[i].Used().Before(since) {
			keys = append(keys, units[i].Key)
		}
	}
	return keys, err
}

// Mark dates what Asked goes by so that the next reading is noted, and returns how many
// files that took: those that were read since they were last dated. It sets the access time
// to just before the modification time, which stays; but the kernel's own time of change is
// then now, and on Btrfs the leaves that the files lie in are not shared with layers any
// more. A file of another user's cannot be dated; the others are all the same.
func Mark(dir string) (int, error) {
	marked := 0
	var failed error
	err := eachHashFile(dir, func(key string, st *unix.Stat_t) {
		if st.Atim.Nano() < st.Mtim.Nano() {
			return
		}
		times := []unix.Timespec{unix.NsecToTimespec(st.Mtim.Nano() - 1), {Nsec: unix.UTIME_OMIT}}
		path := filepath.Join(dir, key)
		switch err := unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW); {
		case err == nil:
			marked++
		case failed == nil && !errors.Is(err, fs.ErrNotExist):
			failed = &fs.PathError{Op: "date", Path: path, Err: err}
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return marked, fmt.Errorf("mark units: %w", err)
	}
	return marked, nil
}

// eachHashFile visits the hash files of all units. What goes away meanwhile is passed over.
func eachHashFile(dir string, visit func(key string, st *unix.Stat_t)) error {
	profiles, err := builddir.Profiles(dir)
	if err != nil {
		return err
	}
	for _, profile := range profiles {
		units, err := builddir.UnitDirs(dir, profile)
		if err != nil {
			return err
		}
		for _, u := range units {
			entries, err := os.ReadDir(filepath.Join(dir, u.Record))
			if err != nil {
				continue // one that may not be listed tells nothing
			}
			for _, e := range entries {
				file, ok := strings.CutSuffix(e.Name(), ".json")
				if !ok {
					continue
				}
				key := u.Record + "/" + file
				var st unix.Stat_t
				if unix.Lstat(filepath.Join(dir, key), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
					visit(key, &st)
				}
			}
		}
	}
	return nil
}
