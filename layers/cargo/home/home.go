// Package home says what Cargo and rustup keep for a user beside what is built: where Cargo's caches lie, which
// toolchains are installed and what compiler each of them has, and whether the compiler that something was built by is
// still there. It looks and asks; it removes nothing, and what it cannot find out it says it does not know.
//
// A call depends on no other, and there may be any number at once. An Installed is not changed once it is made.
package home

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// Kind is what a directory of Cargo's is for. The values are part of what the program prints as JSON.
type Kind string

// What Cargo keeps in its home (cargo 1.95, core/global_cache_tracker.rs and sources/registry/mod.rs).
const (
	Index     Kind = "registry index"
	Crates    Kind = "registry cache" // .crate files as they were fetched
	Sources   Kind = "registry src"   // the same, unpacked
	Databases Kind = "git db"
	Checkouts Kind = "git checkouts"
)

var kinds = []struct {
	kind Kind
	dir  string
}{
	{Index, "registry/index"}, {Crates, "registry/cache"}, {Sources, "registry/src"}, {Databases, "git/db"}, {Checkouts, "git/checkouts"},
}

// A Place is a directory that Cargo keeps what it has fetched in.
type Place struct {
	Kind Kind
	Path string
}

// Places lists those directories below Cargo's home that are there.
func Places(t project.Tool) []Place {
	var list []Place
	for _, k := range kinds {
		p := Place{k.kind, filepath.Join(t.CargoHome(), k.dir)}
		if info, err := os.Stat(p.Path); err == nil && info.IsDir() {
			list = append(list, p)
		}
	}
	return list
}

// Rustup is the directory that rustup keeps toolchains in, as far as the environment tells (rustup 1.29,
// config.rs: Cfg::from_env; the home crate, rustup_home).
func Rustup(t project.Tool) string {
	home := t.Getenv("RUSTUP_HOME")
	if home == "" {
		home = filepath.Join(t.Getenv("HOME"), ".rustup")
	}
	if !filepath.IsAbs(home) {
		home = filepath.Join(t.Dir, home)
	}
	return home
}
