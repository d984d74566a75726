package forking

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// ready seals what is built here, so that the forks get it. Where that cannot be, now, they
// get the layers that there are. Where layers are copied, it says what that takes, and
// fails where there is no room.
func (j *job) ready(ctx context.Context, o Options) error {
	if err := j.p.HideUndo(report.UndoSeen(j.Term)); err != nil {
		return err
	}
	if !j.p.Store.Driver().Caps().SharesData || !open.Serves(j.p.Store, j.p.BuildDir()) {
		if err := j.checkRoom(ctx, o); err != nil {
			return err
		}
	}
	if j.p.Checkout.Fingerprint == nil {
		j.Term.Detail("Note", "nothing is sealed: there is no Cargo.lock")
		return nil
	}
	rep, err := j.p.Snapshot(ctx, layers.SnapshotOptions{NoWait: true})
	switch {
	case errors.Is(err, layers.ErrNoTarget):
		j.Term.Detail("Note", "%v", err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, layers.ErrBusy):
		j.Term.Status("Note", "cargo is building here: the forks get what was sealed before")
	case err != nil:
		j.Term.Warn("the forks get what was sealed before: %v%s", err, exit.Suffix(err))
	case rep.CreatedNew:
		report.Snapshot(j.Term, rep)
	}
	return nil
}

// checkRoom tells what copies take, and fails where there is no room for them.
func (j *job) checkRoom(ctx context.Context, o Options) error {
	one, seals, err := j.copied(ctx)
	if err != nil || one == 0 {
		return err
	}
	free, err := reflink.Free(existing(j.dir))
	if err != nil {
		return err
	}
	need := int64(seals) * one // into the store of another file system
	if !j.p.Store.Driver().Caps().SharesData {
		need += int64(o.N) * one
		j.Term.Status("Copies", "%s for %s: this file system shares no data", phrase.Size(need), phrase.Count(o.N, "fork"))
	}
	if need > free {
		return &layers.HelpError{Err: fmt.Errorf("make %s: that takes %s, and %s are free", phrase.Count(o.N, "fork"), phrase.Size(need), phrase.Size(free)),
			Help: "make fewer, or put them on another file system with --in DIR"}
	}
	return nil
}

// copied is how many bytes a fork's build directory takes where it is a copy, and how many
// more copies sealing makes.
func (j *job) copied(ctx context.Context) (one int64, seals int, err error) {
	if dir := j.p.BuildDir(); !open.NothingBuilt(dir) {
		u, err := j.p.Store.Driver().Usage(ctx, dir)
		return u.Total, 1, err
	}
	if j.p.Checkout.Fingerprint == nil {
		return 0, 0, nil
	}
	rep, err := j.p.Store.Restore(ctx, j.p.Checkout, layers.RestoreOptions{DryRun: true, NoWait: true})
	if err != nil {
		return 0, 0, nil // whatever it is, nothing is restored from here
	}
	sizes, err := j.p.Store.Sizes(ctx, []layers.Record{rep.Record}, time.Minute)
	return sizes[rep.ID], 0, err
}

// restore gives a workspace of a fork its build directory. It is no failure where no layer
// fits.
func (j *job) restore(ctx context.Context, tree *git.Checkout, workspace string, made *fork) error {
	dir := filepath.Join(tree.Root, workspace)
	if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil {
		return nil // not in this commit
	}
	s, err := j.Session(dir)
	if err != nil {
		return err
	}
	// What a commit brings was not asked to be run.
	if err := s.CheckKnown(tree); err != nil {
		return err
	}
	p, err := s.OpenUnresolved(ctx)
	if err != nil {
		return err
	}
	if p.BuildDir() == j.p.BuildDir() {
		made.cold = nil
		return nil // all share one
	}
	if _, err := p.Resolve(ctx, true); err != nil {
		return err
	}
	rep, err := p.Store.Restore(ctx, p.Checkout, layers.RestoreOptions{Strict: p.Strict(), OnlyNew: true})
	if errors.Is(err, layers.ErrNoLayer) || errors.Is(err, layers.ErrUnsuitable) || errors.Is(err, layers.ErrBuilt) {
		return nil
	}
	if err != nil {
		return err
	}
	p.NoteBuilt()
	if made.Layer == "" {
		made.Layer = rep.ID
	}
	made.Warm = true
	made.Kept += rep.Kept
	made.Rebuild += len(rep.Rebuild)
	if p.Warm() {
		return spawn.Warm(j.Environ, p.BuildDir())
	}
	return nil
}
