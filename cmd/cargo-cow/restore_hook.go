package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// restoreFromHook gives a working tree that never had any its build directories,
// and makes those it has follow what is checked out. A checkout never fails for our
// sake, so errors end here, as one line each.
func (a *app) restoreFromHook(ctx context.Context, args []string) {
	if program, err := programPath(); err == nil && git.AnswerProbe(a.environ, program) {
		return
	}
	if slices.Contains(a.environ, git.HookOff) || !wholeCheckout(args) {
		return
	}
	s, err := a.session()
	if err == nil {
		err = a.afterCheckout(ctx, s, args)
	}
	if err != nil {
		a.hookFailed(err)
	}
}

// wholeCheckout reads the arguments of git's post-checkout hook: the previous
// HEAD, the new one, and 1 unless single files were checked out. No arguments:
// asked for by hand.
func wholeCheckout(args []string) bool {
	return len(args) == 0 || len(args) == 3 && args[2] == "1"
}

// newWorktree: the null id as the previous HEAD means that there was none.
func newWorktree(args []string) bool {
	return len(args) == 0 || strings.Trim(args[0], "0") == ""
}

func (a *app) afterCheckout(ctx context.Context, s *open.Session, args []string) error {
	repo, err := s.Repository(ctx)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		return nil
	}
	if err != nil {
		return err
	}
	built := repo.Built()
	c := checkedOut{app: a, repo: repo, built: built, isNew: newWorktree(args)}
	if !c.isNew {
		if a.rebasing(repo) {
			return nil
		}
		if c.follow, err = a.follows(ctx, repo, args[0], args[1]); err != nil {
			return err
		}
		if built.All && !c.follow {
			return nil // a line in a shared hook has us started at every checkout
		}
	}
	m, err := open.ReadMemory(repo)
	if err != nil {
		return err
	}
	if len(m.Workspaces) == 0 {
		return nil
	}
	all := true
	for _, ws := range m.Workspaces {
		dir := filepath.Join(repo.Root, ws)
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil {
			all = false // not in this commit, or not yet checked out
			continue
		}
		settled, err := c.workspace(ctx, dir)
		if err != nil {
			a.hookFailed(err) // which does not keep the others from it
		}
		all = all && settled
	}
	// Where nothing can be noted, the next checkout looks again.
	_ = repo.NoteBuilt(all, c.dirs...)
	return nil
}

// checkedOut is a working tree after a checkout.
type checkedOut struct {
	*app
	repo   *git.Checkout
	built  git.Built
	isNew  bool     // git has just made it
	follow bool     // it went to other files, and build directories are to follow
	dirs   []string // build directories that were found there or made
}

// workspace looks after one workspace that init was run in, and reports whether
// the next checkout need not look at it again.
func (c *checkedOut) workspace(ctx context.Context, dir string) (settled bool, err error) {
	here := *c.app
	here.dir = dir
	w, err := here.openUnresolved(ctx)
	if !c.isNew && errors.Is(err, layers.ErrNoStore) {
		return false, nil // init makes one
	}
	if err != nil {
		return false, err
	}
	buildDir := w.place.Workspace.BuildDir
	if !c.isNew {
		// One that lies elsewhere may be that of other working trees, too.
		if rel, err := filepath.Rel(c.repo.Root, buildDir); err != nil || !filepath.IsLocal(rel) {
			if all, err := c.repo.Worktrees(ctx); err != nil || len(all) != 1 {
				return true, err
			}
		}
	}
	stub, _ := driver.IsStub(buildDir) // no cargo clean leaves one
	if layers.NothingBuilt(buildDir) && (stub || !c.repo.Had(c.built, buildDir)) {
		if err := here.resolve(ctx, w, true); err != nil {
			return false, err
		}
		restored, err := c.app.restoreWorkspace(ctx, w)
		if !restored || err != nil {
			return false, err
		}
	} else if w.place.Fingerprint != nil { // what the commit lacks, a build makes
		// In a new worktree it is shared by all, or made by another hook: not ours
		// to replace.
		_, come := w.place.Waiting()
		if !c.isNew && (c.follow || come) {
			if err := c.followWorkspace(ctx, w); err != nil {
				return false, err
			}
		}
	}
	c.dirs = append(c.dirs, buildDir)
	waits, _ := w.place.Waiting()
	return !waits, nil
}

// restoreWorkspace reports whether there was a layer to restore.
func (a *app) restoreWorkspace(ctx context.Context, w *opened) (bool, error) {
	if err := a.hide(w.place); err != nil {
		return false, err
	}
	rep, err := w.store.Restore(ctx, w.place, layers.RestoreOptions{Strict: w.Strict(), NoWait: true})
	if errors.Is(err, layers.ErrNoLayer) || errors.Is(err, layers.ErrUnsuitable) {
		return false, nil // a cold start is no failure, and not worth a line at every checkout
	}
	if err != nil {
		return false, err
	}
	a.reportWarmed(rep)
	if w.Warm() {
		return true, a.startWarm(w.place.Workspace.BuildDir)
	}
	return true, nil
}

// noteBuilt notes in the working tree that it has had its build directory.
func (w *opened) noteBuilt() {
	repo := w.place.Git
	if _, err := os.Lstat(w.place.Workspace.BuildDir); err != nil || repo == nil {
		return
	}
	m, err := open.ReadMemory(repo)
	if err != nil {
		return
	}
	waits, _ := w.place.Waiting()
	// Of other workspaces the hook knows more. Without the note it looks again.
	_ = repo.NoteBuilt(len(m.Workspaces) == 1 && !waits, w.place.Workspace.BuildDir)
}

// reportWarmed is the one line that a restore is worth amid git's output.
func (a *app) reportWarmed(rep *layers.RestoreReport) {
	text := restored(rep)
	if n := len(rep.Rebuild); n > 0 {
		text += fmt.Sprintf(", %d to be compiled anew", n)
	}
	a.term.Status("Restored", "%s", text)
}

func (a *app) hookFailed(err error) {
	if errors.Is(err, layers.ErrRolledBack) {
		return // a cold start, like any without a layer; status tells of it
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if h := help(err); h != "" {
		line += " (" + h + ")"
	}
	a.term.HookLine(line)
}
