package justintime

import (
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// lockfileKept is how long a lockfile is remembered that no layer was sealed or restored with: twice as long as layers are
// kept that nobody uses. One too many costs the start of a command in a checkout that has it.
const lockfileKept = 120 * 24 * time.Hour

// lockfiles is where a store has an empty file for each lockfile with which it has a layer, named by its digest.
func lockfiles(store string) string { return filepath.Join(store, paths.StoreLockfiles) }

// NoteLockfile notes that a store has a layer with the lockfile of a workspace: so checkouts of other repositories find
// that it has something for them. It is advice; what cannot be noted is not.
func NoteLockfile(store, root string, now time.Time) {
	if text, err := regular.Read(filepath.Join(root, "Cargo.lock")); err == nil {
		_ = lastuse.Stamp(lockfiles(store), digest.Of(text), now)
	}
}

// ForgetLockfiles removes the notes that are old.
func ForgetLockfiles(store string, now time.Time) {
	noted, _ := ls.Names(lockfiles(store)) // before the first there are none
	for _, id := range noted {
		if now.Sub(lastuse.Read(lockfiles(store), id)) > lockfileKept {
			_ = lastuse.Forget(lockfiles(store), id)
		}
	}
}
