package layers

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// RemoveTree removes a build directory, or what undo would bring back, unless it is in use:
// then it fails with ErrBusy. Once nobody can change it any more, still says whether it is to go
// all the same.
func (s *Store) RemoveTree(ctx context.Context, t whereabouts.Tree, still func() bool) error {
	return active.Remove(ctx, t.Of, t.Undo, s.claimOptions(true), still)
}

// Tidy puts away what a process that died has left beside a build directory, unless that is in
// use: then whoever uses it does so.
func (s *Store) Tidy(ctx context.Context, buildDir string) error {
	return active.Tidy(ctx, buildDir, s.claimOptions(true))
}
