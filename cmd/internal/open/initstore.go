package open

import (
	"context"
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

// InitStore makes the store for a checkout, if there is none, has do work with it, and
// then has the repository remember it: as named only where the flag named it, since the
// environment speaks of all repositories. What cannot be written shows before anything
// is made, and what was made for it goes again where do fails.
func (s *Session) InitStore(ctx context.Context, checkout *layers.Checkout, do func(*layers.Store) error) error {
	dir, err := s.storeToMake(checkout.Workspace.BuildDir, checkout.Git)
	if err != nil {
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
