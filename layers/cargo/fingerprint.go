package cargo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	toml "github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// fingerprintVersion changes when the ingredients do: layers filed under another
// version are found by no restore, which costs a build and nothing else.
const fingerprintVersion = "2"

// Fingerprint is the dependency-set fingerprint of a checkout: the name a layer
// is filed under, with every ingredient that went into it. Two checkouts with
// one fingerprint ask Cargo for the same registry units, features aside.
type Fingerprint struct {
	ID          string       `json:"id"` // 32 hex characters
	Ingredients []Ingredient `json:"ingredients"`
}

// Ingredient is one named part of a fingerprint. Value is what a person can
// read; Digest stands for the whole where that is long.
type Ingredient struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Digest string `json:"digest,omitempty"`
	// Lines say what Digest stands for, a package or "key = value" each, for
	// Diff and for people. They are no part of the id and may say less than the
	// digest covers.
	Lines []string `json:"lines,omitempty"`
}

// The names of ingredients.
const (
	ingVersion   = "version"
	ingPackages  = "packages"
	ingRustc     = "rustc"
	ingCargo     = "cargo"
	ingHome      = "cargo-home"
	ingProfiles  = "profiles"
	ingSettings  = "settings"
	ingTargets   = "targets"
	ingLayout    = "layout"
	ingBootstrap = "bootstrap"
	ingWrapper   = "workspace-wrapper"
	ingLinker    = "linker"
	ingLibc      = "libc"
	ingCPU       = "cpu"
	ingFlagFiles = "flag-files"
)

// unhashed names the ingredients that no hash of Cargo's covers: a unit built
// with another one of these is fresh for Cargo.
var unhashed = []string{ingLinker, ingLibc, ingCPU, ingFlagFiles, ingWrapper, ingBootstrap}

// Get returns the value of the ingredient called name.
func (f *Fingerprint) Get(name string) string {
	i, _ := f.find(name)
	return i.Value
}

// find returns the ingredient called name, and whether there is one.
func (f *Fingerprint) find(name string) (Ingredient, bool) {
	for _, i := range f.Ingredients {
		if i.Name == name {
			return i, true
		}
	}
	return Ingredient{}, false
}

// differsUnseen returns the name of an ingredient in which two fingerprints
// differ although Cargo would not notice, or "". Those called but do not count.
func (f *Fingerprint) differsUnseen(g *Fingerprint, but ...string) string {
	for _, name := range unhashed {
		if slices.Contains(but, name) {
			continue
		}
		a, inF := f.find(name)
		b, inG := g.find(name)
		if inF != inG || !a.equal(b) {
			return name
		}
	}
	return ""
}

func (i Ingredient) equal(j Ingredient) bool {
	return i.Name == j.Name && i.Value == j.Value && i.Digest == j.Digest
}

func (f *Fingerprint) add(name, value string) {
	f.Ingredients = append(f.Ingredients, Ingredient{Name: name, Value: value})
}

// addLines adds an ingredient that is its lines.
func (f *Fingerprint) addLines(name, value string, lines []string) {
	f.Ingredients = append(f.Ingredients, Ingredient{name, value, digest.OfText(strings.Join(lines, "\n")), lines})
}

func (f *Fingerprint) seal() {
	var b strings.Builder
	for _, i := range f.Ingredients {
		fmt.Fprintf(&b, "%q %q %q\n", i.Name, i.Value, i.Digest)
	}
	f.ID = digest.OfText(b.String())
}

// Fingerprint computes the dependency-set fingerprint of the workspace as t
// would build it with the toolchain id. It fails with ErrNoLockfile where there
// is no lockfile.
//
// Of manifests only the profiles count. What else in them decides a registry
// unit shows elsewhere: dependencies, [patch] and [replace] in the lockfile;
// features, resolver and lints in Cargo's own hashes, unit by unit.
func ComputeFingerprint(ws *Workspace, t Tool, id *Toolchain, cfg *config.Config, rules Rules) (*Fingerprint, error) {
	if ws.Lock == nil {
		return nil, fmt.Errorf("fingerprint %s: %w", ws.Root, ErrNoLockfile)
	}
	f := new(Fingerprint)
	f.add(ingVersion, fingerprintVersion)
	f.Ingredients = append(f.Ingredients, packagesOf(ws.Lock))
	if !rules.On(RuleFingerprint) {
		f.seal()
		return f, nil
	}
	scope := config.Scope{Root: ws.Root, Host: id.host(), Unstable: id.unstable() || t.Getenv("RUSTC_BOOTSTRAP") == "1"}
	profiles, profileLines := profilesOf(ws, cfg)
	profileLines = id.incremental(t, profileLines)
	settings := cfg.Settings(scope)
	targets := targetsOf(ws, cfg, scope.Host)
	flags := withArgumentFiles(ws, cfg.EveryFlag(profiles))

	rustc, _, _ := strings.Cut(id.rustc, "\n")
	f.addLines(ingRustc, rustc, append(rustcLines(id.rustc), compilerScript(ws, t, cfg)...))
	f.add(ingCargo, id.cargo)
	f.add(ingHome, cleanHome(ws.CargoHome))
	f.addLines(ingProfiles, countOf(len(profileLines), "as built in", "setting", "settings"), profileLines)
	f.addLines(ingSettings, countOf(len(settings), "none", "setting", "settings"), settings)
	f.Ingredients = append(f.Ingredients, targets.ingredient())
	f.add(ingLayout, cfg.Layout(scope))
	if v := t.Getenv("RUSTC_BOOTSTRAP"); v != "" {
		f.add(ingBootstrap, v)
	}
	if cfg.RustcWorkspaceWrapper != "" {
		// The ids of members hold its path (cargo 1.95, compilation_files.rs).
		f.add(ingWrapper, t.look(ws.Root, cfg.RustcWorkspaceWrapper)+" = "+programIdentity(ws, t, cfg.RustcWorkspaceWrapper))
	}
	linkers := linkersOf(ws, t, cfg, flags, targets)
	f.addLines(ingLinker, strings.Join(lineKeys(linkers), ", "), linkers)
	if targets.native() || isNative(flags) {
		f.Ingredients = append(f.Ingredients, cpuIdentity())
	}
	f.add(ingLibc, libcIdentity())
	if files := flagFileLines(ws, append(unlinked(withArgumentFiles(ws, cfg.UnitFlags())), cfg.OtherFlags(profiles)...)); len(files) > 0 {
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

// profiles returns the [profile] table of the workspace's manifest, and the
// profiles it comes to with the configuration.
func profilesOf(ws *Workspace, cfg *config.Config) (manifest map[string]any, resolved []string) {
	var m struct {
		Profile map[string]any `toml:"profile"`
	}
	b, err := os.ReadFile(filepath.Join(ws.Root, "Cargo.toml"))
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
