package main

import (
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
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
	// untyped: it takes part where nothing is typed. git-cow would be plain cargo there.
	untyped bool
	// setup is what its user types once a machine, for that; with it comes no variable of env. nil: the variables are all.
	setup [][]string
	// shims is the directory in the user's home that is first in the PATH of a terminal opened after setup; "" for none.
	shims string
	// enter does, in a fresh clone, what a user does there before the first build; nil: nothing.
	enter [][]string
}

// plain is what the table calls cargo alone.
const plain = "plain cargo"

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
		{name: plain, cargo: "cargo", worktree: gitWorktree, untyped: true},
		{
			name: "sccache", crate: &rival.Sccache,
			env: func(bin, home string) []string {
				// It caches nothing that is built incrementally (its README, "Rust").
				return append(wrapper("sccache", "CARGO_INCREMENTAL=0")(bin, home), "SCCACHE_SERVER_UDS="+filepath.Join(home, "sccache.sock"))
			},
			cargo: "cargo", cache: true, worktree: gitWorktree, untyped: true,
		},
		{
			name: "mbx", crate: &rival.Mbx,
			cargo: "mbx", cache: true, worktree: gitWorktree,
			untyped: true, setup: [][]string{{"mbx", "setup", "--yes"}}, shims: ".local/share/mbx/bin",
		},
		{
			name: "kache", crate: &rival.Kache,
			env: wrapper("kache"), cargo: "cargo", cache: true, worktree: gitWorktree,
			untyped: true, setup: [][]string{{"kache", "init", "--yes"}}, shims: ".local/lib/kache/shims",
		},
		{
			name: "git-cow", crate: &rival.GitCow,
			cargo: "cargo",
			// Its first worktree also makes the checkout that it clones all later ones from.
			keep:     [][]string{{"git-cow", "add", "-b", "first", "../first"}},
			worktree: []string{"git-cow", "add", "-b"},
		},
		{
			name: "cargo-cow",
			env:  ours, cargo: "cargo", cache: true, ready: [][]string{{cow.Path, "init", "--hook"}}, keep: [][]string{{cow.Path, "snapshot"}},
			worktree: gitWorktree, enter: [][]string{{cow.Path, "restore"}},
			untyped: true, setup: [][]string{{cow.Path, "enable"}},
		},
		{
			// The wrapper and its warehouse alone: no layer is sealed or restored.
			name: "cargo-cow (no layers)", env: ours, cargo: "cargo", cache: true, ready: [][]string{{cow.Path, "init"}},
			worktree: gitWorktree,
		},
	}
}
