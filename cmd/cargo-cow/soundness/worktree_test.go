package soundness

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// hamlet has one member of each kind that a restore must treat well: a procedural
// macro, a build script that watches a file and one that watches nothing, examples,
// integration tests, and of a registry a procedural macro that stands on another
// package, which includes a file from OUT_DIR, and whose script asks the compiler.
const hamlet = `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba", "mac", "scripted"]
resolver = "3"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
liba = { path = "../liba" }
mac = { path = "../mac" }
scripted = { path = "../scripted" }
indoc = "2"
-- a/app/README.md --
app
-- a/app/src/main.rs --
fn main() { println!("{} {}", liba::value() + mac::seven!(), indoc::formatdoc!("{}", scripted::VALUE)); }
-- a/app/examples/greet.rs --
fn main() { println!("greetings {}", liba::value()); }
-- a/app/tests/values.rs --
#[test]
fn value() { assert_eq!(liba::value(), 1); }
-- a/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
-- a/liba/src/lib.rs --
pub fn value() -> u32 { 1 }
#[test]
fn one() { assert_eq!(value(), 1); }
-- a/liba/examples/show.rs --
fn main() { println!("{}", liba::value()); }
-- a/mac/Cargo.toml --
[package]
name = "mac"
edition = "2024"
[lib]
proc-macro = true
-- a/mac/src/lib.rs --
use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream { "7_u32".parse().unwrap() }
-- a/scripted/Cargo.toml --
[package]
name = "scripted"
edition = "2024"
-- a/scripted/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=data.txt");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let data = std::fs::read_to_string("data.txt").unwrap();
    std::fs::write(out.join("gen.rs"), format!("pub const VALUE: &str = {:?};", data.trim())).unwrap();
}
-- a/scripted/data.txt --
data
-- a/scripted/src/lib.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
`

// village is hamlet with what most programs have, serde: its core includes a file from
// OUT_DIR for the target, and its macro stands on several packages. It takes four
// times as long to be compiled.
const village = hamlet + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
liba = { path = "../liba" }
mac = { path = "../mac" }
scripted = { path = "../scripted" }
indoc = "2"
serde = { version = "1", features = ["derive"] }
-- a/app/src/main.rs --
#[derive(serde::Serialize)]
struct Value { number: u32 }
fn main() {
    let v = Value { number: liba::value() + mac::seven!() };
    fn check(_: &impl serde::Serialize) {}
    check(&v);
    println!("{} {}", v.number, indoc::formatdoc!("{}", scripted::VALUE));
}
`

// TestWorktreeAllFresh: git worktree add with the hook installed, then nothing
// is compiled, for each way in which cargo lays out its build directory.
func TestWorktreeAllFresh(t *testing.T) {
	t.Parallel()
	dir := btrfs(t)
	for _, tt := range []struct {
		name  string
		of    string // hamlet, unless it is said
		files string
		env   []string
		args  []string
	}{
		{name: "debug", of: village},
		{name: "release", args: []string{"--release"}},
		{name: "target", args: []string{"--target=x86_64-unknown-linux-gnu"}},
		{name: "separate-build-dir", files: "-- a/.cargo/config.toml --\n[build]\nbuild-dir = \"intermediate\"\n-- a/.gitignore --\n/target\n/intermediate\n"},
		{name: "one-directory-per-unit", of: village, env: []string{"RUSTUP_TOOLCHAIN=nightly", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, filepath.Join(dir, tt.name), tt.env...)
			if tt.of == "" {
				tt.of = hamlet
			}
			w.lay(txtar.Parse([]byte(tt.of+tt.files)), "a", "a")
			w.commit()
			build := append([]string{"build", "--workspace", "--examples", "--bins", "--lib"}, tt.args...)
			test := append([]string{"test", "--workspace", "--no-run"}, tt.args...)
			w.origin.Cow("init", "--hook")
			cold := w.origin.Build(build...)
			w.origin.Build(test...)
			w.origin.Cow("snapshot")
			if len(cold.Ran()) < 8 {
				t.Fatalf("the cold build ran only %q", cold.Ran())
			}

			w.origin.Worktree(w.checkout.Dir)
			checkPlan(t, w.checkout, nil, build, test)
			if got, want := w.checkout.Runs("app", build...), "8 data"; got != want {
				t.Errorf("app prints %q, want %q", got, want)
			}
			checkRan(t, w.origin, nil, build, test)
		})
	}
}

// checkRan runs cargo commands in the checkout, which together have to run the
// units that want lists and no others.
func checkRan(t *testing.T, p *fixture.Checkout, want []string, commands ...[]string) {
	t.Helper()
	var ran []string
	for _, args := range commands {
		ran = append(ran, p.Build(args...).Ran()...)
	}
	slices.Sort(ran)
	if diff := cmp.Diff(want, slices.Compact(ran)); diff != "" {
		t.Errorf("units rebuilt by %q in %s (-want +got):\n%s", commands, p.Name(), diff)
	}
}

// checkPlan is checkRan, and explain has to name the same units beforehand.
func checkPlan(t *testing.T, p *fixture.Checkout, want []string, commands ...[]string) {
	t.Helper()
	plan := p.Cow("explain")
	checkRan(t, p, want, commands...)
	if diff := cmp.Diff(want, explained(t, plan, p.World.Last())); diff != "" {
		t.Errorf("units explained (-want +got):\n%s\n%s", diff, strings.Join(reasons(plan), "\n"))
	}
}

// TestExecutingTestIsRebuilt: in a worktree without any difference the one unit
// that must be rebuilt is the test that holds the path of its program.
func TestExecutingTestIsRebuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"))
	w.lay(txtar.Parse([]byte(hamlet+`
-- a/app/tests/executes.rs --
#[test]
fn executes() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    assert_eq!(out.stdout, b"8 data\n");
}
`)), "a", "a")
	w.commit()
	w.origin.Cow("init", "--hook")
	test := []string{"test", "--workspace", "--no-run"}
	w.origin.Build(test...)
	w.origin.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	checkPlan(t, w.checkout, []string{"app/executes/test"}, test)
	w.checkout.Must("cargo", "test", "--workspace", "--quiet")
}

// TestNothingMoreThanNeeded: differences that no unit can see cost nothing.
func TestNothingMoreThanNeeded(t *testing.T) {
	t.Parallel()
	dir := btrfs(t)
	for _, tt := range []struct{ name, files string }{
		{
			name: "texts-beside-derive-macros",
			files: oneApp + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
serde = { version = "1", features = ["derive"] }
-- a/app/README.md --
app
-- a/app/src/main.rs --
#[derive(serde::Serialize)]
struct Value { number: u32 }
fn main() {
    fn check(_: &impl serde::Serialize) {}
    check(&Value { number: 1 });
}
-- b/app/README.md --
another text
-- b/app/CHANGELOG.md --
new
-- b/.github/workflows/ci.yaml --
new
`,
		},
		{name: "script-without-watch", files: watchNothing},
		{name: "script-of-commit-on-other-branch", files: watchGit},
		{name: "absolute-watch", files: watchAbsolute},
		{
			name: "absolute-watch-in-package",
			files: scripted + `
-- a/app/build.rs --
fn main() {
    let path = std::fs::canonicalize("data.txt").unwrap();
    println!("cargo::rerun-if-changed={}", path.display());
    generate(&std::fs::read_to_string(path).unwrap());
}
` + generate + `
-- a/app/data.txt --
one
`,
		},
		{
			name: "parent-watch-of-manifest-dir",
			files: scripted + `
-- a/app/build.rs --
fn main() {
    let path = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/../shared.txt";
    println!("cargo::rerun-if-changed={path}");
    generate(&std::fs::read_to_string(path).unwrap());
}
` + generate + `
-- a/shared.txt --
one
`,
		},
		{
			name:  "include-by-manifest-dir",
			files: printing(`include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data.txt")).trim()`) + "-- a/app/data.txt --\none\n",
		},
		{
			name: "include-by-variable-below-out-dir",
			files: oneApp + `
-- a/app/src/main.rs --
include!(env!("GENERATED"));
fn main() { println!("{VALUE}"); }
-- a/app/build.rs --
fn main() {
    let file = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("gen.rs");
    std::fs::write(&file, "const VALUE: u32 = 1;").unwrap();
    println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-env=GENERATED={}", file.display());
}
`,
		},
		{
			// Arguments name the output directory; what is linked does not. A library's
			// panics name a source that was written there.
			name: "link-arguments",
			files: appAndLib + flagged(`"-L", "native=libs", "-Clink-arg=-Wl,--as-needed"`) + `
-- a/libs/libunused.a --
!<arch>
-- a/app/build.rs --
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out.clone() + "/exported", "{ nothing; };").unwrap();
    println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-link-search={out}");
    println!("cargo::rustc-link-arg=-Wl,--as-needed\ncargo::rustc-link-arg-bins=-Wl,--dynamic-list={out}/exported");
}
-- a/liba/build.rs --
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/gen.rs", "pub fn value() -> u32 { std::env::args().next().unwrap().len() as u32 }").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
}
-- a/liba/src/lib.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
`,
		},
		{
			name: "overridden-script",
			files: sysOverridden + `
-- a/sys/src/lib.rs --
#[cfg(given)]
pub fn value() -> u32 { 1 }
-- a/.cargo/config.toml --
[target.x86_64-unknown-linux-gnu.value]
rustc-cfg = ["given"]
[target.aarch64-unknown-linux-gnu.value]
rustc-cfg = ["given"]
`,
		},
		{name: "outside-source-equal", files: sharedText},
		{
			name:  "texts-beside-macro-that-reads-variables",
			files: reading(`std::env::var("CARGO_PKG_NAME").unwrap()`) + "-- a/app/data.txt --\none\n-- b/app/data.txt --\ntwo\n-- b/shared.txt --\nnew\n",
		},
		{name: "macro-of-equal-tree", files: reading(readData) + "-- a/app/data.txt --\none\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, filepath.Join(dir, tt.name))
			ar := txtar.Parse([]byte(tt.files))
			w.lay(ar, "a", "a")
			w.commit()
			w.origin.Cow("init")
			w.origin.Build("build", "--workspace")
			w.origin.Cow("snapshot")
			w.origin.Worktree(w.checkout.Dir)
			w.lay(ar, "b", "b")
			w.checkout.Cow("restore")
			checkPlan(t, w.checkout, nil, []string{"build", "--workspace"})
		})
	}
}

// TestTakenOver: a build directory that was full when cargo-cow was told of it
// serves a worktree whole, also where it lies in the package that is watched.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"))
	w.lay(txtar.Parse([]byte(`
-- a/Cargo.toml --
[package]
name = "app"
edition = "2024"
-- a/build.rs --
fn main() { println!("cargo::rustc-env=VALUE={}", std::fs::read_to_string("data.txt").unwrap()); }
-- a/data.txt --
one
-- a/src/main.rs --
fn main() { println!("{}", env!("VALUE")); }
`)), "a", "a")
	w.build()
	w.origin.Cow("init", "--hook")
	w.origin.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	checkPlan(t, w.checkout, nil, []string{"build"})
}

// TestOneEdit: an edited function costs its crate and the crates that depend on
// it, also when the checkout the layer was built in is gone.
func TestOneEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"))
	w.lay(txtar.Parse([]byte(chain+`
-- a/Cargo.toml --
[workspace]
members = ["app", "mid", "liba", "alone"]
resolver = "3"
-- a/alone/Cargo.toml --
[package]
name = "alone"
edition = "2024"
-- a/alone/src/main.rs --
fn main() {}
`)), "a", "a")
	w.commit()
	w.origin.Cow("init", "--hook")
	build := []string{"build", "--workspace"}
	built := w.origin.Worktree("built")
	built.Build(build...)
	built.Cow("snapshot")
	w.origin.Must("git", "worktree", "remove", built.Dir)

	w.origin.Worktree(w.checkout.Dir)
	checkPlan(t, w.checkout, nil, build)
	w.Write("b/mid/src/lib.rs", "pub fn value() -> u32 { liba::value() + 10 }\n")
	checkRan(t, w.checkout, []string{"app/app/bin", "mid/mid/lib"}, build)
	if got := w.checkout.Runs("app", build...); got != "liba=11" {
		t.Errorf("app prints %q after the edit", got)
	}
}
