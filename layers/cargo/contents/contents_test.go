package contents

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

func versioned(name, version string) string {
	return strings.Replace(cargotest.Manifest(name), "0.1.0", version, 1)
}

// newMixed builds a workspace with packages of every source but a vendored one: two
// versions of regdep, one with a script; gitdep; the path packages app and shared,
// which is a dynamic library and has no id.
func newMixed(t *testing.T, toolchain string, env ...string) (dir, home string) {
	t.Helper()
	top := cargotest.RealTempDir(t)
	dir, home = top+"/a", top+"/home"
	cargotest.Publish(t, top+"/registry", "regdep", "1.2.3", map[string]string{"Cargo.toml": versioned("regdep", "1.2.3"), "src/lib.rs": "pub fn f() {}"})
	cargotest.Publish(t, top+"/registry", "regdep", "2.0.0-beta.1", map[string]string{
		"Cargo.toml": versioned("regdep", "2.0.0-beta.1"), "src/lib.rs": `pub const S: &str = include_str!(concat!(env!("OUT_DIR"), "/x"));`,
		"build.rs": `fn main() { println!("cargo:rerun-if-changed=build.rs"); std::fs::write(std::env::var("OUT_DIR").unwrap() + "/x", "0123456789").unwrap(); }`,
	})
	cargotest.Write(t, top+"/git", map[string]string{"Cargo.toml": versioned("gitdep", "0.7.0"), "src/lib.rs": "pub fn g() {}"})
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "1"}} {
		if out, err := exec.Command("git", append([]string{"-C", top + "/git"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git: %v: %s", err, out)
		}
	}
	cargotest.Write(t, dir, map[string]string{
		".cargo/config.toml": fmt.Sprintf("[source.crates-io]\nreplace-with = \"local\"\n[source.local]\nlocal-registry = %q\n", top+"/registry"),
		"Cargo.toml":         "[workspace]\nmembers = [\"app\", \"shared\"]\nresolver = \"2\"\n",
		"app/Cargo.toml": cargotest.Manifest("app") + "old = { package = \"regdep\", version = \"1\" }\nregdep = \"=2.0.0-beta.1\"\n" +
			"gitdep = { git = \"file://" + top + "/git\" }\n",
		"app/src/lib.rs":      "pub fn word() -> &'static str { old::f(); gitdep::g(); regdep::S }",
		"app/src/main.rs":     "fn main() { println!(\"{}\", app::word()) }",
		"app/examples/ex.rs":  "fn main() {}",
		"shared/Cargo.toml":   cargotest.Manifest("shared") + "[lib]\ncrate-type = [\"dylib\"]\n",
		"shared/src/lib.rs":   "pub fn s() {}",
		"target/.keep/me.txt": "kept",
	})
	env = append([]string{"CARGO_HOME=" + home, "CARGO_NET_OFFLINE=false"}, env...)
	if rustup := os.Getenv("RUSTUP_HOME"); rustup == "" {
		env = append(env, "RUSTUP_HOME="+filepath.Join(os.Getenv("HOME"), ".rustup"))
	}
	cargotest.Run(t, dir, toolchain, env, "build", "--workspace", "--examples", "--bins", "--lib")
	cargotest.Run(t, dir, toolchain, env, "doc", "--no-deps", "-p", "app", "--lib")
	return dir, home
}

// manifestOf inspects a build directory; what it left for the next inspection comes
// along.
func manifestOf(t *testing.T, dir, home string) *manifest.Manifest {
	t.Helper()
	ws, err := project.Locate(t.Context(), project.Tool{Cargo: "cargo", Dir: dir, Environ: append(os.Environ(), "CARGO_NET_OFFLINE=true", "CARGO_HOME="+home)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := cargo.Inspect(t.Context(), cargo.Inspection{Checkout: &checkout.Checkout{Workspace: ws}})
	if err != nil {
		t.Fatal(err)
	}
	m.Fingerprint.Ingredients = []depset.Ingredient{depset.PackagesOf(ws.Lock), {Name: depset.IngredientCargoHome, Value: home}}
	return m
}

// sum adds up the files whose names match, of one with several names once.
func sum(t *testing.T, dir string, match func(rel string) bool) int64 {
	t.Helper()
	total, seen := int64(0), map[uint64]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		ino := fi.Sys().(*syscall.Stat_t).Ino
		if rel, _ := filepath.Rel(dir, path); match(rel) && !seen[ino] {
			seen[ino] = true
			total += fi.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func contentsOf(t *testing.T, dir string, m *manifest.Manifest, unitCache []byte) *Contents {
	t.Helper()
	c, err := Read(t.Context(), dir+"/target", m, unitCache)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContents(t *testing.T) {
	for _, tc := range []struct {
		layout, toolchain string
		env               []string
	}{
		{builddir.LayoutClassic, "", nil},
		{builddir.LayoutUnits, "nightly", []string{"CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"}},
	} {
		t.Run(tc.layout, func(t *testing.T) {
			t.Parallel()
			cargotest.Require(t, tc.toolchain)
			dir, home := newMixed(t, tc.toolchain, tc.env...)
			m := manifestOf(t, dir, home)
			if m.Layout != tc.layout {
				t.Fatalf("the layout is %s", m.Layout)
			}
			testContents(t, dir, m)
		})
	}
}

func testContents(t *testing.T, dir string, m *manifest.Manifest) {
	c := contentsOf(t, dir, m, m.Cache.Text)
	got := map[string]Package{}
	units, bytes := 0, c.Incremental+c.Other
	for _, p := range c.Packages {
		got[p.Name+" "+p.Version+" "+p.Source] = p
		units += p.Units
		bytes += p.Size
	}
	want := map[string]int{
		// To document app, its dependencies are checked.
		"regdep 1.2.3 registry": 2, "regdep 2.0.0-beta.1 registry": 4, "gitdep 0.7.0 git": 2,
		"app  path": 4, "shared  path": 1, // the library, its documentation, the program, the example
	}
	for name, n := range want {
		if got[name].Units != n {
			t.Errorf("%s: %d units, want %d", name, got[name].Units, n)
		}
	}
	if len(got) != len(want) || units != m.Immutable+len(m.Units) {
		t.Errorf("%d packages with %d units; want %d with %d: %+v", len(got), units, len(want), m.Immutable+len(m.Units), c.Packages)
	}
	checkUnits(t, c, m)
	if p := got["regdep 1.2.3 registry"]; filepath.Base(p.From) != "regdep-1.2.3" {
		t.Errorf("regdep comes from %q", p.From)
	}

	build := dir + "/target"
	all := sum(t, build, func(string) bool { return true })
	if bytes != all {
		t.Errorf("the sizes add up to %d; there are %d bytes", bytes, all)
	}
	// Of what rustc links from there to the outputs of a unit the unit has the size.
	incremental := all - sum(t, build, func(rel string) bool { return !strings.HasPrefix(rel, "debug/incremental/") })
	if c.Incremental != incremental || incremental == 0 {
		t.Errorf("incremental state: %d, want %d", c.Incremental, incremental)
	}
	sizes := map[string]int64{}
	for _, p := range c.Packages {
		sizes[p.Name] += p.Size
		if p.Size == 0 || p.Cost <= 0 {
			t.Errorf("%s %s: size %d, cost %d", p.Name, p.Version, p.Size, p.Cost)
		}
	}
	for name, crates := range map[string][]string{"regdep": {"regdep"}, "gitdep": {"gitdep"}, "app": {"app", "ex"}, "shared": {"shared"}} {
		want := sum(t, build, func(rel string) bool {
			parts := strings.Split(rel, "/")
			if len(parts) < 3 || parts[0] != "debug" {
				return false
			}
			switch parts[1] {
			case ".fingerprint":
				return strings.HasPrefix(parts[2], name+"-") || parts[2] == name
			case "build":
				return strings.HasPrefix(parts[2], name+"-") || parts[2] == name
			case "deps", "examples":
				stem, _, _ := strings.Cut(strings.TrimPrefix(parts[2], "lib"), ".")
				crate, id := builddir.SplitID(stem)
				return slices.Contains(crates, crate) && (id != "" || parts[1] == "deps")
			}
			return false
		})
		if sizes[name] != want || want == 0 {
			t.Errorf("%s: size %d, want %d", name, sizes[name], want)
		}
	}
	if !slices.IsSortedFunc(c.Packages, func(a, b Package) int { return int(b.Cost - a.Cost) }) {
		t.Errorf("not in the order of cost: %+v", c.Packages)
	}

	// The unit cache saves time and changes nothing.
	if without := contentsOf(t, dir, m, nil); !slices.Equal(without.Packages, c.Packages) {
		t.Errorf("without the unit cache %+v, with it %+v", without.Packages, c.Packages)
	}
	// Restored files have one time; what they cost is remembered.
	one := time.Unix(1_000_000_000, 0)
	err := filepath.WalkDir(build, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, one, one))
	})
	if err != nil {
		t.Fatal(err)
	}
	if restored := contentsOf(t, dir, m, m.Cache.Text); !slices.Equal(restored.Packages, c.Packages) {
		t.Errorf("with other times %+v, before %+v", restored.Packages, c.Packages)
	}
	// Of a layer that an earlier version made no cost is known.
	for i := range m.Units {
		m.Units[i].Cost = 0
	}
	for _, p := range contentsOf(t, dir, m, nil).Packages {
		if p.Cost != 0 {
			t.Errorf("%s %s: cost %d though nothing tells", p.Name, p.Version, p.Cost)
		}
	}
}

// checkUnits: the units are those that the manifest and the unit cache tell of, and each
// package is what its units add up to.
func checkUnits(t *testing.T, c *Contents, m *manifest.Manifest) {
	t.Helper()
	profiles := map[string]string{}
	for _, e := range manifest.Entries(m, m.Cache.Text) {
		profiles[e.Key] = e.Profile
	}
	type id struct{ name, version, source string }
	units, sizes := map[id]int{}, map[id]int64{}
	for _, u := range c.Units {
		if want, ok := profiles[u.Key]; !ok || want != u.Profile {
			t.Errorf("%s is of profile %q, want %q", u.Key, u.Profile, want)
		}
		delete(profiles, u.Key)
		units[id{u.Package, u.Version, u.Source}]++
		sizes[id{u.Package, u.Version, u.Source}] += u.Size
		if u.Size == 0 {
			t.Errorf("%s has no files", u.Key)
		}
	}
	if len(profiles) > 0 {
		t.Errorf("not among the units: %v", profiles)
	}
	for _, p := range c.Packages {
		k := id{p.Name, p.Version, p.Source}
		if units[k] != p.Units || sizes[k] != p.Size {
			t.Errorf("%v: %d units of %d bytes, want %d of %d", k, units[k], sizes[k], p.Units, p.Size)
		}
	}
}

func TestContentsOfNothing(t *testing.T) {
	dir := t.TempDir()
	cargotest.Write(t, dir, map[string]string{"x/y/z": "12345", "debug/.cargo-lock": "1", "debug/deps/a-0123456789abcdef.d": "123"})
	if err := os.Link(dir+"/x/y/z", dir+"/debug/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", dir+"/debug/outside"); err != nil {
		t.Fatal(err)
	}
	c, err := Read(t.Context(), dir, new(manifest.Manifest), nil)
	if err != nil || len(c.Packages) != 0 || c.Other != 5+1+3 {
		t.Errorf("%+v, %v; want 9 bytes that belong to nothing", c, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, dir, new(manifest.Manifest), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := Read(t.Context(), dir+"/none", new(manifest.Manifest), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no directory: %v", err)
	}
}

func TestVersionOf(t *testing.T) {
	locked := []string{"dep 0.2.0 git+https://e.org/b#bbb0000000", "dep 0.3.0 git+https://e.org/c?branch=main#ccc0000000", "dep 1.0.0 0123abcd", "local"}
	home := func(path string) *rooted.Path { return &rooted.Path{Root: rooted.Workspace, Rel: path} }
	for _, tt := range []struct {
		source, name, from string
		home               *rooted.Path
		want               string
	}{
		{builddir.SourceRegistry, "dep", "registry/src/i-1949cf8c6b5b557f/dep-1.0.0+build-2.1", nil, "1.0.0+build-2.1"},
		{builddir.SourceRegistry, "dep-x", "registry/src/i-1949cf8c6b5b557f/dep-x-0.1.0-rc.1", nil, "0.1.0-rc.1"},
		{builddir.SourceRegistry, "dep", "", nil, ""},
		{builddir.SourceGit, "dep", "git/checkouts/c-0123/ccc0000", nil, "0.3.0"},
		{builddir.SourceGit, "dep", "git/checkouts/c-0123/ddd0000", nil, ""}, // no longer in the lockfile
		{builddir.SourceGit, "other", "git/checkouts/c-0123/ccc0000", nil, ""},
		{builddir.SourceVendored, "dep", "", home("vendor/dep-0.9.1"), "0.9.1"},
		{builddir.SourceVendored, "dep", "", home("vendor/dep"), ""},
		{builddir.SourceVendored, "dep", "", home("vendor/dep-x"), ""},
		{builddir.SourceVendored, "dep", "", nil, ""},
		{builddir.SourcePath, "dep", "", home("dep-0.9.1"), ""},
	} {
		p := &Package{Name: tt.name, Source: tt.source, From: tt.from}
		if got := versionOf(p, tt.home, locked); got != tt.want {
			t.Errorf("%s %s from %q, %v: version %q, want %q", tt.source, tt.name, tt.from, tt.home, got, tt.want)
		}
	}
}

// Two versions of a package share a name; what is only known by name is neither's.
func TestContentsOfUnknownSource(t *testing.T) {
	unit := func(n int, source, from string) *builddir.Unit {
		record := fmt.Sprintf("debug/.fingerprint/dep-%016x", n)
		return &builddir.Unit{Dir: builddir.ParseRecordDir(record), UnitName: builddir.UnitName{Package: "dep"}, Key: record + "/lib-dep", Source: source, From: from}
	}
	doc := unit(1, builddir.SourceUnknown, "")
	one, two := unit(2, builddir.SourceRegistry, "registry/src/i/dep-1.0.0"), unit(3, builddir.SourceRegistry, "registry/src/i/dep-2.0.0")
	for _, tt := range []struct {
		units []*builddir.Unit
		want  string
	}{
		{[]*builddir.Unit{doc}, "unknown 1"},
		{[]*builddir.Unit{doc, one}, "registry 2"},
		{[]*builddir.Unit{doc, one, two}, "registry 1, registry 1, unknown 1"},
	} {
		l := newLedger(&builddir.Dir{Units: tt.units}, new(manifest.Manifest), nil)
		var got []string
		for _, p := range l.packages {
			got = append(got, fmt.Sprintf("%s %d", p.Source, p.Units))
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%d units: %q, want %q", len(tt.units), got, tt.want)
		}
	}
}
