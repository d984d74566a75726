package open

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// resolveTimeout is how long the hook lets cargo ask a registry, while somebody waits for
// git. The index of a workspace with hundreds of dependencies takes 2 s.
const resolveTimeout = 15 * time.Second

// resolve has cargo make the lockfile of the session's workspace, as the next build
// would, and reports whether there was none. For the hook it does so only where git
// ignores the file: one that git sees would be in the way of the next checkout of a commit
// that has one. There the error wraps project.ErrNoLockfile.
func (s *Session) resolve(ctx context.Context, hook bool) (resolved bool, err error) {
	checkout, err := s.Unresolved(ctx)
	if err != nil || checkout.Fingerprint != nil {
		return false, err
	}
	online, tool := ctx, checkout.Tool
	if hook {
		ignored := false
		if checkout.Git != nil {
			if ignored, err = checkout.Git.Ignored(ctx, filepath.Join(checkout.Workspace.Root, "Cargo.lock")); err != nil {
				return false, err
			}
		}
		if !ignored {
			return false, &layers.HelpError{
				Err:  fmt.Errorf("fingerprint %s: %w", checkout.Workspace.Root, project.ErrNoLockfile),
				Help: "commit Cargo.lock, or run `cargo cow restore` there",
			}
		}
		var cancel context.CancelFunc
		online, cancel = context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		// Without a network cargo would try four times, which takes 10 s.
		tool.Environ = append(slices.Clone(tool.Environ), "CARGO_NET_RETRY=0")
	}
	if err := tool.Resolve(ctx, online, checkout.Workspace.Root); err != nil {
		return false, err
	}
	s.checkout = nil
	return true, nil
}
