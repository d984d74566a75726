// Package depset computes the dependency-set fingerprint of a workspace, the name that layers are
// filed under: packages of the lockfile, toolchain, profiles, flags, and what of the machine gets into
// what is built. It also says in words how two fingerprints differ. It reads files and keeps nothing;
// its functions may be called by several goroutines.
package depset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Compute computes the dependency-set fingerprint of the workspace as t would build it
// with the toolchain id. Without a lockfile it fails with project.ErrNoLockfile.
//
// Of manifests only the profiles count. What else in them decides a registry
// unit shows elsewhere: dependencies, [patch] and [replace] in the lockfile;
// features, resolver and lints in Cargo's own hashes, unit by unit.
func Compute(ws *project.Workspace, t project.Tool, id *project.Toolchain, cfg *config.Config, rules rule.Set) (*Fingerprint, error) {
	if ws.Lock == nil {
		return nil, fmt.Errorf("fingerprint %s: %w", ws.Root, project.ErrNoLockfile)
	}
	f := new(Fingerprint)
	f.add(ingVersion, fingerprintVersion)
	f.Ingredients = append(f.Ingredients, PackagesOf(ws.Lock))
	if !rules.On(rule.Fingerprint) {
		f.seal()
		return f, nil
	}
	scope := config.Scope{Root: ws.Root, Host: id.Host(), Unstable: id.Unstable() || t.Getenv("RUSTC_BOOTSTRAP") == "1"}
	profiles, profileLines := profilesOf(ws, cfg)
	profileLines = id.Incremental(t, profileLines)
	settings := cfg.Settings(scope)
	targets := targetsOf(ws, cfg, scope.Host)
	flags := WithArgumentFiles(ws, cfg.EveryFlag(profiles))

	rustc, _, _ := strings.Cut(id.Rustc, "\n")
	f.addLines(ingRustc, rustc, append(rustcLines(id.Rustc), compilerScript(ws, t, cfg)...))
	f.add(ingCargo, id.Cargo)
	f.add(IngredientCargoHome, cleanHome(ws.CargoHome))
	f.addLines(ingProfiles, countOf(len(profileLines), "as built in", "setting", "settings"), profileLines)
	f.addLines(ingSettings, countOf(len(settings), "none", "setting", "settings"), settings)
	f.Ingredients = append(f.Ingredients, targets.ingredient())
	f.add(ingLayout, cfg.Layout(scope))
	if v := t.Getenv("RUSTC_BOOTSTRAP"); v != "" {
		f.add(ingBootstrap, v)
	}
	if cfg.RustcWorkspaceWrapper != "" {
		// The ids of members hold its path (cargo 1.95, compilation_files.rs).
		f.add(ingWrapper, t.LookPath(ws.Root, cfg.RustcWorkspaceWrapper)+" = "+programIdentity(ws, t, cfg.RustcWorkspaceWrapper))
	}
	linkers := f.linkersOf(ws, t, cfg, flags, targets)
	f.addLines(ingLinker, strings.Join(lineKeys(linkers), ", "), linkers)
	if targets.native() || isNative(flags) {
		f.Ingredients = append(f.Ingredients, cpuIdentity())
	}
	f.add(ingLibc, f.libcIdentity())
	if files := flagFileLines(ws, append(unlinked(WithArgumentFiles(ws, cfg.UnitFlags())), cfg.OtherFlags(profiles)...)); len(files) > 0 {
		f.addLines(ingFlagFiles, strings.Join(lineKeys(files), ", "), files)
	}
	f.seal()
	return f, nil
}

func countOf(n int, none, one, more string) string {
	switch n {
	case 0:
		return none
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// lineKeys returns what lines "key = value" are about.
func lineKeys(lines []string) []string {
	var keys []string
	for _, l := range lines {
		key, _, _ := strings.Cut(l, " = ")
		keys = append(keys, key)
	}
	return keys
}

// profilesOf returns the [profile] table of the workspace's manifest, and the
// profiles it comes to with the configuration.
func profilesOf(ws *project.Workspace, cfg *config.Config) (manifest map[string]any, resolved []string) {
	var m struct {
		Profile map[string]any `toml:"profile"`
	}
	b, err := regular.Read(filepath.Join(ws.Root, "Cargo.toml"))
	if err == nil {
		err = toml.Unmarshal(b, &m)
	}
	resolved = cfg.ResolvedProfiles(m.Profile)
	if err != nil {
		// Cargo will complain; until then any change counts.
		resolved = append(resolved, "unreadable manifest = "+digest.Of(b))
	}
	return m.Profile, resolved
}

// cleanHome drops what makes no other path for Cargo, which hashes paths by their
// components: doubled and trailing slashes, and dots.
func cleanHome(home string) string {
	if slices.Contains(strings.Split(home, "/"), "..") {
		return home
	}
	return filepath.Clean(home)
}
