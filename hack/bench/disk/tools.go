package main

import (
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
)

// A tool is one way to have projects built.
type tool struct {
	name  string
	crate *project.Crate // nil where nothing is to be installed
	// env is what makes cargo use the tool; bin is where its program lies, home a directory of its own.
	env func(bin, home string) []string
	// What its user does beside building; nil: nothing.
	ready [][]string // once in each repository, before the first build
	enter [][]string // in a project, where others were built before
	keep  [][]string // after the build of a project
	end   [][]string // when all is built
}

// tools in the order of the table. Each is used as its own documentation says, with its defaults.
func tools(cow *program.Program) []tool {
	wrapper := func(name string, more ...string) func(bin, home string) []string {
		return func(bin, _ string) []string {
			return append([]string{"RUSTC_WRAPPER=" + filepath.Join(bin, name)}, more...)
		}
	}
	// What `cargo cow wrapper enable` writes into the user's configuration, which is not this program's to change.
	ours := func(bin, home string) []string {
		return append(wrapper(filepath.Base(cow.Wrapper))(bin, home), "CARGO_COW_STORE="+filepath.Join(home, "store"))
	}
	return []tool{
		{name: plainCargo},
		{
			name: "sccache", crate: &rival.Sccache,
			env: func(bin, home string) []string {
				// It caches nothing that is built incrementally (its README, "Rust").
				return append(wrapper("sccache", "CARGO_INCREMENTAL=0")(bin, home), "SCCACHE_SERVER_UDS="+filepath.Join(home, "sccache.sock"))
			},
			// Its server may still write what the last calls have compiled.
			end: [][]string{{"sccache", "--stop-server"}},
		},
		{name: "kache", crate: &rival.Kache, env: wrapper("kache")},
		{
			name: "cargo-cow", env: ours,
			ready: [][]string{{cow.Path, "init", "--hook"}}, enter: [][]string{{cow.Path, "restore"}}, keep: [][]string{{cow.Path, "snapshot"}},
		},
		{
			// The wrapper and its warehouse alone: no layer is sealed or restored.
			name: "cargo-cow (no layers)", env: ours, ready: [][]string{{cow.Path, "init"}},
		},
	}
}

const plainCargo = "plain cargo"
