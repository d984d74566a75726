package byitself

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
)

// New restores a build directory before cargo makes it: the wrapper asks for it, and nobody
// reads what is said, so an account is kept. For users who have it act by itself a store is made,
// what a sibling has built is sealed first, and where nothing is restored the build directory
// begins as a tree, so that it can be sealed without being taken over.
func New(ctx context.Context, environment []string, command justintime.Command, session func(dir string) (*open.Session, error)) error {
	began := time.Now()
	s, err := session("")
	if err != nil {
		return err
	}
	automatic := s.IsAutomatic()
	find := s.Open
	if automatic {
		find = s.OpenMaking
	}
	p, err := find(ctx)
	if err != nil {
		return err
	}
	o := unasked.Outcome{BuildDir: p.BuildDir(), At: began}
	if p.HasBuilt() {
		o.Why = "it was built before, and removed"
	} else if err := fill(ctx, environment, p, command, session, &o); errors.Is(err, layers.ErrBuilt) {
		return err // another cargo was first, and has its own account
	} else if err != nil {
		o.Why, _, _ = strings.Cut(err.Error(), "\n") // cargo may have said more
	}
	if automatic && o.Restored == "" && p.Store.Driver().Caps().SharesData {
		if err = p.Store.InitNew(ctx, p.Checkout); err == nil {
			p.NoteBuilt()
		}
	}
	o.Took = time.Since(began).Milliseconds()
	unasked.Note(p.Store.Dir(), o)
	return err
}

// fill restores the best there is.
func fill(ctx context.Context, environment []string, p *open.Project, command justintime.Command, session func(dir string) (*open.Session, error), o *unasked.Outcome) error {
	if p.IsAutomatic() {
		sealed := SealSibling(ctx, environment, p, session)
		if sealed != nil {
			o.Sealed, o.Of = sealed.Layer, sealed.Of
			// That takes as long as a commit may: what is compared is the checkout as it is now.
			again, err := reopen(ctx, session)
			if err != nil {
				return err
			}
			p = again
		}
	}
	rep, err := p.Store.Restore(ctx, p.Checkout, layers.RestoreOptions{Strict: p.Strict(), OnlyNew: true, AtHand: command})
	if err != nil {
		return err
	}
	o.Restored = rep.ID
	// What is restored serves without being read ahead.
	_ = After(environment, p, p.Warm())
	return nil
}

func reopen(ctx context.Context, session func(dir string) (*open.Session, error)) (*open.Project, error) {
	s, err := session("")
	if err != nil {
		return nil, err
	}
	return s.Open(ctx)
}
