package cargo

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Some settings files are looked for in one directory after the other, upwards. rustc and
// cargo list the file that was found, if any; one that appears nearer is found instead.

// recordLints records where clippy looked for its settings: in each directory from the
// package on, or from CLIPPY_CONF_DIR (clippy of rustc 1.95, clippy_config/conf.rs:
// lookup_conf_file). The file that it found is among the sources.
func (s *subject) recordLints() {
	ws := s.draft.checkout.Workspace
	clippy := false
	start := s.home()
	for _, e := range s.u.SourceList.Env {
		clippy = clippy || e.Name == "CLIPPY_ARGS"
		if e.Name == "CLIPPY_CONF_DIR" && e.Set {
			start = rooted.Path{Root: rooted.Workspace, Rel: e.Value} // clippy works in the workspace
			if filepath.IsAbs(e.Value) {
				start, _ = s.origin.Locate(e.Value)
			}
		}
	}
	if !clippy || !s.draft.rules.On(rule.Searched) {
		return
	}
	dir, ok := s.draft.checkout.Abs(start)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if _, inside := paths.Under(dir, ws.Root); !ok || !inside {
		dir = ws.Root // what lies outside is the same everywhere, or above
	}
	for ; ; dir = filepath.Dir(dir) {
		found := false
		for _, name := range extent.LintConfigs {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				found = true
				continue
			}
			rel, _ := paths.Under(filepath.Join(dir, name), ws.Root)
			s.use(manifest.Input{Path: rooted.Path{Root: rooted.Workspace, Rel: rel}, Kind: manifest.InputAbsent}, rule.Searched)
		}
		if found {
			return
		}
		if dir == ws.Root {
			break
		}
	}
	for _, name := range extent.LintConfigs {
		s.useAbove(name)
	}
}

// useSearched records what else is looked for upwards: variables for macros and
// scripts, and the style of a formatter that scripts run. Only files above the workspace
// are recorded here; those in it are part of the tree beside the packages.
func (s *subject) useSearched() {
	s.useAbove(".env")
	if s.u.Run {
		s.useAbove("rustfmt.toml")
		s.useAbove(".rustfmt.toml")
	}
}

func (s *subject) useAbove(name string) {
	if path := extent.Above(s.draft.checkout.Workspace.Root, name); path != "" {
		s.since(rule.Searched, path, regular.Changed(path))
	}
	s.useFact(manifest.Fact{Kind: manifest.FactFileAbove, Path: rooted.Path{Root: rooted.Workspace, Rel: name}, Value: inputs.FileAbove(s.draft.checkout.Workspace.Root, name)}, rule.Searched)
}
