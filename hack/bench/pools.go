package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The things measured on a pool.
const (
	poolCold = "cold build by plain cargo in a pool"
	hostCold = "the same on the disk under it"
	poolSeal = "first build in a worktree in the pool, what the repository outside has built copied for it"
	poolNext = "first build in the next worktree there"
	hostNoop = "no-op build in the repository outside"
)

// pools measures what a pool costs a build, and what it gives a worktree. It lies on the disk of the temporary directory,
// which has to be ext4.
type pools struct {
	host, home string
	pool       pool.Pool
	env        []string // of a user who has enabled the program
	origin     string
	made       int
}

func (p *pools) aims() []aim {
	return []aim{
		{what: poolCold, against: hostCold, ratio: 1.05, paired: true},
		{what: processor(poolCold), against: processor(hostCold), paired: true},
		{what: poolSeal, against: hostCold},
		{what: poolNext, against: hostNoop},
	}
}

// poolRoom is more than anything here takes; the image takes what is used.
const poolRoom = 16 << 30

func (p *pools) prepare(b *bencher, _ string) (facts []string, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &st); err != nil || int64(st.Type) != unix.EXT4_SUPER_MAGIC {
		return nil, errors.Join(fmt.Errorf("%s is not on ext4", os.TempDir()), err)
	}
	if p.host, err = os.MkdirTemp("", "cargo-cow-bench-"); err != nil {
		return nil, err
	}
	*b.others = append(*b.others, p)
	etc := filepath.Join(p.host, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		return nil, err
	}
	p.pool = pool.At(filepath.Join(p.host, "pool")).With(etc)
	if _, err := p.pool.Create(b.ctx, pool.Request{Size: poolRoom}); err != nil {
		return nil, err
	}
	p.home = filepath.Join(p.host, "pool", "user")
	p.origin = filepath.Join(p.host, "origin")
	err = inTurn(
		func() error { return os.Mkdir(p.home, 0o755) },
		func() error { return project.Fetch(b.ctx, project.Demo, p.origin) },
		func() error {
			p.env, err = b.cow.Enable(b.ctx, filepath.Join(p.host, "home"))
			return err
		},
		func() error {
			_, err := project.Cargo(b.ctx, p.origin, p.env, "build", "--locked")
			return err
		},
	)
	return []string{project.Demo.String() + " on ext4, and in a pool there"}, err
}

// Close removes the pool, and all else.
func (p *pools) Close() error { return errors.Join(p.pool.Detach(), os.RemoveAll(p.host)) }

func (p *pools) round(b *bencher) error {
	host := func() error { return p.build(b, hostCold, p.host) }
	inside := func() error { return p.build(b, poolCold, p.home) }
	return inTurn(host, inside, inside, host, func() error { return p.worktrees(b) })
}

// build builds in a new clone in dir.
func (p *pools) build(b *bencher, name, dir string) (err error) {
	p.made++
	clone := filepath.Join(dir, fmt.Sprintf("clone-%d", p.made))
	defer func() { err = errors.Join(err, os.RemoveAll(clone)) }()
	if err := project.Git(b.ctx, p.host, "clone", "--quiet", p.origin, clone); err != nil {
		return err
	}
	unix.Sync()
	before := childrenTime()
	built, err := project.Cargo(b.ctx, clone, append(project.Env(), "CARGO_COW=off"), "build", "--locked")
	used := childrenTime() - before
	if err == nil {
		b.times[name] = append(b.times[name], built.Elapsed)
		b.times[processor(name)] = append(b.times[processor(name)], used)
	}
	return err
}

// worktrees measures two, of a state that is not sealed yet.
func (p *pools) worktrees(b *bencher) error {
	text := fmt.Sprintf("// %d\n", p.made)
	err := inTurn(
		func() error { return appendTo(filepath.Join(p.origin, "src", "lib.rs"), text) },
		func() error { return project.Git(b.ctx, p.origin, "commit", "--quiet", "--all", "--message=next") },
		func() error {
			_, err := project.Cargo(b.ctx, p.origin, p.env, "build", "--locked")
			return err
		},
	)
	if err != nil {
		return err
	}
	unix.Sync()
	noop, err := project.Cargo(b.ctx, p.origin, p.env, "build", "--locked")
	if err != nil {
		return err
	}
	b.times[hostNoop] = append(b.times[hostNoop], noop.Elapsed)
	for _, name := range []string{poolSeal, poolNext} {
		p.made++
		dir := filepath.Join(p.home, fmt.Sprintf("place-%d", p.made))
		if err := project.Git(b.ctx, p.origin, "worktree", "add", "--quiet", "--detach", dir); err != nil {
			return err
		}
		built, err := project.Cargo(b.ctx, dir, p.env, "build", "--locked")
		if err == nil && len(built.Compiled()) > 0 {
			err = fmt.Errorf("cargo compiled %v", built.Compiled())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.times[name] = append(b.times[name], built.Elapsed)
		if err := project.Git(b.ctx, p.origin, "worktree", "remove", "--force", dir); err != nil {
			return err
		}
	}
	return nil
}
