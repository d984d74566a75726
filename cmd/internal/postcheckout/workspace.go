package postcheckout

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/cmd/internal/byitself"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
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
	// What was just checked out was not asked to be run.
	if err := s.CheckKnown(t.repo); err != nil {
		return false, err
	}
	p, err := s.OpenUnresolved(ctx)
	if !t.isNew && errors.Is(err, layers.ErrNoStore) {
		return false, nil // init makes one
	}
	if err != nil {
		return false, err
	}
	buildDir := p.BuildDir()
	if !t.isNew {
		// One that lies elsewhere may be that of other working trees, too.
		if rel, err := filepath.Rel(t.repo.Root, buildDir); err != nil || !filepath.IsLocal(rel) {
			if all, err := t.repo.Worktrees(ctx); err != nil || len(all) != 1 {
				return true, err
			}
		}
	}
	stub := rollback.IsStub(buildDir) // no cargo clean leaves one
	if open.NothingBuilt(buildDir) && (stub || !t.repo.Had(t.built, buildDir)) {
		if _, err := p.Resolve(ctx, true); err != nil {
			return false, err
		}
		restored, err := t.hook.restore(ctx, p)
		if !restored || err != nil {
			return false, err
		}
	} else if p.Checkout.Fingerprint != nil { // what the commit lacks, a build makes
		// In a new worktree it is shared by all, or made by another hook: not ours
		// to replace.
		_, come := p.Checkout.Waiting()
		if !t.isNew && (t.follow || come) {
			if err := t.hook.follow(ctx, p); err != nil {
				return false, err
			}
		}
	}
	t.dirs = append(t.dirs, buildDir)
	waits, _ := p.Checkout.Waiting()
	return !waits, nil
}

// restore reports whether there was a layer to restore.
func (h *Hook) restore(ctx context.Context, p *open.Project) (bool, error) {
	if err := p.HideUndo(report.UndoSeen(h.Term)); err != nil {
		return false, err
	}
	if p.IsAutomatic() {
		byitself.SealSibling(ctx, h.Environ, p, h.Session)
	}
	rep, err := p.Store.Restore(ctx, p.Checkout, layers.RestoreOptions{Strict: p.Strict(), NoWait: true})
	if errors.Is(err, layers.ErrNoLayer) || errors.Is(err, layers.ErrUnsuitable) {
		return false, nil // a cold start is no failure, and not worth a line at every checkout
	}
	if err != nil {
		return false, err
	}
	report.RestoreBriefly(h.Term, rep)
	pruning.Begin(h.Environ, p.Session, p.Store)
	if p.Warm() {
		return true, spawn.Warm(h.Environ, p.BuildDir())
	}
	return true, nil
}

// follow has a build directory follow what is checked out, where that is worth it.
func (h *Hook) follow(ctx context.Context, p *open.Project) error {
	if err := p.HideUndo(report.UndoSeen(h.Term)); err != nil {
		return err
	}
	rep, err := p.Store.Switch(ctx, p.Checkout, layers.SwitchOptions{Strict: p.Strict(), NoWait: true})
	if err != nil || rep.Restored == nil {
		return err
	}
	report.RestoreBriefly(h.Term, rep.Restored)
	return nil
}
