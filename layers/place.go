package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// view is the place as package cargo sees it: git is asked only when an answer
// depends on it, and once.
func (p *Place) view(ctx context.Context) *cargo.Place {
	v := &cargo.Place{
		Workspace: p.Workspace, Fingerprint: p.Fingerprint, Env: p.Env,
		LinkFlags: p.LinkFlags, Linkers: p.Linkers, Getenv: p.Tool.Lookup,
	}
	if p.Git == nil {
		return v
	}
	v.GitDir, v.CommonDir = p.Git.GitDir, p.Git.CommonDir
	v.Git = cargo.GitState{Commit: p.Git.Head, Ref: p.Git.Ref}
	v.Files = once(func() ([]string, error) { return p.Git.ListFiles(ctx, p.Workspace.Root) })
	v.Dirty = once(func() (bool, error) { return p.Git.Dirty(ctx) })
	asked := map[string]func() ([]byte, error){}
	v.RunGit = func(dir string, args ...string) ([]byte, error) {
		args = append([]string{"-C", dir}, args...)
		question := strings.Join(args, "\x00")
		if asked[question] == nil {
			asked[question] = once(func() ([]byte, error) { return p.Git.Run(ctx, args...) })
		}
		return asked[question]()
	}
	return v
}

// leave tells the compiler's wrapper where the build directory in tmp, restored by
// a plan, is going to lie and where it came from. Where that cannot be told, state
// is not taken up, which is right and no reason to fail. With strict nothing may name
// another checkout, as debug information of what the wrapper takes from there would:
// then it has to be told.
func (p *Place) leave(tmp string, plan *cargo.Plan, strict bool) error {
	handoff.SetUnavailable(tmp, "") // what went wrong elsewhere
	checkout := ""
	if p.Git != nil {
		checkout = p.Git.Root
	}
	inPlace := p.Settings.CompileInPlace
	if strict {
		inPlace = []string{handoff.Every}
	}
	if err := plan.SessionPlace(checkout, inPlace).Write(tmp); err != nil {
		handoff.Forget(tmp)
		if strict {
			return fmt.Errorf("note in %s that all is compiled there: %w", p.Workspace.BuildDir, err)
		}
	}
	return nil
}

func once[T any](f func() (T, error)) func() (T, error) {
	var (
		done  bool
		value T
		err   error
	)
	return func() (T, error) {
		if !done {
			value, err = f()
			done = true
		}
		return value, err
	}
}

// target is the build directory of a place, with the names beside it that belong
// to this program.
type target struct {
	path string // the build directory
	tmp  string // prefix of trees being prepared
	swap string // a prepared tree about to go in, or what came out
	undo string // what the last restore replaced
	// misnamed is where that lies if it was set aside by an earlier version of this
	// program, or before the checkout was one of git.
	misnamed string
}

// newTarget names what lies beside the build directory. What is to be undone lies
// there for weeks: in a checkout of git it is called so that whoever passes over
// what begins with the name of the build directory passes over it as well. Git, and
// cargo with it, pass over it for what it says itself (see setAside). Without git
// cargo takes all files of a package for its own that do not begin with a dot
// (cargo 1.95, sources/path.rs:list_files_walk).
func newTarget(p *Place) target {
	dir, base := filepath.Split(filepath.Clean(p.Workspace.BuildDir))
	plain := filepath.Join(dir, base+undoSuffix)
	hidden := filepath.Join(dir, "."+base)
	t := target{path: filepath.Join(dir, base), tmp: hidden + paths.BesideTemp, swap: hidden + paths.BesideSwap, undo: plain, misnamed: hidden + paths.UndoSuffix}
	if p.Git == nil {
		t.undo, t.misnamed = t.misnamed, t.undo
	}
	return t
}

// undoSuffix ends the name of what the last restore replaced.
const undoSuffix = paths.UndoSuffix

// state is what stands under the name of a build directory.
type state int

const (
	absent    state = iota
	directory       // an ordinary directory where the driver needs a tree
	tree
)

// Usable returns nil if the place's build directory can be sealed and replaced, or is
// not there, and else why not, with what would mend it.
func (s *Store) Usable(p *Place) error {
	_, err := s.look(newTarget(p))
	return err
}

// look says what the build directory is. It fails, with what would mend it,
// where the directory is none that can be replaced.
func (s *Store) look(t target) (state, error) {
	unsuitable := func(what, help string) (state, error) {
		return absent, &HelpError{fmt.Errorf("use %s: %w: %s", t.path, ErrUnsuitable, what), help}
	}
	var st unix.Stat_t
	err := unix.Lstat(t.path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	case err != nil:
		return absent, fmt.Errorf("look at %s: %w", t.path, err)
	case isStub(t.path):
		return absent, nil // whoever it seems to belong to
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		to, _ := os.Readlink(t.path)
		return unsuitable("it is a symbolic link to "+to+", which cargo clean would remove",
			"remove the link and run `cargo cow init`, or name its target in build.build-dir")
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return unsuitable("it is no directory", "remove it")
	case int(st.Uid) != os.Geteuid():
		return unsuitable("it belongs to user "+UserName(int(st.Uid)), ForeignHelp(t.path))
	}
	if err := driver.CheckRemovable(t.path); errors.Is(err, driver.ErrBusy) {
		return unsuitable("it is or holds a mount point, and a mount cannot be exchanged", "umount "+t.path)
	} else if err != nil {
		return absent, fmt.Errorf("look at %s: %w", t.path, err)
	}
	holds, err := s.opts.Driver.Holds(t.path)
	if err != nil {
		return absent, fmt.Errorf("look at %s: %w", t.path, err)
	}
	if holds {
		return tree, nil
	}
	return directory, nil
}

// lockCargo takes Cargo's locks on everything that a build in the place locks.
func (p *Place) lockCargo(ctx context.Context, noWait bool, notify Notify) (*cargo.Locks, error) {
	var wait func()
	if !noWait {
		wait = func() {
			if notify != nil {
				notify("file lock on build directory")
			}
		}
	}
	locks, err := cargo.Lock(ctx, wait, filepath.Clean(p.Workspace.BuildDir), filepath.Clean(p.Workspace.TargetDir))
	if errors.Is(err, cargo.ErrLocked) {
		return nil, &HelpError{fmt.Errorf("lock %s: %w", p.Workspace.BuildDir, ErrBusy), "run it again when cargo is done, or without --no-wait"}
	}
	return locks, err
}

// explainMove turns an error about two file systems into one that says what to
// do.
func (s *Store) explainMove(t target, err error) error {
	if errors.Is(err, driver.ErrStub) {
		return explainStub(err)
	}
	if errors.Is(err, unix.EXDEV) {
		return &HelpError{
			fmt.Errorf("%w: %s and the store %s are on different file systems or mounts", err, t.path, s.opts.Dir),
			"cargo cow --store DIR init, with DIR on the file system of the build directory",
		}
	}
	return err
}

// placeID names a build directory in file names.
func placeID(t target) string { return digest.OfText(t.path) }
