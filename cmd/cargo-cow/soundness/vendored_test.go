package soundness

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// vendored is an app that prints what the vendored crate vend tells.
const vendored = `
-- a/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
-- a/.cargo/config.toml --
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "vendor"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
vend = "1"
-- a/app/src/main.rs --
fn main() { println!("{}", vend::told()); }
-- a/vendor/vend/.cargo-checksum.json --
{"files":{}}
-- a/vendor/vend/Cargo.toml --
[package]
name = "vend"
version = "1.0.0"
edition = "2021"
`

// hashed is why a naive copy of vendored units is rebuilt: only a restore, which
// rewrites the hash, could have them taken for fresh.
const hashed = "cargo hashes the absolute path of the crate root"

// vendoredWord has vend tell a word of a module of its own.
const vendoredWord = vendored + `
-- a/vendor/vend/src/lib.rs --
mod word;
pub fn told() -> &'static str { word::WORD }
-- a/vendor/vend/src/word.rs --
pub const WORD: &str = "one";
`

// vendoredMacro has vend use a vendored procedural macro, mac.
const vendoredMacro = vendored + `
-- a/vendor/vend/Cargo.toml --
[package]
name = "vend"
version = "1.0.0"
edition = "2021"
[dependencies]
mac = "1"
-- a/vendor/mac/.cargo-checksum.json --
{"files":{}}
-- a/vendor/mac/Cargo.toml --
[package]
name = "mac"
version = "1.0.0"
edition = "2021"
[lib]
proc-macro = true
`

var vendoredHazards = []hazard{
	{
		name: "vendored/source-differs",
		rule: "source-content",
		safe: hashed,
		files: vendoredWord + `-- b/vendor/vend/src/word.rs --
pub const WORD: &str = "two";
`,
		differ: func(w *world) { oneTime(w.T, w.Path("b/vendor"), time.Unix(1e9, 0)) },
	},
	{
		// Cargo would not look at it again, but it would compile it in a new checkout.
		name: "vendored/edited-after-restore",
		rule: "outside-source",
		safe: hashed,
		files: vendoredWord + `-- later/vendor/vend/src/word.rs --
pub const WORD: &str = "two";
`,
	},
	{
		name: "vendored/file-of-silent-script-edited-after-restore",
		rule: "outside-source",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/build.rs --
fn main() { println!("cargo:rustc-env=WORD={}", std::fs::read_dir("words").unwrap().count()); }
-- a/vendor/vend/words/one.txt --
-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { env!("WORD") }
-- later/vendor/vend/words/two.txt --
`,
	},
	{
		name: "vendored/names-its-source",
		rule: "source-name",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { file!() }
`,
	},
	{
		name: "vendored/names-its-source-by-own-macro",
		rule: "source-name",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/src/lib.rs --
macro_rules! here { () => { concat!("in ", file!()) } }
pub const HERE: usize = here!().len();
pub fn told() -> String { format!("{} {}", HERE, here!()) }
`,
	},
	{
		name: "vendored/manifest-dir",
		rule: "env-names-origin",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { env!("CARGO_MANIFEST_DIR") }
`,
	},
	{
		name: "vendored/script-reads",
		rule: "script-tree",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/build.rs --
fn main() { println!("cargo:rustc-env=WORD={}", std::fs::read_to_string("word.txt").unwrap().trim()); }
-- a/vendor/vend/word.txt --
one
-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { env!("WORD") }
-- b/vendor/vend/word.txt --
two
`,
	},
	{
		name: "vendored/script-prints-its-path",
		rule: "script-output-names-origin",
		safe: hashed,
		files: vendored + `
-- a/vendor/vend/build.rs --
fn main() { println!("cargo:rustc-env=ROOT={}/include", std::env::var("CARGO_MANIFEST_DIR").unwrap()); }
-- a/vendor/vend/src/lib.rs --
pub fn told() -> String { env!("ROOT").to_string() }
`,
	},
	{
		// A macro of a vendored package, which runs in that package's own directory
		// where it is compiled for another vendored one.
		name: "vendored/macro-embeds-current-directory",
		rule: "macro-names-origin",
		safe: hashed,
		files: vendoredMacro + `-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { mac::here!() }
-- a/vendor/mac/src/lib.rs --
#[proc_macro]
pub fn here(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    format!("{:?}", std::env::current_dir().unwrap()).parse().unwrap()
}
`,
	},
	{
		name: "vendored/macro-reads-package",
		rule: "macro-inputs",
		safe: hashed,
		files: vendoredMacro + `-- a/vendor/vend/src/lib.rs --
pub fn told() -> &'static str { mac::word!() }
-- a/vendor/vend/word.txt --
one
-- b/vendor/vend/word.txt --
two
-- a/vendor/mac/src/lib.rs --
#[proc_macro]
pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    format!("{:?}", std::fs::read_to_string("word.txt").unwrap().trim()).parse().unwrap()
}
`,
	},
}

// TestVendoredAllFresh: what is equal in a vendored package is fresh in another
// checkout: scripts of every habit, macros, C, and what is built on them.
func TestVendoredAllFresh(t *testing.T) {
	t.Parallel()
	dir := btrfs(t)
	const habits = vendoredMacro + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
vend = "1"
quiet = "1"
patched = "1"
native-sys = "1"
forked = { git = "https://example.org/forked", rev = "0123456789012345678901234567890123456789" }
-- a/app/src/main.rs --
fn main() { println!("{} {} {} {} {}", vend::told(), quiet::WORD, patched::WORD, native_sys::number(), forked::WORD); }
-- a/Cargo.lock --
version = 4

[[package]]
name = "app"
version = "0.0.0"
dependencies = [
 "forked",
 "native-sys",
 "patched",
 "quiet",
 "vend",
]

[[package]]
name = "forked"
version = "1.0.0"
source = "git+https://example.org/forked?rev=0123456789012345678901234567890123456789#0123456789012345678901234567890123456789"

[[package]]
name = "mac"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "native-sys"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "patched"
version = "1.0.0"

[[package]]
name = "quiet"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "vend"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
dependencies = [
 "mac",
]
-- a/.gitignore --
/target
-- a/app/src/lib.rs --
-- a/app/tests/it.rs --
#[test]
fn it() { assert_eq!(quiet::WORD, "quiet"); }
-- a/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
[patch.crates-io]
patched = { path = "patches/patched" }
-- a/patches/patched/Cargo.toml --
[package]
name = "patched"
version = "1.0.0"
edition = "2021"
-- a/patches/patched/src/lib.rs --
pub const WORD: &str = "patched";
-- a/.cargo/config.toml --
[source.crates-io]
replace-with = "vendored"
[source."git+https://example.org/forked?rev=0123456789012345678901234567890123456789"]
git = "https://example.org/forked"
rev = "0123456789012345678901234567890123456789"
replace-with = "vendored"
[source.vendored]
directory = "./vendor"
-- a/vendor/forked/.cargo-checksum.json --
{"files":{}}
-- a/vendor/forked/Cargo.toml --
[package]
name = "forked"
version = "1.0.0"
edition = "2021"
-- a/vendor/forked/src/lib.rs --
pub const WORD: &str = "forked";
-- a/vendor/vend/build.rs --
fn main() {
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    println!("cargo:rerun-if-changed={dir}/word.txt");
    println!("cargo:rerun-if-changed=build.rs");
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::copy("word.txt", format!("{out}/word.txt")).unwrap();
}
-- a/vendor/vend/word.txt --
one
-- a/vendor/vend/src/lib.rs --
const WORD: &str = include_str!(concat!(env!("OUT_DIR"), "/word.txt"));
const SAME: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/word.txt"));
/// Panics name the source.
pub fn told() -> String { assert_eq!(WORD, SAME); format!("{}{}", WORD.trim(), mac::nothing!()) }
-- a/vendor/mac/src/lib.rs --
#[proc_macro]
pub fn nothing(_: proc_macro::TokenStream) -> proc_macro::TokenStream { "\"\"".parse().unwrap() }
-- a/vendor/quiet/.cargo-checksum.json --
{"files":{}}
-- a/vendor/quiet/Cargo.toml --
[package]
name = "quiet"
version = "1.0.0"
edition = "2021"
-- a/vendor/quiet/build.rs --
fn main() {}
-- a/vendor/quiet/src/lib.rs --
pub const WORD: &str = "quiet";
-- a/vendor/native-sys/.cargo-checksum.json --
{"files":{}}
-- a/vendor/native-sys/Cargo.toml --
[package]
name = "native-sys"
version = "1.0.0"
edition = "2021"
links = "native"
-- a/vendor/native-sys/build.rs --
use std::{env, process::Command};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let object = format!("{out}/native.o");
    assert!(Command::new("cc").args(["-g", "-c", "native.c", "-o", &object]).status().unwrap().success());
    assert!(Command::new("ar").args(["rcs", &format!("{out}/libnative.a"), &object]).status().unwrap().success());
    println!("cargo:rerun-if-changed=native.c");
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=native");
}
-- a/vendor/native-sys/native.c --
int native(void) { return 7; }
-- a/vendor/native-sys/src/lib.rs --
extern "C" { fn native() -> i32; }
pub fn number() -> i32 { unsafe { native() } }
`
	w := newWorld(t, filepath.Join(dir, "w"))
	w.lay(txtar.Parse([]byte(habits)), "a", "a")
	// A git repository that is replaced is not asked for what a lockfile would need.
	w.origin.Repository()
	w.origin.Cow("init")
	w.origin.Build("build")
	w.origin.Build("test", "--no-run")
	w.origin.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	w.checkout.Cow("restore")
	checkPlan(t, w.checkout, nil, []string{"build"}, []string{"test", "--no-run"})
	if got := w.checkout.Runs("app", "build"); got != "one quiet patched 7 forked" {
		t.Errorf("app prints %q", got)
	}

	// What was restored and not built since is fresh in a third checkout, too, and
	// at the origin.
	w.checkout.Cow("init")
	w.checkout.Cow("snapshot")
	third := w.origin.Worktree("c")
	third.Cow("restore")
	checkPlan(t, third, nil, []string{"build"}, []string{"test", "--no-run"})
	w.origin.Cow("restore")
	checkPlan(t, w.origin, nil, []string{"build"}, []string{"test", "--no-run"})

	// A copy that no restore has made true is none that explain takes for fresh.
	fourth := w.origin.Worktree("d")
	fourth.Must("cp", "-a", w.origin.Dir+"/target", fourth.Dir+"/target")
	oneTime(t, w.Path("d/target"), time.Now().Add(time.Hour))
	plan := fourth.Cow("explain")
	b := fourth.Build("build")
	if diff := cmp.Diff(explained(t, plan, b), b.Ran()); diff != "" || len(b.Ran()) < 8 {
		t.Errorf("units rebuilt in a mere copy (-explain +cargo %q):\n%s", b.Ran(), diff)
	}
}
