package project

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// Resolve has cargo write the lockfile of a workspace that has none, with the versions
// that a build would choose which comes next. One that is there meanwhile keeps what
// it says (cargo 1.95, ops/cargo_update.rs:update_lockfile). Where the registry cannot
// be asked, cargo is left to what it has downloaded, as long as ctx lasts.
//
// online bounds how long the registry is asked.
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
