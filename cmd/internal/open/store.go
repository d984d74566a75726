package open

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/relocate"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// noteMade notes a store that was made for projects on other mounts.
func (s *Session) noteMade(store string) {
	// Without the note they get another.
	_ = locate.AddMade(s.userDirs().Data, store)
}

// openStore opens the store in dir, or with create makes it. checkout is the one that it
// is to serve, nil for what needs none.
func (s *Session) openStore(ctx context.Context, dir string, checkout *layers.Checkout, create bool) (*layers.Store, error) {
	exists, err := checkOwner(dir)
	if err != nil {
		return nil, err
	}
	if !exists && !create && rollback.IsStub(dir) {
		return nil, layers.RolledBackStore(dir)
	}
	if !exists && !create {
		return nil, fmt.Errorf("open store %s: %w", dir, layers.ErrNoStore)
	}
	buildDir := ""
	if checkout != nil {
		buildDir = checkout.Workspace.BuildDir
	}
	user, err := s.userConfig()
	if err != nil {
		return nil, err
	}
	if exists { // and may be one that a killed process was moving
		dir = relocate.Settle(ctx, dir, s.userDirs().Data, s.driverOf)
	}
	d, err := chooseDriver(ctx, dir, buildDir, exists, user.Compression)
	if err != nil {
		return nil, err
	}
	s.driver = d
	far := false
	if checkout != nil && exists {
		if err := checkSharesData(d, dir, buildDir); err != nil && !s.opts.MayCopy {
			return nil, err
		} else if err != nil {
			far = true
		}
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	o := layers.Options{Dir: dir, Driver: d, Now: time.Now, Tool: s.opts.Tool, Self: program, Temp: os.TempDir(), Far: far}
	o.Named = s.opts.Store != ""
	o.Passing = s.namedStore() != "" && !create
	if checkout != nil && !o.Named {
		o.Named, err = s.remembersNamed(dir, checkout)
		if err != nil {
			return nil, err
		}
	}
	if !create {
		return layers.Open(ctx, o)
	}
	st, err := layers.Create(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := recordDriver(dir, d); err != nil {
		return nil, err
	}
	// One that was named is for those who name it.
	if user, err := s.userConfig(); err == nil && s.namedStore() == "" && user.Store == "" && d.Caps().SharesData {
		s.noteMade(dir)
	}
	return st, nil
}

// Store opens the store for a checkout. Errors wrap layers.ErrNoStore when there is none.
func (s *Session) Store(ctx context.Context, checkout *layers.Checkout) (*layers.Store, error) {
	dir, err := s.findStore(checkout.Workspace.BuildDir, checkout.Git)
	if err != nil {
		return nil, err
	}
	return s.openStore(ctx, dir, checkout, false)
}

// AnyStore opens the store for commands that need no checkout. What serves the build
// directory goes first; outside of a project it is what would serve one here. To
// look at, or to remove from, one that is too far to restore from does as well.
func (s *Session) AnyStore(ctx context.Context) (*layers.Store, error) {
	dir, err := s.findAnyStore(ctx)
	if err != nil {
		return nil, err
	}
	return s.openStore(ctx, dir, nil, false)
}

// PrepareStore makes the store that builds in the session's directory belong to, if
// there is none, and returns where it is. named tells that the user chose it: the
// wrapper cannot know that by itself.
func (s *Session) PrepareStore(ctx context.Context) (dir string, named bool, err error) {
	named = s.namedStore() != "" && s.environ.Get("CARGO_COW_STORE") == "" // which the wrapper sees
	buildDir, repo, err := s.buildDirAndRepository(ctx)
	if err == nil {
		dir, err = s.storeToMake(buildDir, repo)
	}
	if err != nil {
		return "", false, err
	}
	_, err = s.openStore(ctx, dir, nil, true)
	return dir, named, err
}
