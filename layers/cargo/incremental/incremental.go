// Package incremental is about the state that rustc keeps of each crate for its next
// compilation: which of its sessions are whole, and which it would start from.
//
// It looks at names only and keeps nothing; everything may be called concurrently.
// Every call of the compiler uses it, so it imports little.
package incremental

import (
	"os"
	"strings"
)

// rustc keeps one directory for each crate below the one that -C incremental names,
// CRATE-HASH, and in it one for each session: s-TIME-RANDOM-HASH, or -working at
// the end while it is written, beside a lock s-TIME-RANDOM.lock (rustc 1.95,
// rustc_incremental/persist/fs.rs).

// IsSession reports whether a directory of that name, in that of a crate, holds a
// session.
func IsSession(name string) bool { return strings.HasPrefix(name, "s-") }

// isFinished reports whether the session of that name was written to its end.
func isFinished(name string) bool {
	return IsSession(name) && !strings.HasSuffix(name, "-working")
}

// Newest returns the session that rustc would start from, "" if there is none.
func Newest(sessions []string) string {
	newest := ""
	for _, s := range sessions {
		// The time is in base 36, and has the same length for centuries.
		if isFinished(s) && s > newest {
			newest = s
		}
	}
	return newest
}

// IsLockOf reports whether the file of that name is the lock of the session.
func IsLockOf(name, session string) bool {
	return session != "" && strings.HasPrefix(session, strings.TrimSuffix(name, ".lock")+"-")
}

// Any reports whether a crate of that name has a finished session below the directory
// that -C incremental names. If the crate has several directories, nothing but rustc
// knows which belongs to which unit.
func Any(incremental, crate string) bool {
	for _, d := range names(incremental) {
		if hash, ok := strings.CutPrefix(d, crate+"-"); ok && !strings.Contains(hash, "-") && Newest(names(incremental+"/"+d)) != "" {
			return true
		}
	}
	return false
}

func names(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	found, _ := f.Readdirnames(-1)
	return found
}
