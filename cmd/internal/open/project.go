package open

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/background"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
)

// A Project is a checkout with the store that is there already: what most commands
// work on.
type Project struct {
	*Session
	Checkout *layers.Checkout
	Store    *layers.Store
}

// Open finds the checkout that the session works in, and its store.
func (s *Session) Open(ctx context.Context) (*Project, error) {
	return s.open(ctx, s.Checkout)
}

// OpenUnresolved is Open for what needs no lockfile.
func (s *Session) OpenUnresolved(ctx context.Context) (*Project, error) {
	return s.open(ctx, s.Unresolved)
}

func (s *Session) open(ctx context.Context, find func(context.Context) (*layers.Checkout, error)) (*Project, error) {
	checkout, err := find(ctx)
	if err != nil {
		return nil, err
	}
	store, err := s.Store(ctx, checkout)
	if err != nil {
		return nil, err
	}
	s.noteKnown(checkout)
	return &Project{s, checkout, store}, nil
}

// BuildDir is the project's build directory.
func (p *Project) BuildDir() string { return p.Checkout.Workspace.BuildDir }

// Resolve has cargo make the lockfile that the checkout lacks: which layer fits shows by
// it. It reports whether there was none. For the hook it does so only where the file is in
// nobody's way (resolve).
func (p *Project) Resolve(ctx context.Context, hook bool) (resolved bool, err error) {
	if p.Checkout.Fingerprint != nil {
		return false, nil
	}
	if resolved, err = p.resolve(ctx, hook); err != nil {
		return false, err
	}
	p.Checkout, err = p.Session.Checkout(ctx)
	return resolved, err
}

// Snapshot seals the build directory as a layer. What status still says of an earlier
// snapshot in the background that failed is forgotten then, and the working tree notes
// that it has had its build directory.
func (p *Project) Snapshot(ctx context.Context, o layers.SnapshotOptions) (*layers.SnapshotReport, error) {
	rep, err := p.Store.Snapshot(ctx, p.Checkout, o)
	if err != nil {
		return nil, err
	}
	background.Forget(p.Store.Dir(), p.BuildDir())
	p.NoteBuilt()
	return rep, nil
}

// HideUndo keeps git from seeing what is kept for undo (hide). In a sandbox where the
// repository cannot be written to, git sees it, which is no reason to build anew: tell
// is called with the cause.
func (p *Project) HideUndo(tell func(cause error)) error {
	err := hide(p.Checkout)
	if layers.IsReadOnly(err) {
		tell(err)
		return nil
	}
	return err
}

// NoteBuilt notes in the working tree that it has had its build directory.
func (p *Project) NoteBuilt() { NoteBuilt(p.Checkout) }

// NoteBuilt notes in the working tree of a checkout that it has had its build directory.
// Without the note the hook looks again.
func NoteBuilt(checkout *layers.Checkout) {
	repo := checkout.Git
	if _, err := os.Lstat(checkout.Workspace.BuildDir); err != nil || repo == nil {
		return
	}
	m, err := ReadMemory(repo)
	if err != nil {
		return
	}
	all := len(m.Workspaces) == 1 // of other workspaces the hook knows more
	if all {                      // asked last: it looks at every file
		waits, _ := checkout.Waiting()
		all = !waits
	}
	_ = repo.NoteBuilt(all, checkout.Workspace.BuildDir)
}

// HasBuilt reports whether the working tree has had its build directory before, which is not
// there now: who has removed it wants to build anew. Where no repository notes that, or where
// nothing can be noted in it, as in a container, the account of what was done there tells, if
// the checkout is older.
func (p *Project) HasBuilt() bool {
	if repo := p.Checkout.Git; repo != nil {
		if repo.Had(repo.Built(), p.BuildDir()) {
			return true
		}
		if unix.Access(repo.GitDir, unix.W_OK) == nil {
			return false
		}
	}
	last := unasked.Read(p.Store.Dir(), p.BuildDir())
	return last != nil && last.At.After(born(p.Checkout.Workspace.Root))
}

// born is when a directory was made; the zero time where the file system does not tell.
func born(dir string) time.Time {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_BTIME, &st) != nil || st.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
}

// NothingBuilt reports whether there is nothing in a build directory that a build, or
// anybody else, has put there: it is missing, a roll-back has left its stub, or it is hollow.
func NothingBuilt(buildDir string) bool {
	return !rollback.Exists(buildDir) || justintime.IsHollow(buildDir)
}
