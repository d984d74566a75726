package open

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// readOnlyHelp tells of a sandbox where something cannot be written that can be
// elsewhere, unless it is another user's. Errors about something else stay as they are.
func readOnlyHelp(err error) error {
	if err == nil || !layers.IsReadOnly(err) {
		return err
	}
	if help := foreign.PermissionHelp(err); help != "" {
		return &layers.HelpError{Err: err, Help: help}
	}
	return &layers.HelpError{Err: err, Help: "run it once where that can be written, outside of this sandbox or container"}
}

// refuseTracked refuses a store that a commit has brought: what lies in it was not built
// here, and would be run.
func (s *Session) refuseTracked(ctx context.Context, checkout *layers.Checkout, dir string) error {
	if checkout.Git == nil {
		return nil
	}
	tracked, err := checkout.Git.Tracks(ctx, realPath(dir))
	if err != nil || !tracked {
		return err
	}
	return &layers.HelpError{
		Err:  fmt.Errorf("use store %s: it is a part of the repository", dir),
		Help: "name another one with --store DIR",
	}
}

// InitStore makes the store for a checkout, if there is none, has do work with it, and
// then has the repository remember it: as named only where the flag named it, since the
// environment speaks of all repositories. What cannot be written shows before anything
// is made, and what was made for it goes again where do fails.
func (s *Session) InitStore(ctx context.Context, checkout *layers.Checkout, do func(*layers.Store) error) error {
	dir, err := s.storeToMake(checkout.Workspace.BuildDir, checkout.Git)
	if err != nil {
		return err
	}
	if err := s.refuseTracked(ctx, checkout, dir); err != nil {
		return err
	}
	note, err := stageMemory(checkout, dir, s.opts.Store != "")
	if err != nil {
		return readOnlyHelp(err)
	}
	defer note.Discard()
	if err := hide(checkout); err != nil {
		return readOnlyHelp(err)
	}
	existed := locate.IsStore(dir)
	st, err := s.openStore(ctx, dir, checkout, true)
	if err == nil {
		err = do(st)
	}
	if err == nil {
		if err = note.Commit(); err == nil {
			s.noteKnown(checkout)
			return nil
		}
		err = fmt.Errorf("note the store: %w", err)
	}
	if st != nil && !existed {
		// Whoever has found it meanwhile finds it gone, and none of what is his in it.
		_ = st.RemoveEmpty(context.WithoutCancel(ctx))
	}
	return readOnlyHelp(err)
}

// IsAutomatic reports whether the user has this program act by itself.
func (s *Session) IsAutomatic() bool { return s.userDirs().IsAutomatic() }

// OpenMaking is Open for what acts by itself: where there is no store, it makes one, if trees
// can be made there in constant time. The repository is not told: the rule by which the store
// is found needs no more. The error wraps layers.ErrNoStore where there is to be none.
func (s *Session) OpenMaking(ctx context.Context) (*Project, error) {
	p, err := s.Open(ctx)
	if !errors.Is(err, layers.ErrNoStore) {
		return p, err
	}
	none := err
	checkout, err := s.Checkout(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := s.storeToMake(checkout.Workspace.BuildDir, checkout.Git)
	if err != nil {
		return nil, err
	}
	if err := s.refuseTracked(ctx, checkout, dir); err != nil {
		return nil, err
	}
	user, err := s.userConfig()
	if err != nil {
		return nil, err
	}
	d, err := chooseDriver(ctx, dir, checkout.Workspace.BuildDir, false, user.Compression)
	if err != nil {
		return nil, err
	}
	if !d.Caps().SharesData {
		return nil, none
	}
	store, err := s.openStore(ctx, dir, checkout, true)
	if err != nil {
		return nil, err
	}
	return &Project{s, checkout, store}, nil
}
