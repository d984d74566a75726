package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A tool is one way to have a worktree built.
type tool struct {
	name  string
	crate *project.Crate // nil where nothing is to be installed

	// env is what makes cargo use the tool; bin is where its program lies, home a directory of its own.
	env func(bin, home string) []string
	// cache: it serves a checkout that nothing was done in.
	cache bool
	// cargo is the command that builds.
	cargo string
	// ready does, before the cold build, what a user does once in a repository; nil: nothing.
	ready [][]string
	// keep does, after the cold build, what makes later worktrees warm; nil: nothing.
	keep [][]string
	// worktree is the command that makes one; the branch's name and the directory are appended.
	worktree []string
	// enter does, in a fresh clone, what a user does there before the first build; nil: nothing.
	enter [][]string
}

var gitWorktree = []string{"git", "worktree", "add", "--quiet", "-b"}

// tools in the order of the table. A rival is used as its own documentation says, with its defaults.
func tools(cow *program.Program) []tool {
	wrapper := func(name string, more ...string) func(bin, home string) []string {
		return func(bin, _ string) []string {
			return append([]string{"RUSTC_WRAPPER=" + filepath.Join(bin, name)}, more...)
		}
	}
	ours := func(bin, home string) []string {
		return append(wrapper(filepath.Base(cow.Wrapper))(bin, home), "CARGO_COW_STORE="+filepath.Join(home, "store"))
	}
	return []tool{
		{name: "plain cargo", cargo: "cargo", worktree: gitWorktree},
		{
			name: "sccache", crate: &project.Crate{Name: "sccache", Version: "0.19.0"},
			env: func(bin, home string) []string {
				// It caches nothing that is built incrementally (its README, "Rust").
				return append(wrapper("sccache", "CARGO_INCREMENTAL=0")(bin, home), "SCCACHE_SERVER_UDS="+filepath.Join(home, "sccache.sock"))
			},
			cargo: "cargo", cache: true, worktree: gitWorktree,
		},
		{
			name: "mbx", crate: &project.Crate{Name: "mbx", Version: "1.29.1"},
			cargo: "mbx", cache: true, worktree: gitWorktree,
		},
		{
			name: "kache", crate: &project.Crate{Name: "kache", Version: "2.0.0"},
			env: wrapper("kache"), cargo: "cargo", cache: true, worktree: gitWorktree,
		},
		{
			name: "git-cow", crate: &project.Crate{Name: "git-cow", Version: "0.4.0"},
			cargo: "cargo",
			// Its first worktree also makes the checkout that it clones all later ones from.
			keep:     [][]string{{"git-cow", "add", "-b", "first", "../first"}},
			worktree: []string{"git-cow", "add", "-b"},
		},
		{
			name: "cargo-cow",
			env:  ours, cargo: "cargo", cache: true, ready: [][]string{{cow.Path, "init", "--hook"}}, keep: [][]string{{cow.Path, "snapshot"}},
			worktree: gitWorktree, enter: [][]string{{cow.Path, "restore"}},
		},
		{
			// The wrapper and its warehouse alone: no layer is sealed or restored.
			name: "cargo-cow (no layers)", env: ours, cargo: "cargo", cache: true, ready: [][]string{{cow.Path, "init"}},
			worktree: gitWorktree,
		},
	}
}

// install makes c's program available below root, unless it is there, and returns the directory it lies in.
func install(ctx context.Context, c project.Crate, root string) (string, error) {
	dir := filepath.Join(root, c.String())
	bin := filepath.Join(dir, "bin")
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return bin, nil
	}
	args := []string{"install", "--quiet", "--root", dir, "--version", c.Version, c.Name}
	fmt.Fprintf(os.Stderr, "rivals: installing %s, which takes minutes\n", c)
	// As its authors tested it; where the registry has withdrawn something of that, as it resolves today.
	_, err := project.Run(ctx, root, project.Env(), "cargo", append(args, "--locked")...)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "rivals: %s does not install with its own lockfile, trying without\n", c)
		_, err = project.Run(ctx, root, project.Env(), "cargo", args...)
	}
	if err != nil {
		return "", fmt.Errorf("install %s: %w", c, err)
	}
	return bin, os.WriteFile(done, nil, 0o644)
}
