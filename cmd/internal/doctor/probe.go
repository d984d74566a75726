package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// probe has a package built in a directory of its own, sealed, restored in a worktree and built
// there, where nothing may be compiled.
func (d *Doctor) probe(ctx context.Context) {
	if err := d.try(ctx); err != nil {
		d.find(Bad, "probe", err.Error(), "")
		return
	}
	d.find(Fine, "probe", "built, sealed, restored in a worktree; nothing was compiled there", "")
}

func (d *Doctor) try(ctx context.Context) (err error) {
	top, err := os.MkdirTemp(d.Session.Dir(), ".cargo-cow-doctor-")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return errors.Join(err, os.Remove(top))
	}
	origin, place := filepath.Join(top, "origin"), filepath.Join(top, "place")
	env := d.trialEnv(top)
	defer func() {
		ctx := context.WithoutCancel(ctx)
		if _, lost := os.Lstat(filepath.Join(top, "store")); lost == nil {
			if _, gone := trial(ctx, env, origin, program, "store", "remove", "--force"); err == nil {
				err = gone
			}
		}
		if gone := os.RemoveAll(top); err == nil {
			err = gone
		}
	}()
	if err := layPackage(origin); err != nil {
		return err
	}
	for _, c := range []struct {
		dir  string
		args []string
	}{
		{origin, []string{"git", "init", "--quiet"}},
		{origin, []string{program, "init"}},
		{origin, []string{"cargo", "build", "--offline"}},
		{origin, []string{"git", "add", "--all"}},
		{origin, []string{"git", "commit", "--quiet", "--no-verify", "--message=probe"}},
		{origin, []string{program, "snapshot"}},
		{origin, []string{"git", "worktree", "add", "--quiet", "--detach", place}},
		{place, []string{program, "restore"}},
	} {
		if _, err := trial(ctx, env, c.dir, c.args[0], c.args[1:]...); err != nil {
			return err
		}
	}
	out, err := trial(ctx, env, place, "cargo", "build", "--offline", "--message-format=json")
	if err != nil {
		return err
	}
	if strings.Contains(out, `"fresh":false`) || !strings.Contains(out, `"fresh":true`) {
		return fmt.Errorf("cargo compiled in the worktree what was restored: %s", out)
	}
	return nil
}

// trialEnv is the environment with a store of its own in top, and without what tells where to
// build, and which repository this is.
func (d *Doctor) trialEnv(top string) (env []string) {
	for _, v := range d.Environ {
		if !strings.HasPrefix(v, "CARGO_TARGET_DIR=") && !strings.HasPrefix(v, "CARGO_BUILD_") && !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return append(env, "CARGO_COW_STORE="+filepath.Join(top, "store"), "CARGO_COW=off",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x")
}

// layPackage makes a package that depends on none.
func layPackage(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o777); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"Cargo.toml":  "[package]\nname = \"probe\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
		"src/main.rs": "fn main() {}\n", ".gitignore": "/target\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// trial runs a command, and returns what it wrote to stdout.
func trial(ctx context.Context, env []string, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
