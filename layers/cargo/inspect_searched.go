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

// recordLints records where clippy looked for its settings: in each directory from the
// package on, or from CLIPPY_CONF_DIR (clippy of rustc 1.95, clippy_config/conf.rs:
// lookup_conf_file). The file that it found is among the sources.
func (s *subject) recordLints() {
	ws := s.draft.place.Workspace
	clippy := false
	start := s.home()
	for _, e := range s.u.rustc.Env {
		clippy = clippy || e.Name == "CLIPPY_ARGS"
		if e.Name == "CLIPPY_CONF_DIR" && e.Set {
			start = Loc{BaseRoot, e.Value} // clippy works in the workspace
			if filepath.IsAbs(e.Value) {
				start, _ = s.origin.locate(e.Value)
			}
		}
	}
	if !clippy || !s.draft.rules.On(RuleSearched) {
		return
	}
	dir, ok := s.draft.place.Abs(start)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if _, inside := paths.Under(dir, ws.Root); !ok || !inside {
		dir = ws.Root // what lies outside is the same everywhere, or above
	}
	for ; ; dir = filepath.Dir(dir) {
		found := false
		for _, name := range extent.Lints {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				found = true
				continue
			}
			rel, _ := paths.Under(filepath.Join(dir, name), ws.Root)
			s.use(Input{Loc: Loc{BaseRoot, rel}, Kind: InputAbsent}, RuleSearched)
		}
		if found {
			return
		}
		if dir == ws.Root {
			break
		}
	}
	for _, name := range extent.Lints {
		s.useAbove(name)
	}
}

// useSearched records what else is looked for upwards: variables for macros and
// scripts, and the style of a formatter that scripts run. What lies in the workspace
// is compared with all that is beside the packages.
func (s *subject) useSearched() {
	s.useAbove(".env")
	if s.u.run {
		s.useAbove("rustfmt.toml")
		s.useAbove(".rustfmt.toml")
	}
}

func (s *subject) useAbove(name string) {
	s.useFact(Fact{factAbove, Loc{BaseRoot, name}, above(s.draft.place.Workspace.Root, name)}, RuleSearched)
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
