package layers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

var (
	pointAdopted   = crashpoint.New("init.cloned")
	pointTakenOver = crashpoint.New("init.taken-over")
)

// InitReport says what Init found and did.
type InitReport struct {
	BuildDir  string `json:"build_dir"`
	Store     string `json:"store"`
	Driver    string `json:"driver"`
	Already   bool   `json:"already"`    // it was a tree of some store before
	TakenOver bool   `json:"taken_over"` // an ordinary directory became a tree
	Uncopied         // of that directory
}

// Init makes the place's build directory a tree. What lies in it is cloned with
// all its times, so that nothing is compiled again, and exchanged in one step.
func (s *Store) Init(ctx context.Context, p *Place, notify Notify) (*InitReport, error) {
	t := newTarget(p)
	r := &InitReport{BuildDir: t.path, Store: s.opts.Dir, Driver: s.opts.Driver.Name()}
	release, err := s.claim(ctx, t, notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	if was == tree {
		r.Already = true
		if store := s.noted(); store.Dir != "" && locate.Noted(t.path) != store {
			// To some drivers every directory is a tree; this may be one of cargo's, for
			// which nothing was chosen yet.
			r.Already = locate.Noted(t.path).Dir != ""
			err = locate.Note(t.path, store)
		}
		return r, err
	}
	if was == absent {
		if err := driver.MakeDirs(filepath.Dir(t.path), 0o777); err != nil {
			return nil, fmt.Errorf("make %s: %w", t.path, err)
		}
	}
	locks, err := p.lockCargo(ctx, false, notify)
	if err != nil {
		return nil, err
	}
	defer locks.Unlock()
	if was == directory {
		r.TakenOver = true
		ctx, left := leaveOut(ctx)
		err := s.takeOver(ctx, t, locks)
		r.Uncopied = left.report()
		return r, err
	}
	tmp, err := s.prepare(ctx, t, "")
	if err != nil {
		return nil, err
	}
	// Cargo tags a build directory only when it makes it itself.
	if err := os.WriteFile(filepath.Join(tmp, cacheTagFile), []byte(cacheTag), 0o666); err != nil {
		return nil, fmt.Errorf("make %s: %w", t.path, err)
	}
	replaced, err := s.install(t, tmp, locks)
	if err == nil && replaced != "" {
		err = s.setAside(ctx, t, replaced) // made by somebody in this instant
	}
	return r, err
}

// takeOver makes an ordinary directory a tree with the same content.
func (s *Store) takeOver(ctx context.Context, t target, locks *cargo.Locks) error {
	// The original could not be removed.
	if dirs, err := foreignDirs(t.path); err != nil {
		return fmt.Errorf("look at %s: %w", t.path, err)
	} else if len(dirs) > 0 {
		return foreignError("take over "+t.path, dirs...)
	}
	tmp, err := s.prepare(ctx, t, t.path)
	if err != nil {
		return err
	}
	if err := pointAdopted.Hit(); err != nil {
		return err
	}
	// Small files were copied, and the originals will be gone before the kernel
	// writes the copies out by itself.
	if err := syncFileSystem(tmp); err != nil {
		return fmt.Errorf("prepare %s: %w", t.path, err)
	}
	// From here on either of the two may go: they are the same.
	if err := prepared(t.path); err != nil {
		return fmt.Errorf("prepare %s: %w", t.path, err)
	}
	replaced, err := s.install(t, tmp, locks)
	if err != nil {
		return err
	}
	if err := pointTakenOver.Hit(); err != nil {
		return err
	}
	if err := s.remove(ctx, t, replaced); err != nil {
		return fmt.Errorf("remove the directory that was taken over: %w", err)
	}
	return nil
}
