// Package project provides the Rust projects that the demo, the benchmarks and the tests try the program on: published
// ones with their own lockfile, and a generated workspace, each in a git repository of its own with one commit, and
// builds them with plain cargo. Everything is found through the ordinary clients (cargo, git), which must be in PATH; a
// project that is not in cargo's home yet is fetched over the network. Calls on different directories may run at once.
package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A Crate names one version of a package in the crates registry.
type Crate struct {
	Name, Version string
}

func (c Crate) String() string { return c.Name + "-" + c.Version }

// Demo is the project of the demo and of the comparison with other tools: a command-line program with a library, about a
// hundred units, build scripts (its own has no rerun-if line) and procedural macros, that needs no system library.
var Demo = Crate{"just", "1.59.0"}

// ErrNoLockfile is what Fetch says of a crate published without Cargo.lock: two days apart it would be two projects.
var ErrNoLockfile = errors.New("published without Cargo.lock")

// Fetch makes dir, which must not exist or be empty, a git repository with the published source of c.
func Fetch(ctx context.Context, c Crate, dir string) error {
	source, err := registrySource(ctx, c)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", c, err)
	}
	if _, err := os.Stat(filepath.Join(source, "Cargo.lock")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fetch %s: %w", c, ErrNoLockfile)
	}
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		return fmt.Errorf("fetch %s: %w", c, err)
	}
	// Cargo's marks on an unpacked package, which no checkout has.
	for _, mark := range []string{".cargo-ok", ".cargo_vcs_info.json"} {
		if err := os.Remove(filepath.Join(dir, mark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("fetch %s: %w", c, err)
		}
	}
	if err := ignoreTarget(dir); err != nil {
		return fmt.Errorf("fetch %s: %w", c, err)
	}
	return Commit(ctx, dir, "Publish "+c.String())
}

// registrySource returns where cargo has unpacked c, after having it do so where needed.
func registrySource(ctx context.Context, c Crate) (string, error) {
	home, err := CargoHome()
	if err != nil {
		return "", err
	}
	find := func() (string, error) {
		// Cargo writes .cargo-ok last, so a directory without it is half unpacked (cargo 1.95,
		// sources/registry/mod.rs:unpack_package).
		marks, err := filepath.Glob(filepath.Join(home, "registry", "src", "*", c.String(), ".cargo-ok"))
		if err != nil || len(marks) == 0 {
			return "", err
		}
		return filepath.Dir(marks[0]), nil
	}
	if source, err := find(); err != nil || source != "" {
		return source, err
	}
	// cargo info downloads exactly the one package it is asked about; outside any workspace, so that none has a say.
	outside, err := os.MkdirTemp("", "cargo-cow-fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(outside)
	if _, err := Run(ctx, outside, Env(), "cargo", "info", "--quiet", c.Name+"@"+c.Version); err != nil {
		return "", err
	}
	source, err := find()
	if err == nil && source == "" {
		err = fmt.Errorf("cargo info did not unpack it under %s", home)
	}
	return source, err
}

// CargoHome is where cargo keeps its packages.
func CargoHome() (string, error) {
	if home := os.Getenv("CARGO_HOME"); home != "" {
		return filepath.Abs(home)
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".cargo"), err
}

func ignoreTarget(dir string) error {
	path := filepath.Join(dir, ".gitignore")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if strings.Trim(line, "/\n") == "target" {
			return nil
		}
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return os.WriteFile(path, append(text, "/target\n"...), 0o644)
}

// Commit commits everything in dir that git does not ignore, making dir a repository first where it is none.
func Commit(ctx context.Context, dir, message string) error {
	if _, err := os.Stat(filepath.Join(dir, ".git")); errors.Is(err, fs.ErrNotExist) {
		if err := Git(ctx, dir, "init", "--quiet", "--initial-branch=main"); err != nil {
			return err
		}
	}
	if err := Git(ctx, dir, "add", "--all"); err != nil {
		return err
	}
	return Git(ctx, dir, "commit", "--quiet", "--message", message)
}

// Git runs git in dir, in the environment Env gives.
func Git(ctx context.Context, dir string, args ...string) error {
	_, err := Run(ctx, dir, Env(), "git", args...)
	return err
}

// Env is this process's environment without what would make a build, a commit or a hook here differ from one elsewhere,
// followed by extra. What says where cargo and rustup keep their things stays. Where extra names another home of cargo's,
// the wrappers that are configured there are wanted.
func Env(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "CARGO_HOME", strings.HasPrefix(name, "CARGO_HTTP_"), strings.HasPrefix(name, "CARGO_REGISTR"):
		case strings.HasPrefix(name, "CARGO"), strings.HasPrefix(name, "RUSTC"), strings.HasPrefix(name, "RUSTFLAGS"), strings.HasPrefix(name, "RUSTDOC"),
			strings.HasPrefix(name, "GIT_"), strings.HasPrefix(name, "__CARGO"):
			continue
		}
		env = append(env, kv)
	}
	if !slices.ContainsFunc(extra, func(kv string) bool { return strings.HasPrefix(kv, "CARGO_HOME=") }) {
		env = append(env, noWrappers()...)
	}
	env = append(env,
		// The user's git configuration may sign commits or name other hooks.
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=cargo-cow", "GIT_AUTHOR_EMAIL=cargo-cow@example.invalid",
		"GIT_COMMITTER_NAME=cargo-cow", "GIT_COMMITTER_EMAIL=cargo-cow@example.invalid")
	return append(env, extra...)
}

// noWrappers overrides the wrappers that are configured in cargo's home: an empty variable does (cargo 1.95,
// util/context/mod.rs:get_tool). Where there is none to override there is no variable, since with an empty one cargo does
// not keep rustc's answers (util/rustc.rs: the wrapper's time is no time), and asks for them in each build, for 50 ms.
func noWrappers() (env []string) {
	home := os.Getenv("CARGO_HOME")
	if home == "" {
		home = filepath.Join(os.Getenv("HOME"), ".cargo")
	}
	for _, name := range []string{"config.toml", "config"} {
		text, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			continue
		}
		for _, setting := range []string{"rustc-wrapper", "rustc-workspace-wrapper"} {
			variable := strings.ToUpper(strings.ReplaceAll(setting, "-", "_")) + "="
			if bytes.Contains(text, []byte(setting)) && !slices.Contains(env, variable) {
				env = append(env, variable)
			}
		}
	}
	return env
}

// Run runs a command in dir with the environment env and returns its stdout; its stderr becomes part of the error. When
// ctx ends, the command and all it has started are killed: a compiler that lives on keeps its directory busy.
func Run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	if err != nil {
		return out, fmt.Errorf("run %s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
