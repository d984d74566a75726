package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Open finds the checkout that dir lies in. The environment is the
// caller's; PATH is taken from it too. Errors wrap ErrNotRepository, ErrForeign or
// ErrNoGit where these are the cause.
func Open(ctx context.Context, dir string, environ []string) (*Checkout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open git checkout: %w", err)
	}
	environ = Environ(environ)
	if _, err := program(environ); err == nil { // without git there are no checkouts
		if c := read(dir, environ); c != nil && ctx.Err() == nil {
			return c, nil
		}
	}
	return ask(ctx, dir, environ)
}

// ask is Open by asking git.
func ask(ctx context.Context, dir string, environ []string) (*Checkout, error) {
	c := &Checkout{Root: dir, environ: environ}
	// One process for all of it: what precedes an unborn HEAD is printed before
	// rev-parse fails on it. The order is that of the answers.
	out, err := c.Run(ctx, "rev-parse", "--path-format=absolute",
		"--show-toplevel", "--git-dir", "--git-common-dir", "HEAD", "--symbolic-full-name", "HEAD")
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < 3 {
		var ge *gitError
		if errors.As(err, &ge) {
			switch {
			case ge.noCheckout():
				err = ErrNotRepository
			case strings.Contains(ge.stderr, "dubious ownership"):
				err = ErrForeign
			}
		}
		if err == nil {
			err = fmt.Errorf("git rev-parse printed %q", out)
		}
		return nil, fmt.Errorf("open git checkout %s: %w", dir, err)
	}
	// Before the first commit the fourth is the word that was asked for.
	if !allAbsolute(lines[:3]) || err == nil && len(lines) != 5 || err != nil && !slices.Equal(lines[3:], []string{"HEAD"}) {
		return nil, fmt.Errorf("open git checkout %s: %w", dir, ErrNewline)
	}
	for i, p := range []*string{&c.Root, &c.GitDir, &c.CommonDir} {
		if *p, err = filepath.EvalSymlinks(lines[i]); err != nil {
			return nil, fmt.Errorf("open git checkout %s: %w", dir, err)
		}
	}
	if len(lines) == 5 {
		c.Head = lines[3]
		if lines[4] != "HEAD" {
			c.Ref = lines[4]
		}
		return c, nil
	}
	// No commit yet: HEAD names a branch that will be.
	if out, err := c.Run(ctx, "symbolic-ref", "-q", "HEAD"); err == nil {
		c.Ref = strings.TrimSpace(string(out))
	}
	return c, nil
}

// OpenBare asks git for the repository that dir lies in, or that a .git file there
// names, whether it has a working tree or not. Only its git directories are known.
// Errors are those of Open.
func OpenBare(ctx context.Context, dir string, environ []string) (*Checkout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open git repository: %w", err)
	}
	c := &Checkout{Root: dir, environ: Environ(environ)}
	out, err := c.Run(ctx, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
	if err != nil {
		var ge *gitError
		switch {
		case !errors.As(err, &ge):
		case ge.noCheckout():
			err = ErrNotRepository
		case strings.Contains(ge.stderr, "dubious ownership"):
			err = ErrForeign
		}
		return nil, fmt.Errorf("open git repository of %s: %w", dir, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 2 || !allAbsolute(lines) {
		return nil, fmt.Errorf("open git repository of %s: %w", dir, ErrNewline)
	}
	c.GitDir, c.CommonDir = lines[0], lines[1]
	return c, nil
}

func allAbsolute(paths []string) bool {
	return !slices.ContainsFunc(paths, func(p string) bool { return !filepath.IsAbs(p) })
}
