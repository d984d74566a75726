package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/bench/bulk"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A subject is a workspace with a target of a certain size, of which a layer exists, and a worktree to restore it in.
type subject struct {
	cow              *program.Program
	origin, worktree string
	layer            string
	files, real      int // of the target: all, and those that a build has made
}

// count counts the files of the origin's target, which a build has made.
func (*bencher) count(s *subject) (err error) {
	s.real, err = bulk.Count(filepath.Join(s.origin, "target", "debug"))
	s.files = s.real
	return err
}

func (s *subject) target() string { return filepath.Join(s.worktree, "target") }

func (b *bencher) makeSubject(dir string, files int) (*subject, error) {
	dir = filepath.Join(dir, fmt.Sprint(files))
	s := &subject{cow: b.storeIn(dir), origin: filepath.Join(dir, "origin"), worktree: filepath.Join(dir, "place")}
	fmt.Fprintf(os.Stderr, "bench: making a target of %d files\n", files)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := project.Workspace(b.ctx, s.origin); err != nil {
		return nil, err
	}
	// A worktree made before the program is at home in the repository: nothing restores anything by itself.
	if err := project.Git(b.ctx, s.origin, "worktree", "add", "--quiet", "-b", "place", s.worktree); err != nil {
		return nil, err
	}
	if _, err := s.cow.Run(b.ctx, s.origin, "init"); err != nil {
		return nil, err
	}
	if _, err := project.Cargo(b.ctx, s.origin, nil, "build", "--locked"); err != nil {
		return nil, err
	}
	if err := b.count(s); err != nil {
		return nil, err
	}
	added, err := bulk.Fill(filepath.Join(s.origin, "target", "debug"), files-s.real)
	if err != nil {
		return nil, err
	}
	s.files += added
	if err := b.noop(s.origin); err != nil {
		return nil, err
	}
	answer, err := s.cow.Run(b.ctx, s.origin, "snapshot")
	s.layer = answer.Layer
	return s, err
}

// storeIn is the program with a store in dir. Subjects of one project have one each: in a common one each restore would
// take the largest target, which holds most.
func (b *bencher) storeIn(dir string) *program.Program {
	cow := *b.cow
	cow.Store = filepath.Join(dir, "store")
	return &cow
}

// noop checks that cargo has nothing to do in dir.
func (b *bencher) noop(dir string) error {
	built, err := project.Cargo(b.ctx, dir, nil, "build", "--locked")
	if err == nil && len(built.Compiled()) > 0 {
		err = fmt.Errorf("build in %s: cargo compiled %v, and should have found all fresh", dir, built.Compiled())
	}
	return err
}

// clear removes what the last measurement left of the worktree's target, and waits until the file system is done with it.
func (b *bencher) clear(s *subject) error {
	for _, dir := range []string{s.target(), filepath.Join(s.worktree, "target.cargo-cow-undo")} {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// In one step where it is a subvolume, which is quicker by far.
		if _, err := project.Run(b.ctx, "", nil, "btrfs", "subvolume", "delete", dir); err != nil {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return b.settle()
}

// settle waits until the file system has written what was written, and is done with what was removed. Subvolumes are
// cleaned up from the next commit on, which by itself is 30 s away; meanwhile an idle machine may push everything out of
// memory that the measured program needs.
func (b *bencher) settle() error {
	_, err := b.scratch.Used()
	if err == nil && b.scratch.Own {
		_, err = project.Run(b.ctx, "", nil, "btrfs", "subvolume", "sync", b.scratch.Dir)
	}
	return err
}

func (b *bencher) restore(s *subject, name string) error {
	return b.measure(name, func() error { return b.clear(s) }, func() error {
		answer, err := s.cow.Run(b.ctx, s.worktree, "restore")
		if err == nil && answer.Rebuild > 0 {
			err = fmt.Errorf("%d units would be rebuilt", answer.Rebuild)
		}
		return err
	})
}

func (b *bencher) copy(s *subject, name string) error {
	return b.measure(name, func() error { return b.clear(s) }, func() error {
		_, err := project.Run(b.ctx, "", nil, "cp", "-a", "--reflink=always", filepath.Join(s.origin, "target"), s.target())
		return err
	})
}

func (b *bencher) ioctl(s *subject, name string) error {
	return b.measure(name, func() error { return b.clear(s) }, func() error {
		_, err := project.Run(b.ctx, "", nil, b.bare, filepath.Join(s.origin, "target"), s.target())
		return err
	})
}

// firstBuild measures the build after a restore.
func (b *bencher) firstBuild(s *subject, name string) error {
	return b.measure(name, func() error {
		err := b.clear(s)
		if err == nil {
			_, err = s.cow.Run(b.ctx, s.worktree, "restore")
		}
		return err
	}, func() error { return b.noop(s.worktree) })
}

func (b *bencher) build(dir, name string) error {
	return b.measure(name, func() error { return nil }, func() error { return b.noop(dir) })
}

// dirty does to the origin's target what building one more dependency does, the path packages untouched.
func (b *bencher) dirty(s *subject) error {
	if err := b.clear(s); err != nil {
		return err
	}
	_, err := bulk.Fill(filepath.Join(s.origin, "target", "debug"), 1)
	return err
}

func (b *bencher) sync(s *subject, name string) error {
	return b.measure(name, func() error { return b.dirty(s) }, func() error {
		_, err := project.Run(b.ctx, "", nil, b.bare, "-sync", "-readonly", filepath.Join(s.origin, "target"), s.target())
		return err
	})
}

func (b *bencher) snapshot(s *subject, name string) error {
	return b.measure(name, func() error { return b.dirty(s) }, func() error {
		answer, err := s.cow.Run(b.ctx, s.origin, "snapshot")
		if err == nil && !answer.Created {
			err = errors.New("no layer was made")
		}
		return err
	})
}
