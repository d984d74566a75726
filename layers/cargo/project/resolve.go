package project

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// Resolve has cargo write the lockfile of a workspace that has none, with the versions
// that the next build would choose. If one has appeared meanwhile, its versions stay
// (cargo 1.95, ops/cargo_update.rs:update_lockfile).
//
// The registry is asked until online ends. If it does not answer, cargo chooses among
// what it has downloaded, until ctx ends.
func (t Tool) Resolve(ctx, online context.Context, root string) error {
	_, err := t.run(online, root, t.Cargo, "update", "--workspace", "--quiet")
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrNoCargo) {
		return err
	}
	// What cargo says about the first attempt is about the build to come.
	if _, again := t.run(ctx, root, t.Cargo, "update", "--workspace", "--quiet", "--offline"); again != nil {
		return fmt.Errorf("resolve the dependencies of %s: %w", filepath.Join(root, "Cargo.toml"), err)
	}
	return nil
}
