package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The things measured on cold builds.
const (
	coldEnabled = "cold build, enabled"
	coldPlain   = "cold build by plain cargo"
)

var coldOf = flag.String("cold", project.Demo.String(), "the `NAME-VERSION` of the published project that cold builds")

// cold measures what a first build costs more where the program acts by itself: the store is made, the build directory
// begins as a tree, which compresses, and all that is compiled is kept in the warehouse. Each build is in a new clone, and
// each enabled one by a new user with a new store.
type cold struct {
	own    *bencher // with a disk on which nobody else has a store
	origin string
	built  int
}

func (c *cold) aims() []aim {
	return []aim{
		{what: coldEnabled, against: coldPlain, ratio: 1.02, paired: true},
		{what: processor(coldEnabled), against: processor(coldPlain), paired: true},
	}
}

func (c *cold) prepare(b *bencher, _ string) (facts []string, err error) {
	if c.own, err = b.disk(); err != nil {
		return nil, err
	}
	c.origin = filepath.Join(c.own.scratch.Dir, "origin")
	i := strings.LastIndexByte(*coldOf, '-')
	if i < 0 {
		return nil, fmt.Errorf("read -cold=%s: want NAME-VERSION", *coldOf)
	}
	err = inTurn(
		func() error {
			return project.Fetch(b.ctx, project.Crate{Name: (*coldOf)[:i], Version: (*coldOf)[i+1:]}, c.origin)
		},
		func() error { // what is not to be measured: downloads
			_, err := project.Run(b.ctx, c.origin, project.Env(), "cargo", "fetch", "--locked", "--quiet")
			return err
		},
	)
	return []string{fmt.Sprintf("%s: cold builds in new clones, in pairs", *coldOf)}, err
}

// round is two pairs, one in either order, so that five rounds are ten pairs.
func (c *cold) round(b *bencher) error {
	return inTurn(
		func() error { return c.build(b, coldPlain) },
		func() error { return c.build(b, coldEnabled) },
		func() error { return c.build(b, coldEnabled) },
		func() error { return c.build(b, coldPlain) },
	)
}

func (c *cold) build(b *bencher, name string) (err error) {
	c.built++
	dir, store := filepath.Join(c.own.scratch.Dir, fmt.Sprintf("build-%d", c.built)), enabledStore(c.own.scratch.Dir)
	defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(store)) }()
	home, clone := filepath.Join(dir, "home"), filepath.Join(dir, "clone")
	env, err := program.Home(home)
	if err == nil && name == coldEnabled {
		env, err = b.cow.Enable(b.ctx, home)
	}
	if err != nil {
		return err
	}
	if err := project.Git(b.ctx, dir, "clone", "--quiet", c.origin, clone); err != nil {
		return err
	}
	if err := c.own.settle(); err != nil {
		return err
	}
	before := childrenTime()
	built, err := project.Cargo(b.ctx, clone, env, "build", "--locked")
	used := childrenTime() - before
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for n, d := range map[string]time.Duration{name: built.Elapsed, processor(name): used} {
		b.times[n] = append(b.times[n], d)
	}
	if name == coldPlain {
		return nil
	}
	units, err := os.ReadDir(filepath.Join(store, "warehouse", "units"))
	if err != nil || len(units) == 0 {
		return errors.Join(fmt.Errorf("%s: nothing was kept", name), err)
	}
	return nil
}
