package layers

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// omission is what of a build directory is not as a layer has it: what is another user's.
type omission struct {
	unlocked []string // directories that could not be locked, relative; they are left out
	foreign  bool     // there are others, of which the layer gets copies
	plain    bool     // and the build directory is no tree of ours
}

// leanCopy makes a copy of the build directory without the units that no build there can
// use, and without the directories that could not be locked. The build directory keeps
// them: its user may go back to another lockfile. Directories of another user are this
// user's in the copy.
func (w *work) leanCopy(ctx context.Context, m *manifest.Manifest, omit omission) (tmp string, err error) {
	s := w.store
	if omit.foreign || omit.plain || len(omit.unlocked) > 0 {
		tmp, err = w.ownCopy(ctx, omit.unlocked)
	} else {
		tmp = s.tempTree()
		err = s.opts.Driver.Clone(ctx, tmp, w.path())
	}
	if err != nil {
		return "", w.dir.ExplainMove(fmt.Errorf("seal %s: %w", w.path(), err))
	}
	if len(m.Dead) == 0 {
		return tmp, nil
	}
	cache, err := m.RemoveDead(tmp, w.checkout.Workspace.CargoHome, active.UnitCache(tmp))
	if err == nil {
		err = active.WriteFile(tmp, active.UnitCacheFile, cache)
	}
	if err != nil {
		return "", s.dropTemp(ctx, tmp, fmt.Errorf("seal %s: %w", w.path(), err))
	}
	return tmp, nil
}

// ownCopy makes a copy of the build directory, in the store, in which all belongs to
// this user: file by file, without the directories that could not be locked.
func (w *work) ownCopy(ctx context.Context, without []string) (string, error) {
	s := w.store
	tmp := s.tempTree()
	if err := s.opts.Driver.Create(ctx, tmp); err != nil {
		return "", err
	}
	mode := reflink.Never
	if s.opts.Driver.Caps().SharesData {
		mode = reflink.Always
	}
	if s.opts.Far {
		mode = reflink.Auto
	}
	_, err := reflink.CopyTree(ctx, tmp, w.path(), reflink.Options{
		Mode:    mode,
		Skip:    func(rel string, _ fs.DirEntry) bool { return slices.Contains(without, rel) },
		LeftOut: driver.LeftOut(ctx, w.path()), Told: driver.Copied(ctx),
	})
	if err != nil {
		return "", s.dropTemp(ctx, tmp, err)
	}
	return tmp, nil
}
