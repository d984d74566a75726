package postcheckout

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// workingTree is one after a checkout.
type workingTree struct {
	hook   *Hook
	repo   *git.Checkout
	built  git.Built
	isNew  bool     // git has just made it
	follow bool     // it went to other files, and build directories are to follow
	dirs   []string // build directories that were found there or made
}

// workspace looks after one workspace that init was run in, and reports whether
// the next checkout need not look at it again.
func (t *workingTree) workspace(ctx context.Context, dir string) (settled bool, err error) {
	s, err := t.hook.Session(dir)
	if err != nil {
		return false, err
	}
	w, err := s.OpenUnresolved(ctx)
	if !t.isNew && errors.Is(err, layers.ErrNoStore) {
		return false, nil // init makes one
	}
	if err != nil {
		return false, err
	}
	buildDir := w.BuildDir()
	if !t.isNew {
		// One that lies elsewhere may be that of other working trees, too.
		if rel, err := filepath.Rel(t.repo.Root, buildDir); err != nil || !filepath.IsLocal(rel) {
			if all, err := t.repo.Worktrees(ctx); err != nil || len(all) != 1 {
				return true, err
			}
		}
	}
	stub := rollback.IsStub(buildDir) // no cargo clean leaves one
	if layers.NothingBuilt(buildDir) && (stub || !t.repo.Had(t.built, buildDir)) {
		if _, err := w.Resolve(ctx, true); err != nil {
			return false, err
		}
		restored, err := t.hook.restore(ctx, w)
		if !restored || err != nil {
			return false, err
		}
	} else if w.Checkout.Fingerprint != nil { // what the commit lacks, a build makes
		// In a new worktree it is shared by all, or made by another hook: not ours
		// to replace.
		_, come := w.Checkout.Waiting()
		if !t.isNew && (t.follow || come) {
			if err := t.hook.follow(ctx, w); err != nil {
				return false, err
			}
		}
	}
	t.dirs = append(t.dirs, buildDir)
	waits, _ := w.Checkout.Waiting()
	return !waits, nil
}

// restore reports whether there was a layer to restore.
func (h *Hook) restore(ctx context.Context, w *open.Project) (bool, error) {
	if err := w.HideUndo(report.UndoSeen(h.Term)); err != nil {
		return false, err
	}
	rep, err := w.Store.Restore(ctx, w.Checkout, layers.RestoreOptions{Strict: w.Strict(), NoWait: true})
	if errors.Is(err, layers.ErrNoLayer) || errors.Is(err, layers.ErrUnsuitable) {
		return false, nil // a cold start is no failure, and not worth a line at every checkout
	}
	if err != nil {
		return false, err
	}
	report.RestoreBriefly(h.Term, rep)
	if w.Warm() {
		return true, spawn.Warm(h.Environ, w.BuildDir())
	}
	return true, nil
}

// follow has a build directory follow what is checked out, where that is worth it.
func (h *Hook) follow(ctx context.Context, w *open.Project) error {
	if err := w.HideUndo(report.UndoSeen(h.Term)); err != nil {
		return err
	}
	rep, err := w.Store.Switch(ctx, w.Checkout, layers.SwitchOptions{Strict: w.Strict(), NoWait: true})
	if err != nil || rep.Restored == nil {
		return err
	}
	report.RestoreBriefly(h.Term, rep.Restored)
	return nil
}
