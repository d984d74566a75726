package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// crowdSize is how many worktrees are restored at once.
const crowdSize = 50

// crowdAim bounds what fifty restores at once take, in what the kernel needs for their snapshots.
const crowdAim = 3

// crowd measures restores in many worktrees of one origin at once. What it is measured against is the sum of what the
// kernel needs for as many writable snapshots of the same tree, straight under their final names: one ioctl after the
// other, in one process whose start does not count. Each is durable and can be built in when its ioctl returns, so that
// nothing else belongs to the sum.
type crowd struct {
	crowds []*crowdSubject
}

// A crowdSubject is an origin with its worktrees.
type crowdSubject struct {
	*subject
	name      string
	worktrees []string
}

func (s *crowdSubject) restores() string {
	return fmt.Sprintf("%d `restore` at once, %s", crowdSize, s.name)
}

func (s *crowdSubject) process() string { return s.restores() + ", process time" }

func (s *crowdSubject) bare() string {
	return fmt.Sprintf("%d bare snapshot ioctls one after the other, %s", crowdSize, s.name)
}

func (s *crowdSubject) bareAtOnce() string { return "the same ioctls at once, " + s.name }

func (c *crowd) aims() []aim {
	var all []aim
	for _, s := range c.crowds {
		all = append(all,
			aim{what: s.restores(), against: s.bare(), ratio: crowdAim},
			aim{what: s.restores(), against: s.bareAtOnce()},
			aim{what: s.process(), against: s.restores()})
	}
	return all
}

func (c *crowd) prepare(b *bencher, dir string) (facts []string, err error) {
	for _, files := range []int{small, middle} {
		s, err := b.makeSubject(dir, files)
		if err != nil {
			return nil, err
		}
		c.crowds = append(c.crowds, &crowdSubject{subject: s, name: report.Count(files) + " files"})
	}
	demo, err := b.makeDemoSubject(filepath.Join(dir, "demo"))
	if err != nil {
		return nil, err
	}
	c.crowds = append(c.crowds, demo)
	for _, s := range c.crowds {
		if err := s.addWorktrees(b); err != nil {
			return nil, err
		}
		facts = append(facts, fmt.Sprintf("%d worktrees of %s: a target of %s files", crowdSize, s.name, report.Count(s.files)))
	}
	return facts, nil
}

// makeDemoSubject builds the demo project in dir and seals it.
func (b *bencher) makeDemoSubject(dir string) (*crowdSubject, error) {
	fmt.Fprintf(os.Stderr, "bench: building %s\n", project.Demo)
	s := &subject{cow: b.storeIn(dir), origin: filepath.Join(dir, "origin"), worktree: filepath.Join(dir, "place")}
	err := inTurn(
		func() error { return os.Mkdir(dir, 0o755) },
		func() error { return project.Fetch(b.ctx, project.Demo, s.origin) },
		func() (err error) {
			s.layer, _, err = b.layer(s.cow, s.origin)
			return err
		},
		func() error { return b.count(s) },
	)
	return &crowdSubject{subject: s, name: project.Demo.String()}, err
}

func (s *crowdSubject) addWorktrees(b *bencher) error {
	for n := range crowdSize {
		dir := filepath.Join(filepath.Dir(s.origin), fmt.Sprintf("crowd-%d", n))
		if err := project.Git(b.ctx, s.origin, "worktree", "add", "--quiet", "--detach", dir); err != nil {
			return err
		}
		s.worktrees = append(s.worktrees, dir)
	}
	return nil
}

// targets are the build directories of the worktrees.
func (s *crowdSubject) targets() []string {
	var all []string
	for _, w := range s.worktrees {
		all = append(all, filepath.Join(w, "target"))
	}
	return all
}

// clear removes what the last measurement left of the worktrees' targets.
func (s *crowdSubject) clear(b *bencher) error {
	var there []string
	for _, target := range s.targets() {
		for _, dir := range []string{target, target + ".cargo-cow-undo"} {
			if _, err := os.Lstat(dir); err == nil {
				there = append(there, dir)
			}
		}
	}
	if len(there) > 0 {
		if _, err := project.Run(b.ctx, "", nil, "btrfs", append([]string{"subvolume", "delete"}, there...)...); err != nil {
			return err
		}
	}
	return b.settle()
}

func (c *crowd) round(b *bencher) error {
	for _, s := range c.crowds {
		err := inTurn(
			func() error { return s.ioctls(b, s.bare()) },
			func() error { return s.ioctls(b, s.bareAtOnce(), "-at-once") },
			func() error { return s.restoreAll(b) },
			// What was measured is worth something only if cargo goes on from there.
			func() error { return b.noop(s.worktrees[0]) },
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// ioctls measures bare snapshots, by the time that they take within their process.
func (s *crowdSubject) ioctls(b *bencher, name string, flags ...string) error {
	args := append(flags, filepath.Join(s.origin, "target"))
	var took time.Duration
	for range 2 { // the second time counts, as in measure
		if err := s.clear(b); err != nil {
			return err
		}
		out, err := project.Run(b.ctx, "", nil, b.bare, append(args, s.targets()...)...)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		took = time.Duration(ns)
	}
	b.times[name] = append(b.times[name], took)
	return nil
}

// restoreAll measures restores in all worktrees at once, from the start of the first to the end of the last.
func (s *crowdSubject) restoreAll(b *bencher) error {
	var used time.Duration
	err := b.measure(s.restores(), func() error { return s.clear(b) }, func() error {
		before := childrenTime()
		errs := make([]error, len(s.worktrees))
		var wg sync.WaitGroup
		for i, dir := range s.worktrees {
			wg.Go(func() {
				answer, err := s.cow.Run(b.ctx, dir, "restore")
				if err == nil && (answer.Rebuild > 0 || answer.Layer != s.layer) {
					err = fmt.Errorf("%d units would be rebuilt in %s, which got layer %s and not %s", answer.Rebuild, dir, answer.Layer, s.layer)
				}
				errs[i] = err
			})
		}
		wg.Wait()
		used = childrenTime() - before
		return errors.Join(errs...)
	})
	b.times[s.process()] = append(b.times[s.process()], used)
	return err
}

// childrenTime is what the processors have done for children of this process that have ended.
func childrenTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
