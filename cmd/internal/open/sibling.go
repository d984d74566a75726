package open

import (
	"context"
	"errors"
	"fmt"
)

// OpenSibling opens the project of another session, for this one's sake: nobody has asked for
// anything there. So cargo is asked there only under the configuration that it is run under
// here, and the store has to be the same.
func (p *Project) OpenSibling(ctx context.Context, s *Session) (*Project, error) {
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
