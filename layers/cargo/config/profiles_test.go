package config

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// said is where a profile can be spoken of.
type said struct {
	manifest, config string
	environ          []string
}

func (s said) lines(t *testing.T) []string {
	t.Helper()
	top := write(t, map[string]string{"a/b/.cargo/config.toml": s.config})
	var manifest struct{ Profile map[string]any }
	if err := toml.Unmarshal([]byte(s.manifest), &manifest); err != nil {
		t.Fatal(err)
	}
	lines := load(t, top, s.environ...).ResolvedProfiles(manifest.Profile)
	if !slices.IsSorted(lines) {
		t.Errorf("not sorted: %q", lines)
	}
	return lines
}

// units is what cargo makes of the same for a package with a build script: the
// profile of each unit. The bootstrap variable opens the unit graph, and what
// profiles have that is unstable.
func (s said) units(t *testing.T, args ...string) string {
	t.Helper()
	const features = "cargo-features = [\"profile-rustflags\", \"trim-paths\", \"codegen-backend\"]\n"
	top := write(t, map[string]string{
		"p/Cargo.toml":         features + s.manifest + "\n[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nd = { path = \"d\" }\n",
		"p/d/Cargo.toml":       "[package]\nname = \"d\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"p/src/lib.rs":         "",
		"p/build.rs":           "fn main() {}\n",
		"p/d/src/lib.rs":       "",
		"p/.cargo/config.toml": s.config + "\n[unstable]\nprofile-rustflags = true\ntrim-paths = true\ncodegen-backend = true\n",
	})
	environ := append([]string{"CARGO_HOME=" + filepath.Join(top, "home"), "RUSTC_BOOTSTRAP=1"}, s.environ...)
	var graph struct {
		Units []struct {
			Target  struct{ Name string }
			Mode    string
			Profile map[string]any
		}
	}
	out := cargotest.Run(t, filepath.Join(top, "p"), "", environ, append([]string{"build", "--unit-graph", "-Zunstable-options"}, args...)...)
	if err := json.Unmarshal(out, &graph); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var units []string
	for _, u := range graph.Units {
		delete(u.Profile, "name")
		text, err := json.Marshal(u.Profile)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, u.Target.Name+" "+u.Mode+" "+string(text))
	}
	slices.Sort(units)
	return strings.Join(units, "\n")
}

var dev = said{manifest: "[profile.dev]\nopt-level = 1\n"}

// Each list is of things that mean the same; none of one list means what another
// one does.
var profiles = map[string][]said{
	"built in": {
		{},
		{manifest: "[profile.dev]\nopt-level = 0\ndebug = true\ndebug-assertions = true\noverflow-checks = true\npanic = \"unwind\"\nlto = false\n[profile.release]\nopt-level = 3\n"},
		{config: "[profile.dev]\ndebug = \"full\"\nrpath = false\nrustflags = []\n"},
		{environ: []string{"CARGO_PROFILE_DEV_OPT_LEVEL=0", "CARGO_PROFILE_DEV_DEBUG=2"}},
		{manifest: "[profile.dev]\nopt-level = 3\n", config: "[profile.dev]\nopt-level = 0\n"},
		{manifest: "[profile.dev.package.d]\n[profile.dev.build-override]\n"},
	},
	"opt-level": {
		dev,
		{manifest: "# x\nprofile.dev = { opt-level = 1 }\n"},
		{config: "[profile.dev]\nopt-level = 1\n"},
		{environ: []string{"CARGO_PROFILE_DEV_OPT_LEVEL=1"}},
		{manifest: "[profile.dev]\nopt-level = 2\n", config: "[profile.dev]\nopt-level = 1\n"},
		{manifest: "[profile.dev]\nopt-level = 2\n", config: "[profile.dev]\nopt-level = 3\n", environ: []string{"CARGO_PROFILE_DEV_OPT_LEVEL=1"}},
	},
	"size":           {{manifest: "[profile.dev]\nopt-level = \"s\"\n"}, {environ: []string{"CARGO_PROFILE_DEV_OPT_LEVEL=s"}}},
	"no debug":       {{manifest: "[profile.dev]\ndebug = 0\n"}, {config: "[profile.dev]\ndebug = false\n"}, {environ: []string{"CARGO_PROFILE_DEV_DEBUG=none"}}},
	"limited debug":  {{manifest: "[profile.dev]\ndebug = 1\n"}, {config: "[profile.dev]\ndebug = \"limited\"\n"}},
	"line tables":    {{manifest: "[profile.dev]\ndebug = \"line-tables-only\"\n"}, {environ: []string{"CARGO_PROFILE_DEV_DEBUG=line-tables-only"}}},
	"lto":            {{manifest: "[profile.dev]\nlto = true\n"}, {environ: []string{"CARGO_PROFILE_DEV_LTO=true"}}},
	"fat lto":        {{manifest: "[profile.dev]\nlto = \"fat\"\n"}},
	"thin lto":       {{manifest: "[profile.dev]\nlto = \"thin\"\n"}, {config: "[profile.dev]\nlto = \"thin\"\n"}},
	"no lto":         {{manifest: "[profile.dev]\nlto = \"off\"\n"}, {manifest: "[profile.dev]\nlto = \"n\"\n"}, {manifest: "[profile.dev]\nlto = \"none\"\n"}},
	"strip":          {{manifest: "[profile.dev]\nstrip = true\n"}, {manifest: "[profile.dev]\nstrip = \"symbols\"\n"}},
	"strip debug":    {{manifest: "[profile.dev]\nstrip = \"debuginfo\"\n"}},
	"abort":          {{manifest: "[profile.dev]\npanic = \"abort\"\n"}, {environ: []string{"CARGO_PROFILE_DEV_PANIC=abort"}}},
	"codegen units":  {{manifest: "[profile.dev]\ncodegen-units = 4\n"}, {environ: []string{"CARGO_PROFILE_DEV_CODEGEN_UNITS=4"}}},
	"assertions":     {{manifest: "[profile.dev]\ndebug-assertions = false\n"}, {environ: []string{"CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false"}}},
	"split debug":    {{manifest: "[profile.dev]\nsplit-debuginfo = \"packed\"\n"}},
	"rpath":          {{manifest: "[profile.dev]\nrpath = true\n"}},
	"overflow":       {{manifest: "[profile.dev]\noverflow-checks = false\n"}},
	"flags":          {{manifest: "[profile.dev]\nrustflags = [\"-g\", \"-O\"]\n"}, {environ: []string{"CARGO_PROFILE_DEV_RUSTFLAGS=-g -O"}}, {manifest: "[profile.dev]\nrustflags = [\"-x\"]\n", config: "[profile.dev]\nrustflags = [\"-g\"]\n", environ: []string{"CARGO_PROFILE_DEV_RUSTFLAGS=-O"}}},
	"flags, ordered": {{manifest: "[profile.dev]\nrustflags = [\"-O\", \"-g\"]\n"}},
	"trim":           {{manifest: "[profile.dev]\ntrim-paths = true\n"}, {manifest: "[profile.dev]\ntrim-paths = \"all\"\n"}},
	"trim some":      {{manifest: "[profile.dev]\ntrim-paths = \"object\"\n"}, {manifest: "[profile.dev]\ntrim-paths = [\"object\"]\n"}},
	"not incremental": {
		{environ: []string{"CARGO_INCREMENTAL=0"}},
		{environ: []string{"CARGO_INCREMENTAL=no"}},
		{config: "[build]\nincremental = false\n"},
		{environ: []string{"CARGO_BUILD_INCREMENTAL=false"}},
		{config: "[build]\nincremental = true\n", environ: []string{"CARGO_INCREMENTAL=0", "CARGO_BUILD_INCREMENTAL=true"}},
		{manifest: "[profile.dev]\nincremental = true\n", environ: []string{"CARGO_INCREMENTAL=0"}},
	},
	"one package": {
		{manifest: "[profile.dev.package.d]\nopt-level = 2\n"},
		{config: "[profile.dev.package.d]\nopt-level = 2\n"},
		{config: "[profile.dev.package.d]\nopt-level = 1\n", environ: []string{"CARGO_PROFILE_DEV_PACKAGE_d_OPT_LEVEL=2"}},
		{manifest: "[profile.dev.package.d]\nopt-level = 3\n", config: "[profile.dev.package.\"d\"]\nopt-level = 2\n"},
	},
	"the other package": {{manifest: "[profile.dev.package.p]\nopt-level = 2\n"}},
	"scripts":           {{manifest: "[profile.dev.build-override]\nopt-level = 2\n"}, {environ: []string{"CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL=2"}}},
}

func TestResolvedProfiles(t *testing.T) {
	seen := map[string]string{}
	for name, list := range profiles {
		want := strings.Join(list[0].lines(t), "\n")
		for _, s := range list[1:] {
			if got := strings.Join(s.lines(t), "\n"); got != want {
				t.Errorf("%s: %+v is\n%s\nnot\n%s", name, s, got, want)
			}
		}
		if other, dup := seen[want]; dup {
			t.Errorf("%s is as %s:\n%s", name, other, want)
		}
		seen[want] = name
	}
}

// What is one thing here is one for cargo, and what is two is two.
func TestResolvedProfilesAgreeWithCargo(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	var mu sync.Mutex
	seen := map[string]string{}
	t.Run("group", func(t *testing.T) {
		for name, list := range profiles {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want := list[0].units(t)
				for _, s := range list[1:] {
					if got := s.units(t); got != want {
						t.Errorf("cargo makes of %+v\n%s\nnot\n%s", s, got, want)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if other, dup := seen[want]; dup {
					t.Errorf("cargo makes of it the same as of %s:\n%s", other, want)
				}
				seen[want] = name
			})
		}
	})
	if len(seen) != len(profiles) {
		t.Errorf("%d of %d compared", len(seen), len(profiles))
	}
}

func TestProfilesInherit(t *testing.T) {
	for name, tc := range map[string]struct {
		said
		want []string
	}{
		"a profile of one's own": {
			said{manifest: "[profile.dist]\ninherits = \"release\"\nlto = \"thin\"\nopt-level = 3\n"},
			[]string{`dist.inherits = "release"`, `dist.lto = "thin"`},
		},
		"by a chain": {
			said{manifest: "[profile.release]\ndebug = 1\n[profile.a]\ninherits = \"release\"\nstrip = true\n[profile.b]\ninherits = \"a\"\ndebug = \"limited\"\nstrip = \"symbols\"\npanic = \"abort\"\n"},
			[]string{`a.inherits = "release"`, `a.strip = "symbols"`, `b.inherits = "a"`, `b.panic = "abort"`, `release.debug = 1`},
		},
		"what inherits is overridden": {
			said{manifest: "[profile.dev]\nopt-level = 1\n[profile.test]\nopt-level = 0\ninherits = \"dev\"\n[profile.bench]\nopt-level = 3\n"},
			[]string{"dev.opt-level = 1", "test.opt-level = 0"},
		},
		"overrides as well": {
			said{manifest: "[profile.dev.package.\"*\"]\nopt-level = 2\n[profile.test.package.\"*\"]\nopt-level = 2\ndebug = 0\n"},
			[]string{`dev.package."*".opt-level = 2`, `test.package."*".debug = 0`},
		},
		"a loop": {
			said{manifest: "[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\nlto = \"thin\"\n"},
			[]string{`a.inherits = "b"`, `b.inherits = "a"`, `b.lto = "thin"`},
		},
		"by variable": {
			said{manifest: "[profile.release-lto]\ninherits = \"release\"\n", environ: []string{"CARGO_PROFILE_RELEASE_LTO=thin", "CARGO_PROFILE_RELEASE_LTO_LTO=fat"}},
			[]string{`release-lto.inherits = "release"`, `release-lto.lto = "fat"`, `release.lto = "thin"`},
		},
		"by variable alone": {
			said{environ: []string{"CARGO_PROFILE_DIST_INHERITS=release", "CARGO_PROFILE_DIST_LTO=true"}},
			[]string{`env.CARGO_PROFILE_DIST_INHERITS = "release"`, `env.CARGO_PROFILE_DIST_LTO = "true"`},
		},
	} {
		check(t, name, tc.lines(t), tc.want)
	}
}
