package open

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	sibling, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	if sibling.Store.Dir() != p.Store.Dir() || sibling.BuildDir() == p.BuildDir() {
		return nil, fmt.Errorf("look at %s: it has another store, or the same build directory", s.opts.Dir)
	}
	return sibling, nil
}
