package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Checkout is one checkout as Cargo and git see it.
type Checkout struct {
	Tool          project.Tool
	Workspace     *project.Workspace
	Git           *git.Checkout       // nil: not under git
	Fingerprint   *depset.Fingerprint // nil: there is no lockfile, for commands that need none
	Env           string              // [env] of Cargo's configuration, canonical
	ConfigChanged int64               // when a file of that was last changed, in ns
	LinkFlags     []string            // see checkout.Checkout
	Linkers       []string            // of Cargo's configuration, those in the checkout
	Settings      rule.Settings
}

// View is the checkout as package cargo sees it: git is asked only when an answer
// depends on it, and once.
func (co *Checkout) View(ctx context.Context) *checkout.Checkout {
	v := &checkout.Checkout{
		Workspace: co.Workspace, Fingerprint: co.Fingerprint, Env: co.Env,
		ConfigChanged: co.ConfigChanged, LinkFlags: co.LinkFlags, Linkers: co.Linkers, Getenv: co.Tool.Lookup,
	}
	if co.Git == nil {
		return v
	}
	v.GitDir, v.CommonDir = co.Git.GitDir, co.Git.CommonDir
	v.Git = checkout.GitState{Commit: co.Git.Head, Ref: co.Git.Ref}
	v.RunGit = co.askGit(ctx)
	v.Files = once(func() ([]string, error) { return git.ListFiles(v.RunGit, co.Workspace.Root) })
	v.Dirty = once(func() (bool, error) { return co.Git.Dirty(ctx) })
	v.Moved = co.Git.Moved
	v.Touched = once(func() (int64, error) { return co.Git.Touched(ctx) })
	v.Tags = once(func() (t checkout.Tags, err error) {
		list, changed, err := co.Git.Tags(ctx)
		if t.Changed = changed; list != "" {
			t.Digest = digest.OfText(list)
		}
		return t, err
	})
	return v
}

// askGit returns a function that asks git each question once. What git has said when the
// checkout was opened it is not asked again.
func (co *Checkout) askGit(ctx context.Context) git.Asker {
	asked := map[string]func() ([]byte, error){}
	question := func(dir string, args []string) string { return strings.Join(append([]string{dir}, args...), "\x00") }
	asked[question(co.Git.Root, []string{"rev-parse", "--show-toplevel"})] = func() ([]byte, error) { return []byte(co.Git.Root + "\n"), nil }
	return func(dir string, args ...string) ([]byte, error) {
		q := question(dir, args)
		if asked[q] == nil {
			asked[q] = once(func() ([]byte, error) { return co.Git.RunIn(ctx, dir, args...) })
		}
		return asked[q]()
	}
}

// HandOff leaves the handoff for the compiler's wrapper in tmp, a copy restored by a plan:
// where it is going to lie, and where it came from. Without one the wrapper does not take
// rustc's incremental state up, which is right and no reason to fail. With strict nothing
// may name another checkout, as the debug information of what is compiled with that state
// does; then the wrapper has to be told, and failing to is an error.
func (co *Checkout) HandOff(tmp string, plan *cargo.Plan, strict bool) error {
	handoff.SetUnavailable(tmp, "") // what went wrong elsewhere
	checkout := ""
	if co.Git != nil {
		checkout = co.Git.Root
	}
	inPlace := co.Settings.CompileInPlace
	if strict {
		inPlace = []string{handoff.EveryCrate}
	}
	if err := plan.Handoff(checkout, inPlace).Write(tmp); err != nil {
		handoff.Forget(tmp)
		if strict {
			return fmt.Errorf("note in %s that all is compiled there: %w", co.Workspace.BuildDir, err)
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

// BuildDir is the checkout's build directory, with what lies beside it.
func (co *Checkout) BuildDir() active.Dir {
	return active.At(co.Workspace.BuildDir, co.Git != nil)
}

// Waiting says of a checkout's build directory whether it waits: it was restored when
// files were missing that its units were built from, and nothing was built in it
// since; and whether any of them is there by now.
func (co *Checkout) Waiting() (waits, come bool) {
	dir := co.Workspace.BuildDir
	from := active.ReadProvenance(dir)
	if len(from.Lacked) == 0 || !from.Untouched(dir) {
		return false, false
	}
	for _, path := range from.Lacked {
		if _, err := os.Lstat(path); err == nil {
			return true, true
		}
	}
	return true, false
}

// Head is the commit that the checkout is at, "" for none.
func (co *Checkout) Head() string {
	if co.Git == nil {
		return ""
	}
	return co.Git.Head
}

// Locked are the names of the packages in the checkout's lockfile; none where it cannot be
// read.
func (co *Checkout) Locked() map[string]bool {
	names := map[string]bool{}
	text, err := regular.Read(filepath.Join(co.Workspace.Root, "Cargo.lock"))
	if err != nil {
		return names
	}
	if lock, err := lockfile.Parse(text); err == nil {
		for i := range lock.Packages {
			names[lock.Packages[i].Name] = true
		}
	}
	return names
}

// ErrMoved: the checkout went to another commit since it was looked at.
var ErrMoved = errors.New("another commit was checked out meanwhile")

// CheckStill fails with ErrMoved unless the checkout is at the commit that it was at when it
// was looked at: a command may have waited since.
func (co *Checkout) CheckStill(ctx context.Context) error {
	if co.Git == nil {
		return nil
	}
	still, err := co.Git.IsStill(ctx)
	if err == nil && !still {
		err = &help.Error{Err: ErrMoved, Help: "run it again"}
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", co.Git.Root, err)
	}
	return nil
}
