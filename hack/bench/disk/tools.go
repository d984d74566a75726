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
	// compressed: all its file system compresses as compression says.
	compressed bool
}

// compression is what the rows go by that say so, and what cargo-cow has by default.
const compression = "zstd:1"

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
	kache := tool{name: "kache", crate: &rival.Kache, env: wrapper("kache")}
	layers := tool{
		name: "cargo-cow", env: ours,
		ready: [][]string{{cow.Path, "init", "--hook"}}, enter: [][]string{{cow.Path, "restore"}}, keep: [][]string{{cow.Path, "snapshot"}},
	}
	uncompressed := layers
	uncompressed.name = "cargo-cow (compression: none)"
	uncompressed.env = func(bin, home string) []string { return append(ours(bin, home), "XDG_CONFIG_HOME="+home) }
	const configure = `mkdir -p "$XDG_CONFIG_HOME/cargo-cow" && echo "compression: none" > "$XDG_CONFIG_HOME/cargo-cow/config.yaml"`
	uncompressed.ready = append([][]string{{"sh", "-c", configure}}, layers.ready...)
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
		kache,
		layers,
		{
			// The wrapper and its warehouse alone: no layer is sealed or restored.
			name: "cargo-cow (no layers)", env: ours, ready: [][]string{{cow.Path, "init"}},
		},
		uncompressed,
		compressed(tool{name: plainCargo}), compressed(kache),
	}
}

// compressed is the tool on a file system that compresses.
func compressed(t tool) tool {
	t.name, t.compressed = t.name+" ("+compression+")", true
	return t
}

const plainCargo = "plain cargo"
