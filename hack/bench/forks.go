package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

const (
	forksMade = 10
	// forkedBytes is how large the build directory is that they come of.
	forkedBytes = 1 << 30
)

// The things measured on forks.
var (
	forksWarm    = fmt.Sprintf("`fork %d` of a build directory of 1 GiB", forksMade)
	forksPlain   = fmt.Sprintf("%d times `git worktree add`, which are cold", forksMade)
	forksRemoved = fmt.Sprintf("`fork --remove` of the %d", forksMade)
)

// forked measures ten forks of one checkout, and their removal, against as many worktrees of git's.
type forked struct {
	*subject
}

func (f *forked) aims() []aim {
	return []aim{
		{what: forksWarm, limit: 2 * time.Second},
		{what: forksWarm, against: forksPlain},
		{what: forksRemoved, limit: 2 * time.Second},
	}
}

func (f *forked) prepare(b *bencher, dir string) (facts []string, err error) {
	if f.subject, err = b.makeSubject(dir, middle); err != nil {
		return nil, err
	}
	size, err := grow(f.origin, forkedBytes)
	return []string{fmt.Sprintf("a target of %s files and %d MiB, forked %d times", report.Count(f.files), size>>20, forksMade)}, err
}

// grow makes a target as large as wanted by what no unit accounts for.
func grow(origin string, size int64) (int64, error) {
	var is int64
	err := filepath.WalkDir(filepath.Join(origin, "target"), func(_ string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		fi, err := d.Info()
		if err == nil {
			is += fi.Size()
		}
		return err
	})
	if err != nil || is >= size {
		return is, err
	}
	file, err := os.Create(filepath.Join(origin, "target", "more"))
	if err != nil {
		return is, err
	}
	if _, err := io.CopyN(file, rand.NewChaCha8([32]byte{}), size-is); err != nil {
		return is, err
	}
	return size, file.Close()
}

func (f *forked) round(b *bencher) error {
	return inTurn(
		func() error { return f.plain(b) },
		func() error { return f.fork(b) },
		// What was measured is worth something only if cargo goes on from there.
		func() error { return b.noop(f.place(forksMade)) },
		func() error { return f.remove(b) },
	)
}

// place is where a fork lies.
func (f *forked) place(n int) string {
	return filepath.Join(filepath.Dir(f.origin), fmt.Sprintf("bench-%d", n))
}

// clear removes all forks.
func (f *forked) clear(b *bencher) error {
	if _, err := project.Run(b.ctx, f.origin, f.cow.Env(), f.cow.Path, "--quiet", "fork", "--remove", "--force"); err != nil {
		return err
	}
	return b.settle()
}

func (f *forked) make(b *bencher) error {
	answer, err := f.cow.Run(b.ctx, f.origin, "fork", fmt.Sprint(forksMade), "--name=bench")
	if err == nil && (answer.Kept == 0 || answer.Rebuild > 0) {
		err = fmt.Errorf("fork: it has %d units, and %d would be rebuilt", answer.Kept, answer.Rebuild)
	}
	return err
}

func (f *forked) fork(b *bencher) error {
	return b.measure(forksWarm, func() error { return f.clear(b) }, func() error { return f.make(b) })
}

func (f *forked) remove(b *bencher) error {
	return b.measure(forksRemoved, func() error {
		err := f.clear(b)
		if err == nil {
			err = f.make(b)
		}
		return err
	}, func() error {
		_, err := project.Run(b.ctx, f.origin, f.cow.Env(), f.cow.Path, "--quiet", "fork", "--remove")
		return err
	})
}

// plain adds worktrees with branches of their own, one after the other.
func (f *forked) plain(b *bencher) error {
	name := func(n int) string { return fmt.Sprintf("plain-%d", n) }
	dir := filepath.Dir(f.origin)
	return b.measure(forksPlain, func() error {
		for n := range forksMade {
			if _, err := os.Lstat(filepath.Join(dir, name(n))); err != nil {
				continue
			}
			err := inTurn(
				func() error {
					return project.Git(b.ctx, f.origin, "worktree", "remove", "--force", filepath.Join(dir, name(n)))
				},
				func() error { return project.Git(b.ctx, f.origin, "branch", "--quiet", "-D", name(n)) },
			)
			if err != nil {
				return err
			}
		}
		return b.settle()
	}, func() error {
		for n := range forksMade {
			if err := project.Git(b.ctx, f.origin, "worktree", "add", "--quiet", "-b", name(n), filepath.Join(dir, name(n))); err != nil {
				return err
			}
		}
		return nil
	})
}
