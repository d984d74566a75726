package open

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// targetDir tells cargo where to build, whatever else is said.
const targetDir = "CARGO_TARGET_DIR"

// OpenSibling opens the project of another session, for this one's sake: nobody has asked for
// anything there. So cargo is asked there only under the configuration that it is run under
// here, and the store has to be the same. A variable that names the build directory is about
// this one's; there it names buildDir.
func (p *Project) OpenSibling(ctx context.Context, s *Session, buildDir string) (*Project, error) {
	if s.environ.Get(targetDir) != "" {
		s.environ = append(slices.Clip(s.environ), targetDir+"="+buildDir)
	}
	if err := s.keepToRoot(); err != nil {
		return nil, err
	}
	repo, err := s.repository(ctx, s.opts.Dir)
	if err != nil {
		return nil, err
	}
	here, err := p.steering(p.Checkout.Git, p.Checkout.Workspace.Root)
	if err != nil {
		return nil, err
	}
	if there, err := s.steering(repo, s.opts.Dir); err != nil || there != here {
		return nil, fmt.Errorf("look at %s: %w", s.opts.Dir, errors.Join(errSteered, err))
	}
	// What is built on another file system is of use here, too, and is copied.
	if !locate.Shares(p.Store.Dir(), locate.Existing(buildDir)) {
		s.opts.Store, s.opts.MayCopy = p.Store.Dir(), true
	}
	sibling, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	if sibling.Store.Dir() != p.Store.Dir() || sibling.BuildDir() == p.BuildDir() {
		return nil, fmt.Errorf("look at %s: it has another store, or the same build directory", s.opts.Dir)
	}
	return sibling, nil
}

// OpenInto opens a checkout for what is to be restored below a directory on another file system:
// with the store that serves there, which is made where there is none. Into that the checkout's
// build directory can be sealed, and nothing else is done with it.
func (s *Session) OpenInto(ctx context.Context, checkout *layers.Checkout, dir string) (*Project, error) {
	store, err := s.storeToMake(filepath.Join(dir, "target"), nil)
	if err != nil {
		return nil, err
	}
	if !locate.IsStore(store) {
		if _, err := s.openStore(ctx, store, nil, true); err != nil {
			return nil, err
		}
	}
	s.opts.Store, s.opts.MayCopy = store, true
	st, err := s.openStore(ctx, store, checkout, false)
	if err != nil {
		return nil, err
	}
	// The repository is told of no store, and forks are of what its user has run a command in.
	if checkout.Git != nil {
		s.addKnown(checkout.Git, checkout)
	}
	return &Project{s, checkout, st}, nil
}

// Serves reports whether the files of a store can share data with what is, or will be, in a
// directory.
func Serves(store *layers.Store, dir string) bool {
	return store != nil && locate.Shares(store.Dir(), locate.Existing(dir))
}
