package cargo

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Some settings are looked for in one directory after the other, upwards. rustc and
// cargo list the file that was found, if any; one that appears before it is found
// instead.

// lints records where clippy looked for its settings: in each directory from the
// package on, or from CLIPPY_CONF_DIR (clippy of rustc 1.95, clippy_config/conf.rs:
// lookup_conf_file). The file that it found is among the sources.
func (b *inspector) lints(u *built, unit *Unit, o *Origin, pkg *Package) {
	clippy := false
	start := b.home(pkg)
	for _, e := range u.rustc.Env {
		clippy = clippy || e.Name == "CLIPPY_ARGS"
		if e.Name == "CLIPPY_CONF_DIR" && e.Set {
			start = Loc{BaseRoot, e.Value} // clippy works in the workspace
			if filepath.IsAbs(e.Value) {
				start, _ = o.locate(e.Value)
			}
		}
	}
	if !clippy || !b.in.Settings.Rules.On(RuleSearched) {
		return
	}
	dir, ok := b.in.Place.Abs(start)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if _, inside := paths.Under(dir, b.in.Place.Workspace.Root); !ok || !inside {
		dir = b.in.Place.Workspace.Root // what lies outside is the same everywhere, or above
	}
	for ; ; dir = filepath.Dir(dir) {
		found := false
		for _, name := range extent.Lints {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				found = true
				continue
			}
			rel, _ := paths.Under(filepath.Join(dir, name), b.in.Place.Workspace.Root)
			b.use(unit, Input{Loc: Loc{BaseRoot, rel}, Kind: InputAbsent}, RuleSearched)
		}
		if found {
			return
		}
		if dir == b.in.Place.Workspace.Root {
			break
		}
	}
	for _, name := range extent.Lints {
		b.useAbove(unit, name)
	}
}

// useSearched records what else is looked for upwards: variables for macros and
// scripts, and the style of a formatter that scripts run. What lies in the workspace
// is compared with all that is beside the packages.
func (b *inspector) useSearched(u *built, unit *Unit) {
	b.useAbove(unit, ".env")
	if u.run {
		b.useAbove(unit, "rustfmt.toml")
		b.useAbove(unit, ".rustfmt.toml")
	}
}

func (b *inspector) useAbove(unit *Unit, name string) {
	b.useFact(unit, Fact{factAbove, Loc{BaseRoot, name}, above(b.in.Place.Workspace.Root, name)}, RuleSearched)
}

// above is the digest of the first file of that name above a workspace that lacks
// it, "" if there is none.
func above(root, name string) string {
	path := extent.Above(root, name)
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "cannot be read"
	}
	return digest.Of(text)
}
