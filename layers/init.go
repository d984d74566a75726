package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/locate"
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

// Init makes the checkout's build directory a tree. What lies in it is cloned with
// all its times, so that nothing is compiled again, and exchanged in one step.
func (s *Store) Init(ctx context.Context, co *Checkout, notify Notify) (*InitReport, error) {
	w, err := s.begin(ctx, co, false, notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	r := &InitReport{BuildDir: w.path(), Store: s.opts.Dir, Driver: s.opts.Driver.Name()}
	if w.kind == active.Tree {
		r.Already, err = w.noteStore()
		return r, err
	}
	if w.kind == active.Absent {
		if err := driver.MakeDirs(filepath.Dir(w.path()), 0o777); err != nil {
			return nil, fmt.Errorf("make %s: %w", w.path(), err)
		}
	}
	if err := w.lockCargo(ctx, false); err != nil {
		return nil, err
	}
	if w.kind == active.Directory {
		r.TakenOver = true
		ctx, left := driver.CollectUncopied(ctx)
		err := w.dir.TakeOver(ctx)
		r.Uncopied = left.Uncopied()
		return r, err
	}
	tmp, err := w.emptyTree(ctx)
	if err != nil {
		return nil, err
	}
	_, err = w.dir.Replace(ctx, tmp) // made by somebody in this instant, if anything is there
	return r, err
}

// InitNew makes the checkout's build directory an empty tree where nothing is built, and
// leaves it alone where something is: so nothing need be taken over later. It waits for
// nobody.
func (s *Store) InitNew(ctx context.Context, co *Checkout) error {
	w, err := s.begin(ctx, co, true, nil)
	if err != nil {
		return err
	}
	defer w.end()
	if !w.dir.IsNew() || w.kind == active.Tree {
		return nil
	}
	if err := driver.MakeDirs(filepath.Dir(w.path()), 0o777); err != nil {
		return fmt.Errorf("make %s: %w", w.path(), err)
	}
	if err := w.lockCargo(ctx, true); err != nil {
		return err
	}
	tmp, err := w.emptyTree(ctx)
	if err != nil {
		return err
	}
	if err = w.dir.PlaceNew(ctx, tmp); errors.Is(err, fs.ErrExist) {
		return w.dir.Abandon(ctx, tmp, nil) // somebody has come to build
	}
	return err
}

// emptyTree prepares a tree beside the build directory in which nothing is built.
func (w *work) emptyTree(ctx context.Context) (string, error) {
	tmp, err := w.dir.Prepare(ctx, "")
	if err != nil {
		return "", err
	}
	// Cargo tags a build directory only when it makes it itself.
	if err := os.WriteFile(filepath.Join(tmp, cacheTagFile), []byte(cacheTag), 0o666); err != nil {
		return "", fmt.Errorf("make %s: %w", w.path(), err)
	}
	return tmp, nil
}

// noteStore tells a build directory that is a tree which store it belongs to. It
// reports whether it was one of some store before.
func (w *work) noteStore() (already bool, err error) {
	store := w.store.note()
	if store.Dir == "" || locate.Noted(w.path()) == store {
		return true, nil
	}
	// To some drivers every directory is a tree; this may be one of cargo's, for
	// which nothing was chosen yet.
	already = locate.Noted(w.path()).Dir != ""
	return already, locate.Note(w.path(), store)
}
