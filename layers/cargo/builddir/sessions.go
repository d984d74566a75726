package builddir

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// SessionsOf lists the directories, relative to the build directory dir, in which rustc
// keeps incremental state of a unit's crate. An object in there holds what the assembler
// has read, and rustc would use it again although only that has changed.
func SessionsOf(dir string, u *Unit) []string {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	found, err := filepath.Glob(quoteGlob(filepath.Join(dir, u.Profile, "incremental")) + "/" + crate + "-*")
	if err != nil {
		return nil
	}
	for i := range found {
		found[i], _ = paths.Under(found[i], dir)
	}
	return found
}

// OldSessions lists the sessions of incremental compilation, relative to dir, that rustc
// would not start from: all but the newest finished one of each crate, with their locks.
func OldSessions(dir string, profiles []string) (old []string, err error) {
	for _, profile := range profiles {
		incremental := profile + "/incremental"
		var crates []string
		err := ListDir(filepath.Join(dir, incremental), func(name []byte, k EntryKind) {
			if k == EntryDir {
				crates = append(crates, incremental+"/"+string(name))
			}
		})
		if err != nil {
			return nil, err
		}
		for _, crate := range crates {
			more, err := oldSessionsOf(dir, crate)
			if err != nil {
				return nil, err
			}
			old = append(old, more...)
		}
	}
	return old, nil
}

func oldSessionsOf(dir, crate string) ([]string, error) {
	var sessions, locks, old []string
	err := ListDir(filepath.Join(dir, crate), func(name []byte, k EntryKind) {
		switch n := string(name); {
		case k == EntryDir && incremental.IsSession(n):
			sessions = append(sessions, n)
		case k == EntryFile && strings.HasSuffix(n, ".lock"):
			locks = append(locks, n)
		}
	})
	newest := incremental.Newest(sessions)
	if err != nil || len(sessions) == 0 || len(sessions) == 1 && newest != "" {
		return nil, err
	}
	for _, s := range sessions {
		if s != newest {
			old = append(old, crate+"/"+s)
		}
	}
	for _, l := range locks {
		if !incremental.IsLockOf(l, newest) {
			old = append(old, crate+"/"+l)
		}
	}
	return old, nil
}
