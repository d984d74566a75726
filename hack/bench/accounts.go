package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/bulk"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

const hundred, thousand = 100, 1000

// The things measured on accounting and pruning.
const (
	accountFirst   = "`du`, a layer of 20,000 files, the first time"
	accountAgain   = "`du`, the same, again"
	accountBtrfs   = "`btrfs filesystem du -s` of the layer"
	accountHundred = "`du`, 100 such layers, the first time"
	planThousand   = "`prune --free 1GB --dry-run`, 1,000 layers of 1,000 files"
	removeThousand = "`rm` of one of them"
	removeBare     = "deleting a subvolume of 1,000 files, durably"
)

// accounts measures what finding out who holds what costs, and planning by it. Each subject has a disk to itself, since
// whoever asks for one store looks at all trees of its disk, and no build directory, which would be measured anew each time.
type accounts struct {
	one, hundred, thousand *subject
}

func (a *accounts) aims() []aim {
	return []aim{
		{what: accountFirst, against: accountBtrfs, ratio: 2},
		{what: accountAgain, against: accountBtrfs, ratio: 1. / 10},
		{what: accountHundred, limit: 10 * time.Second},
		{what: planThousand, limit: time.Second},
		{what: removeThousand, against: removeBare},
	}
}

func (a *accounts) prepare(b *bencher, _ string) (facts []string, err error) {
	for _, s := range []struct {
		to     **subject
		files  int
		layers int
	}{{&a.one, middle, 1}, {&a.hundred, middle, hundred}, {&a.thousand, small, thousand}} {
		own, err := b.disk()
		if err != nil {
			return nil, err
		}
		if *s.to, err = own.makeSubject(own.scratch.Dir, s.files); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "bench: making %d layers\n", s.layers)
		for range s.layers - 1 {
			if err := b.another(*s.to); err != nil {
				return nil, err
			}
		}
		if s.layers < thousand { // there the last one is needed
			if _, err := project.Run(b.ctx, "", nil, "btrfs", "subvolume", "delete", filepath.Join((*s.to).origin, "target")); err != nil {
				return nil, err
			}
		}
		if err := own.settle(); err != nil {
			return nil, err
		}
		facts = append(facts, fmt.Sprintf("%d layers of a target of %d files, each with one unit more than the last", s.layers, (*s.to).files))
	}
	return facts, nil
}

// another makes one more layer.
func (b *bencher) another(s *subject) error {
	if _, err := bulk.Fill(filepath.Join(s.origin, "target", "debug"), 1); err != nil {
		return err
	}
	answer, err := s.cow.Run(b.ctx, s.origin, "snapshot")
	if err == nil && !answer.Created {
		err = fmt.Errorf("no layer was made in %s", s.origin)
	}
	s.layer = answer.Layer
	return err
}

func (a *accounts) round(b *bencher) error {
	return inTurn(
		func() error { return b.account(a.one, accountFirst, true) },
		func() error { return b.account(a.one, accountAgain, false) },
		func() error {
			return b.measure(accountBtrfs, func() error { return nil }, func() error {
				_, err := project.Run(b.ctx, "", nil, "btrfs", "filesystem", "du", "-s", filepath.Join(a.one.cow.Store, "layers", a.one.layer))
				return err
			})
		},
		func() error { return b.account(a.hundred, accountHundred, true) },
		func() error {
			return b.measure(planThousand, func() error { return nil }, func() error {
				_, err := a.thousand.cow.Run(b.ctx, a.thousand.origin, "prune", "--free=1GB", "--margin=none", "--dry-run")
				return err
			})
		},
		func() error {
			return b.measure(removeThousand, func() error { return b.another(a.thousand) }, func() error {
				_, err := project.Run(b.ctx, a.thousand.origin, a.thousand.cow.Env(), a.thousand.cow.Path, "rm", a.thousand.layer)
				return err
			})
		},
		func() error {
			return b.measure(removeBare, func() error {
				_, err := project.Run(b.ctx, "", nil, b.bare, filepath.Join(a.thousand.origin, "target"), a.thousand.target())
				return err
			}, func() error {
				_, err := project.Run(b.ctx, "", nil, "btrfs", "subvolume", "delete", "--commit-each", a.thousand.target())
				return err
			})
		},
	)
}

// account measures du, the first time or again.
func (b *bencher) account(s *subject, name string, first bool) error {
	return b.measure(name, func() error {
		if first {
			return os.RemoveAll(filepath.Join(s.cow.Store, "maps"))
		}
		return nil
	}, func() error {
		_, err := project.Run(b.ctx, s.origin, s.cow.Env(), s.cow.Path, "--json", "du")
		return err
	})
}
