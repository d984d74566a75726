package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/bulk"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

const (
	fewLayers, manyLayers = 10, 1000
	// sameSet is one in how many layers has the worktree's dependency set: a store serves several projects and branches.
	sameSet = 10
	// unitFiles makes each layer one of some 300 units.
	unitFiles    = 2_000
	lockPackages = 1_000
)

// The things measured on choosing.
const (
	exactFew  = "`restore`, 10 layers"
	exactMany = "`restore`, 1,000 layers"
	nearFew   = "`restore` for dependencies that no layer has, 10 layers"
	nearMany  = "`restore` for dependencies that no layer has, 1,000 layers"
	bigLock   = "`show --fingerprint`, lockfile of 1,000 packages, process time"
)

// choices compares a store of many layers with one of few, of the same project with the same build, which differ in
// lockfile and label.
type choices struct {
	few, many, fewNear, manyNear subject
	locked                       string // a checkout with a long lockfile
	cow                          *program.Program
}

func (c *choices) aims() []aim {
	return []aim{
		{what: exactMany, against: exactFew, ratio: 1.5},
		{what: nearMany, against: nearFew, ratio: 1.5},
		{what: bigLock, limit: 20 * time.Millisecond},
	}
}

func (c *choices) prepare(b *bencher, dir string) ([]string, error) {
	origin, same, near := filepath.Join(dir, "origin"), filepath.Join(dir, "same"), filepath.Join(dir, "near")
	c.locked, c.cow = filepath.Join(dir, "locked"), b.cow
	few, many := *b.cow, *b.cow
	few.Store, many.Store = filepath.Join(dir, "few"), filepath.Join(dir, "many")
	c.few, c.fewNear = subject{cow: &few, origin: origin, worktree: same}, subject{cow: &few, origin: origin, worktree: near}
	c.many, c.manyNear = subject{cow: &many, origin: origin, worktree: same}, subject{cow: &many, origin: origin, worktree: near}
	err := inTurn(
		func() error { return project.Workspace(b.ctx, origin) },
		func() error { return project.Git(b.ctx, origin, "worktree", "add", "--quiet", "-b", "same", same) },
		func() error { return project.Git(b.ctx, origin, "worktree", "add", "--quiet", "-b", "near", near) },
		// Settings of a profile that is not built: another dependency set, and every unit as needed here.
		func() error { return appendTo(filepath.Join(near, "Cargo.toml"), "\n[profile.release]\ndebug = 1\n") },
		func() error {
			_, _, err := b.layer(&few, origin)
			return err
		},
		func() error {
			_, err := bulk.Fill(filepath.Join(origin, "target", "debug"), unitFiles)
			return err
		},
		func() error { return c.fill(b, &few, fewLayers) },
		func() error { return c.fill(b, &many, manyLayers) },
		func() error { return c.lock() },
	)
	return []string{fmt.Sprintf("stores of %d and %d layers of some 300 units, one in %d for the dependency set restored", fewLayers, manyLayers, sameSet)}, err
}

// fill makes layers of the origin's target. Most of them are filed under a lockfile with one package of that name more,
// as a build that never used it would be.
func (c *choices) fill(b *bencher, cow *program.Program, layers int) (err error) {
	fmt.Fprintf(os.Stderr, "bench: making %d layers\n", layers)
	if _, err := cow.Run(b.ctx, c.few.origin, "init"); err != nil {
		return err
	}
	lock := filepath.Join(c.few.origin, "Cargo.lock")
	plain, err := os.ReadFile(lock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.WriteFile(lock, plain, 0o644)) }()
	for n := range layers {
		text := plain
		if n%sameSet != 0 {
			text = append(bytes.Clone(plain), lockPackage(n)...)
		}
		if err := os.WriteFile(lock, text, 0o644); err != nil {
			return err
		}
		answer, err := cow.Run(b.ctx, c.few.origin, "snapshot", fmt.Sprintf("--label=layer-%d", n))
		if err == nil && !answer.Created {
			err = fmt.Errorf("layer %d was there already", n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func lockPackage(n int) string {
	return fmt.Sprintf("\n[[package]]\nname = \"package-%04d\"\nversion = \"1.%d.0\"\n"+
		"source = \"registry+https://example.org/index\"\nchecksum = \"%064x\"\n", n, n, n)
}

// lock makes a checkout with a long lockfile.
func (c *choices) lock() error {
	text := "version = 4\n\n[[package]]\nname = \"locked\"\nversion = \"0.1.0\"\n"
	for n := range lockPackages - 1 {
		text += lockPackage(n)
		if n > 10 {
			text += fmt.Sprintf("dependencies = [\n \"package-%04d\",\n \"package-%04d\",\n \"package-%04d\",\n]\n", n-1, n-5, n/2)
		}
	}
	return inTurn(
		func() error { return os.MkdirAll(filepath.Join(c.locked, "src"), 0o755) },
		func() error { return appendTo(filepath.Join(c.locked, "src", "lib.rs"), "") },
		func() error { return appendTo(filepath.Join(c.locked, "Cargo.lock"), text) },
		func() error {
			return appendTo(filepath.Join(c.locked, "Cargo.toml"), "[package]\nname = \"locked\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
		},
	)
}

func appendTo(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, append(b, text...), 0o644)
}

func (c *choices) round(b *bencher) error {
	return inTurn(
		func() error { return b.restore(&c.few, exactFew) },
		func() error { return b.restore(&c.many, exactMany) },
		func() error { return b.restore(&c.fewNear, nearFew) },
		func() error { return b.restore(&c.manyNear, nearMany) },
		func() error { return c.fingerprint(b) },
	)
}

// fingerprint measures what the processors did, children included, when cargo's answers are kept from the time before.
func (c *choices) fingerprint(b *bencher) error {
	var used time.Duration
	for range 2 {
		cmd := exec.CommandContext(b.ctx, c.cow.Path, "show", "--fingerprint")
		cmd.Dir, cmd.Env = c.locked, c.cow.Env()
		out, err := cmd.Output()
		if err == nil && !bytes.Contains(out, []byte("999 from registries")) {
			err = fmt.Errorf("it says:\n%s", out)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", bigLock, err)
		}
		used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.times[bigLock] = append(b.times[bigLock], used)
	return nil
}
