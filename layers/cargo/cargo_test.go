package cargo

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embeds"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/internal/kernelclock"
)

// workspace is small and has one package for each thing that is judged in a way
// of its own. The root package reads a file through env!, constant keeps an env!
// value, script watches a directory, watched one that lies in another package;
// undeclared's script says nothing of what it reads, absolute's watches a file by
// its absolute path.
var workspace = map[string]string{
	"Cargo.toml": `[workspace]
members = ["liba", "constant", "script", "watched", "undeclared", "absolute", "app"]
[package]
name = "root"
version = "0.1.0"
edition = "2021"
`,
	"shared.txt": "shared 1",
	"src/lib.rs": `pub const S: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shared.txt"));`,

	"liba/Cargo.toml": cargotest.Manifest("liba"),
	"liba/src/lib.rs": "pub fn a() -> u32 { 1 }\n",

	"constant/Cargo.toml": cargotest.Manifest("constant"),
	"constant/src/lib.rs": `pub const D: &str = env!("CARGO_MANIFEST_DIR");`,

	"script/Cargo.toml": cargotest.Manifest("script"),
	"script/data/x.txt": "data 1",
	"script/build.rs": `fn main() {
    println!("cargo:rerun-if-changed=data");
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::copy("data/x.txt", format!("{out}/x.txt")).unwrap();
}`,
	"script/src/lib.rs": `pub const X: &str = include_str!(concat!(env!("OUT_DIR"), "/x.txt"));`,

	"watched/Cargo.toml": cargotest.Manifest("watched"),
	"watched/build.rs": `fn main() {
    println!("cargo:rerun-if-changed=linked");
    let text = std::fs::read_to_string("linked/x.txt").unwrap();
    println!("cargo:rustc-env=LINKED={text}");
}`,
	"watched/src/lib.rs": `pub const L: &str = env!("LINKED");`,

	"undeclared/Cargo.toml": cargotest.Manifest("undeclared"),
	"undeclared/build.rs":   `fn main() { println!("cargo:rustc-env=N={}", std::fs::read_to_string("n.txt").unwrap()); }`,
	"undeclared/n.txt":      "n 1",
	"undeclared/src/lib.rs": `pub const N: &str = env!("N");`,

	"absolute/Cargo.toml": cargotest.Manifest("absolute"),
	"absolute/build.rs": `fn main() {
    let path = format!("{}/../shared.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    println!("cargo:rerun-if-changed={path}");
    println!("cargo:rustc-env=ABS={}", std::fs::read_to_string(path).unwrap());
}`,
	"absolute/src/lib.rs": `pub const A: &str = env!("ABS");`,

	"app/Cargo.toml":  cargotest.Manifest("app", "root", "undeclared", "absolute", "liba", "constant", "script", "watched"),
	"app/src/main.rs": `fn main() { println!("{} {} {} {} {} {} {}", root::S, liba::a(), constant::D, script::X, watched::L, undeclared::N, absolute::A); }`,
}

// newWorkspace makes the workspace and builds it.
func newWorkspace(t *testing.T) string {
	t.Helper()
	cargotest.Require(t, "")
	dir := filepath.Join(cargotest.RealTempDir(t), "a")
	cargotest.Write(t, dir, workspace)
	if err := os.Symlink("../script/data", dir+"/watched/linked"); err != nil {
		t.Fatal(err)
	}
	build(t, dir)
	return dir
}

// build returns the packages that cargo compiled or whose script it ran.
func build(t *testing.T, dir string) []string {
	t.Helper()
	var rebuilt []string
	for line := range bytes.Lines(cargotest.Run(t, dir, "", nil, "build", "--workspace", "--message-format", "json")) {
		var m struct {
			Reason string
			Fresh  bool
			Target struct{ Name string }
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("cargo printed %q: %v", line, err)
		}
		if m.Reason == "compiler-artifact" && !m.Fresh && m.Target.Name != "build-script-build" {
			rebuilt = append(rebuilt, m.Target.Name)
		}
	}
	slices.Sort(rebuilt)
	return rebuilt
}

func run(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command(dir + "/target/debug/app").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// checkoutAt locates a checkout with the real cargo.
func checkoutAt(t *testing.T, dir string) *checkout.Checkout {
	t.Helper()
	ws, err := project.Locate(t.Context(), project.Tool{Cargo: "cargo", Dir: dir, Environ: append(os.Environ(), "CARGO_NET_OFFLINE=true")})
	if err != nil {
		t.Fatal(err)
	}
	if ws.BuildDir != dir+"/target" {
		t.Fatalf("the build directory is %s, not the one tests build in", ws.BuildDir)
	}
	return &checkout.Checkout{Workspace: ws}
}

func inspect(t *testing.T, in Inspection) *manifest.Manifest {
	t.Helper()
	m, err := Inspect(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// What is worked with is what lies in the layer.
	if m, err = manifest.Decode(b); err != nil {
		t.Fatal(err)
	}
	return m
}

// fork copies a checkout with its build directory, as git worktree and a restore
// together would, and returns the copy.
func fork(t *testing.T, from, name string) string {
	t.Helper()
	to := filepath.Join(cargotest.RealTempDir(t), name)
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	return to
}

func kernelClock(t *testing.T) *kernelclock.Clock {
	t.Helper()
	clock, err := kernelclock.Open("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clock.Close)
	return clock
}

func kernelNow(t *testing.T) time.Time {
	t.Helper()
	now, err := kernelClock(t).Now()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// restore corrects the copy of a build directory and returns its plan, and the
// time it was given.
func restore(t *testing.T, m *manifest.Manifest, dir string) (*Plan, time.Time) {
	t.Helper()
	clock := kernelClock(t)
	t0, err := clock.Passed(t.Context()) // what the test edits next must be newer
	if err != nil {
		t.Fatal(err)
	}
	co := checkoutAt(t, dir)
	plan, err := Verify(t.Context(), m, NewReader(co, rule.Settings{}), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Apply(t.Context(), co.Workspace.BuildDir, t0); err != nil {
		t.Fatal(err)
	}
	return plan, t0
}

// unitOf finds the library, program or run of a package in a manifest.
func unitOf(t *testing.T, m *manifest.Manifest, pkg, kind string) *manifest.Unit {
	t.Helper()
	for i := range m.Units {
		if u := &m.Units[i]; u.Package == pkg && u.Kind == kind {
			return u
		}
	}
	t.Fatalf("no %s of %s in the manifest", kind, pkg)
	return nil
}

func rebuilds(p *Plan) map[string]rule.Rule {
	m := map[string]rule.Rule{}
	for _, v := range p.Rebuild() {
		m[v.Package+" "+v.Kind] = v.Reason.Rule
	}
	return m
}

// Building takes most of the time, so one checkout serves all; only the last test
// writes to it.
func TestCheckout(t *testing.T) {
	t.Parallel()
	a := newWorkspace(t)
	t.Run("inspect", func(t *testing.T) { testInspect(t, a) })
	t.Run("what times hide", func(t *testing.T) { testVerifyFindsWhatTimesHide(t, a) })
	t.Run("grandchildren", func(t *testing.T) { testOriginsOfGrandchildren(t, a) })
	t.Run("fresh", func(t *testing.T) { testRestoreIsFresh(t, a) })
}

func testInspect(t *testing.T, a string) {
	first := inspect(t, Inspection{Checkout: checkoutAt(t, a)})
	second := inspect(t, Inspection{Checkout: checkoutAt(t, a)})
	one, _ := first.Encode()
	two, _ := second.Encode()
	if !bytes.Equal(one, two) || !first.SameBuild(second) {
		t.Errorf("two inspections of one build differ:\n%s\n%s", one, two)
	}
	third := inspect(t, Inspection{Checkout: checkoutAt(t, a), Previous: first, Sealed: kernelNow(t).UnixNano()})
	if three, _ := third.Encode(); !bytes.Equal(one, three) {
		t.Errorf("what is inherited differs from what was found:\n%s\n%s", one, three)
	}
	for i := range first.Units {
		if u := &first.Units[i]; u.Always != nil || u.Source != builddir.SourcePath || !u.Mutable {
			t.Errorf("%s %s: source %s, mutable %v, always %v", u.Unit, u.Kind, u.Source, u.Mutable, u.Always)
		}
	}
	if u := unitOf(t, first, "root", "lib"); len(u.Elsewhere) > 0 || !u.Named {
		t.Errorf("a file included through env! is held against root: %v, named %v", u.Elsewhere, u.Named)
	}
	if u := unitOf(t, first, "constant", "lib"); len(u.Elsewhere) != 1 || u.Elsewhere[0].Rule != rule.EnvOrigin {
		t.Errorf("a constant of env! is held harmless: %v", u.Elsewhere)
	}
	if u := unitOf(t, first, "script", "lib"); len(u.Elsewhere) > 0 {
		t.Errorf("an include from OUT_DIR is held against script: %v", u.Elsewhere)
	}
	if u := unitOf(t, first, "watched", builddir.KindRun); len(u.Trees) == 0 || u.Home == nil || u.Home.Rel != "watched" {
		t.Errorf("the run of a script has trees %v and home %v", u.Trees, u.Home)
	}
}

func testRestoreIsFresh(t *testing.T, a string) {
	m := inspect(t, Inspection{Checkout: checkoutAt(t, a)})
	b := fork(t, a, "b")
	plan, _ := restore(t, m, b)
	want := map[string]rule.Rule{"constant lib": rule.EnvOrigin, "app bin": rule.Dependency}
	if got := rebuilds(plan); len(got) != len(want) || got["constant lib"] != want["constant lib"] || got["app bin"] != want["app bin"] {
		t.Errorf("will rebuild %v; want %v", got, want)
	}
	if got := len(plan.Noted()); got != 1 {
		t.Errorf("%d reasons noted; want 1", got)
	}
	if _, err := os.Stat(b + "/target/debug/app"); !os.IsNotExist(err) {
		t.Errorf("the origin's program is left to be run: %v", err)
	}
	explained, err := freshness.Explain(t.Context(), checkoutAt(t, b), plan.Noted())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range explained {
		if r, dirty := rebuilds(plan)[v.Package+" "+v.Kind]; v.Fresh == dirty || dirty && v.Reason.Rule != r {
			t.Errorf("explain says of %s %s: fresh %v, %v; the plan says %v", v.Package, v.Kind, v.Fresh, v.Reason, r)
		}
	}
	if got := build(t, b); !slices.Equal(got, []string{"app", "constant"}) {
		t.Errorf("cargo rebuilt %v; want app and constant", got)
	}
	if got, want := run(t, b), "shared 1 1 "+b+"/constant data 1 data 1 n 1 shared 1"; got != want {
		t.Errorf("the program prints %q; want %q", got, want)
	}
	// Later edits are seen, in the checkout and not at the origin.
	if err := os.WriteFile(b+"/shared.txt", []byte("shared 2"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a+"/shared.txt", []byte("shared 3"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := build(t, b); !slices.Equal(got, []string{"absolute", "app", "root"}) {
		t.Errorf("after an edit cargo rebuilt %v; want absolute, app and root", got)
	}
	if got := run(t, b); !strings.HasPrefix(got, "shared 2 ") || !strings.HasSuffix(got, " shared 2") {
		t.Errorf("the program prints %q", got)
	}
	if err := os.WriteFile(b+"/undeclared/n.txt", []byte("n 2"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := build(t, b); !slices.Equal(got, []string{"app", "undeclared"}) {
		t.Errorf("after an edit cargo rebuilt %v; want app and undeclared", got)
	}
}

// Content decides, whatever times say.
func testVerifyFindsWhatTimesHide(t *testing.T, a string) {
	m := inspect(t, Inspection{Checkout: checkoutAt(t, a)})
	tests := []struct {
		name, file, text string
		unit             string
		rule             rule.Rule
		prints           string
	}{
		{"source", "liba/src/lib.rs", "pub fn a() -> u32 { 2 }\n", "liba lib", rule.SourceContent, " 2 "},
		{"included", "shared.txt", "shared 2", "root lib", rule.SourceContent, "shared 2"},
		{"watched by absolute path", "shared.txt", "shared 2", "absolute " + builddir.KindRun, rule.ScriptInput, " shared 2"},
		{"not declared", "undeclared/n.txt", "n 2", "undeclared " + builddir.KindRun, rule.ScriptTree, " n 2 "},
		{"new and not declared", "undeclared/more.txt", "", "undeclared " + builddir.KindRun, rule.ScriptTree, " n 1 "},
		{"watched directory", "script/data/x.txt", "data 2", "script " + builddir.KindRun, rule.ScriptInput, "data 2 data 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := fork(t, a, strings.ReplaceAll(tt.name, " ", "-"))
			cargotest.Edit(t, filepath.Join(b, tt.file), tt.text)
			plan, _ := restore(t, m, b)
			if got := rebuilds(plan); got[tt.unit] != tt.rule {
				t.Errorf("%s will be rebuilt by rule %q; want %q (all: %v)", tt.unit, got[tt.unit], tt.rule, got)
			}
			build(t, b)
			if got := run(t, b); !strings.Contains(got, tt.prints) {
				t.Errorf("the program prints %q; want %q in it", got, tt.prints)
			}
		})
	}
}

// A unit keeps the checkout it was built in through any number of restores.
func testOriginsOfGrandchildren(t *testing.T, a string) {
	first := inspect(t, Inspection{Checkout: checkoutAt(t, a)})
	b := fork(t, a, "b")
	_, t0 := restore(t, first, b)
	if err := os.WriteFile(b+"/liba/src/lib.rs", []byte("pub fn a() -> u32 { 2 }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	build(t, b)
	second := inspect(t, Inspection{Checkout: checkoutAt(t, b), Previous: first, Restored: t0.UnixNano()})
	for unit, want := range map[string]string{"root": a, "script": a, "liba": b, "constant": b} {
		u := unitOf(t, second, unit, "lib")
		if got := second.Origins[u.Origin].Root(); got != want {
			t.Errorf("%s is of %s; want %s", unit, got, want)
		}
		if u.Always != nil {
			t.Errorf("%s: %v", unit, u.Always)
		}
	}
	c := fork(t, b, "c")
	plan, t1 := restore(t, second, c)
	if got := rebuilds(plan); len(got) != 2 || got["constant lib"] != rule.EnvOrigin {
		t.Errorf("in the third checkout %v will be rebuilt; want constant and app", got)
	}
	if got := build(t, c); !slices.Equal(got, []string{"app", "constant"}) {
		t.Errorf("in the third checkout cargo rebuilt %v; want app and constant", got)
	}
	if got, want := run(t, c), "shared 1 2 "+c+"/constant data 1 data 1 n 1 shared 1"; got != want {
		t.Errorf("the program prints %q; want %q", got, want)
	}
	third := inspect(t, Inspection{Checkout: checkoutAt(t, c), Previous: second, Restored: t1.UnixNano()})
	for unit, want := range map[string]string{"root": a, "liba": b, "constant": c} {
		if got := third.Origins[unitOf(t, third, unit, "lib").Origin].Root(); got != want {
			t.Errorf("in the third manifest %s is of %s; want %s", unit, got, want)
		}
	}
	// Back in the second checkout constant is another's; liba is its own.
	plan, err := Verify(t.Context(), third, NewReader(checkoutAt(t, b), rule.Settings{}), false)
	if err != nil {
		t.Fatal(err)
	}
	if got := rebuilds(plan); len(got) != 2 || got["constant lib"] != rule.EnvOrigin {
		t.Errorf("back in the second checkout %v will be rebuilt", got)
	}
	if strict, err := Verify(t.Context(), third, NewReader(checkoutAt(t, b), rule.Settings{}), true); err != nil {
		t.Fatal(err)
	} else if got := rebuilds(strict); got["liba lib"] != "" || got["root lib"] != rule.Strict {
		t.Errorf("strictly %v will be rebuilt", got)
	}
}

// What rustc really writes: a constant is found in a library that no program
// uses yet, and the working directory is not taken for one.
func TestEmbedsOfRealOutputs(t *testing.T) {
	t.Parallel()
	cargotest.Require(t, "")
	const harmless = `pub const S: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shared.txt"));
pub fn panics(v: &[u32], i: usize) -> u32 { v[i] }
`
	tests := []struct {
		name, lib string
		want      bool
	}{
		{"nothing", "pub fn f() {}\n", false},
		{"include", harmless, false},
		{"constant", `pub const D: &str = env!("CARGO_MANIFEST_DIR");`, true},
		{"bytes", `pub const D: [u8; 2] = { let b = env!("CARGO_MANIFEST_DIR").as_bytes(); [b[0], b[1]] }; pub static S: &[u8] = env!("CARGO_MANIFEST_DIR").as_bytes();`, true},
		{"static", `pub static D: &str = concat!("in ", env!("CARGO_MANIFEST_DIR"));`, true},
		{"generic", `pub fn f<T>() -> &'static str { env!("CARGO_MANIFEST_DIR") }`, true},
		{"include and constant", harmless + `pub const D: &str = env!("CARGO_MANIFEST_DIR");`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := cargotest.RealTempDir(t)
			cargotest.Write(t, dir, map[string]string{
				"Cargo.toml": cargotest.Manifest("one"), "shared.txt": "x", "src/lib.rs": tt.lib, "src/main.rs": "pub use one::*; fn main() {}",
			})
			cargotest.Run(t, dir, "", nil, "build")
			bd, err := builddir.Scan(dir+"/target", dir+"/none", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range bd.Units {
				if u.Kind != "lib" {
					continue
				}
				w, err := embeds.NewSearch(bd.Path, u, checkout.OriginOf(&checkout.Checkout{Workspace: &project.Workspace{Root: dir, BuildDir: dir + "/target"}}))
				if err != nil {
					t.Fatal(err)
				}
				if excerpt, found := w.Embed(dir); found != tt.want {
					t.Errorf("embeds = %q, %v; want %v", excerpt, found, tt.want)
				}
			}
		})
	}
}
