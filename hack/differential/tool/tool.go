// Package tool has the tools that histories are done with, each called as its own documentation says. A value serves
// one world, and is for one goroutine.
package tool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
)

// plain is a tool that does nothing: cargo alone. The others begin with it.
type plain struct{}

func (plain) Name() string                                       { return "plain cargo" }
func (plain) Cargo() string                                      { return "cargo" }
func (plain) Adopt(*world.Checkout, string) error                { return nil }
func (plain) Env(*world.Checkout) []string                       { return nil }
func (plain) Keep(*world.Checkout) error                         { return nil }
func (plain) Acquire(c *world.Checkout) error                    { return empty(c) }
func (plain) Promise(*world.Checkout) (map[string]bool, error)   { return nil, nil }
func (plain) Do(*world.Checkout, string, []string) (bool, error) { return false, world.ErrNot }

func (plain) Worktree(c *world.Checkout, name, dir string) (bool, error) {
	return false, run(c, nil, "git", "worktree", "add", "-q", "-b", name, dir)
}

// empty removes what was built in c, as if it were a new checkout.
func empty(c *world.Checkout) error {
	return errors.Join(os.RemoveAll(c.Path("target")), os.RemoveAll(c.Path("intermediate")))
}

// run runs a command in c; its output is in the error.
func run(c *world.Checkout, env []string, name string, args ...string) error {
	out, err := c.Command(env, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// copies is a build directory copied as it is, times and all, which is what worktree helpers do.
type copies struct {
	plain
	from *world.Checkout // where the last build was kept
}

func (t *copies) Name() string { return "plain copy" }

func (t *copies) Keep(c *world.Checkout) error {
	t.from = c
	return nil
}

func (t *copies) Acquire(c *world.Checkout) error {
	if t.from == nil || t.from == c || !exists(t.from.Path("target")) {
		return world.ErrNot
	}
	if err := empty(c); err != nil {
		return err
	}
	for _, dir := range []string{"target", "intermediate"} {
		if exists(t.from.Path(dir)) {
			if err := run(c, nil, "cp", "-a", "--reflink=auto", t.from.Path(dir), c.Path(dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// code is the exit code of a command that ran and failed.
func code(err error) (int, bool) {
	var e *exec.ExitError
	if errors.As(err, &e) && e.Exited() {
		return e.ExitCode(), true
	}
	return 0, false
}
