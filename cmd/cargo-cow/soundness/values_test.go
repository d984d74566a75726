package soundness

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// printing is an app whose main prints the expression.
func printing(expression string) string {
	return oneApp + `
-- a/app/src/main.rs --
fn main() { println!("{}", ` + expression + `); }
`
}

// integration is an app with an integration test that is a plain program.
const integration = oneApp + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[[test]]
name = "it"
harness = false
-- a/app/src/main.rs --
fn main() { println!("app"); }
`

func buildTests(w *world) {
	w.commit()
	w.origin.Build("test", "--no-run")
}

func runTest(w *world) string { return w.checkout.Runs("it", "test", "--no-run") }

var valueHazards = []hazard{
	{
		name:  "H7/manifest-dir",
		rule:  "env-names-origin",
		files: printing(`env!("CARGO_MANIFEST_DIR")`),
	},
	{
		name:   "H7/manifest-dir-through-symlink",
		rule:   "env-names-origin",
		files:  printing(`env!("CARGO_MANIFEST_DIR")`),
		origin: buildThroughSymlink,
	},
	{
		name:  "H7/manifest-path",
		rule:  "env-names-origin",
		files: printing(`env!("CARGO_MANIFEST_PATH")`),
	},
	{
		name: "H7/manifest-dir-of-library",
		rule: "env-names-origin",
		files: appAndLib + `
-- a/app/src/main.rs --
fn main() { println!("{}", liba::dir()); }
-- a/liba/src/lib.rs --
pub fn dir() -> &'static str { env!("CARGO_MANIFEST_DIR") }
`,
	},
	{
		// A variable of the user's names the origin's file, for every checkout.
		name:  "H7/outside-by-variable-edited-later",
		rule:  "env-names-origin",
		safe:  "cargo watches the file that dep-info names",
		files: printing(`include_str!(env!("COWTEST_FILE")).trim()`) + "-- a/shared.txt --\none\n",
		env:   []string{"COWTEST_FILE=$W/a/shared.txt"},
		later: func(w *world) { w.Write("a/shared.txt", "two\n") },
	},
	{
		name: "H7/watch-by-variable-edited-later",
		rule: "env-names-origin",
		safe: "cargo watches the file that the script named",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    let path = std::env::var("COWTEST_FILE").unwrap();
    println!("cargo::rerun-if-env-changed=COWTEST_FILE");
    println!("cargo::rerun-if-changed={path}");
    generate(&std::fs::read_to_string(path).unwrap());
}
` + generate + "-- a/README.md --\none\n",
		env:   []string{"COWTEST_FILE=$W/a/README.md"},
		later: func(w *world) { w.Write("a/README.md", "two\n") },
	},
	{
		name: "H7/test-reads-fixture",
		rule: "env-names-origin",
		files: integration + `
-- a/app/tests/it.rs --
fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixture.txt");
    println!("{}", std::fs::read_to_string(path).unwrap().trim());
}
-- a/app/fixture.txt --
one
-- b/app/fixture.txt --
two
`,
		origin:  buildTests,
		observe: runTest,
	},
	{
		// The origin's program is an older one: only executing it shows.
		name: "H8/test-executes-program",
		rule: "env-names-origin",
		files: integration + `
-- a/app/tests/it.rs --
fn main() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    println!("{}", String::from_utf8(out.stdout).unwrap().trim());
}
-- b/app/src/main.rs --
fn main() { println!("app of the place"); }
`,
		origin:  buildTests,
		observe: runTest,
	},
	{
		name: "H8/target-tmpdir",
		rule: "env-names-origin",
		files: integration + `
-- a/app/tests/it.rs --
fn main() { println!("{}", env!("CARGO_TARGET_TMPDIR")); }
`,
		origin:  buildTests,
		observe: runTest,
	},
	{
		name: "H9/out-dir-as-data",
		rule: "env-names-origin",
		files: printing(`env!("OUT_DIR")`) + `
-- a/app/build.rs --
fn main() { println!("cargo::rerun-if-changed=build.rs"); }
`,
	},
	{
		// A script's own variable is below OUT_DIR, as mime_guess has one.
		name: "H9/variable-below-out-dir-as-data",
		rule: "env-names-origin",
		files: printing(`env!("GENERATED")`) + `
-- a/app/src/lib.rs --
include!(env!("GENERATED"));
-- a/app/build.rs --
fn main() {
    let file = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("gen.rs");
    std::fs::write(&file, "pub fn f() {}").unwrap();
    println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-env=GENERATED={}", file.display());
}
`,
	},
	{
		name: "H9/file-in-out-dir-read-at-run-time",
		rule: "env-names-origin",
		files: oneApp + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=../shared.txt");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::copy("../shared.txt", out.join("copy.txt")).unwrap();
}
-- a/app/src/main.rs --
const COPY: &str = concat!(env!("OUT_DIR"), "/copy.txt");
fn main() {
    println!("{}", COPY);
    println!("{}", std::fs::read_to_string(COPY).unwrap().trim());
}
-- a/shared.txt --
one
`,
	},
	{
		// cargo does not track the variable, which tells whether the package was
		// named on the command line.
		name: "H10/primary-package",
		rule: "env-names-origin",
		files: appAndLib + `
-- a/app/src/main.rs --
fn main() { println!("{:?}", liba::primary()); }
-- a/liba/src/lib.rs --
pub fn primary() -> Option<&'static str> { option_env!("CARGO_PRIMARY_PACKAGE") }
`,
		observe: func(w *world) string { return w.checkout.Runs("app", "build", "--package=app") },
	},
	{
		name: "H27/hash-in-dependency-macro",
		rule: "env-elsewhere",
		files: appAndLib + `
-- a/app/src/main.rs --
const WHERE: u64 = liba::hash_of_place!();
fn main() { println!("{WHERE:x}"); }
-- a/liba/src/lib.rs --
pub const fn hash(text: &str) -> u64 {
    let (bytes, mut hash, mut i) = (text.as_bytes(), 0xcbf29ce484222325_u64, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x100000001b3);
        i += 1;
    }
    hash
}
#[macro_export]
macro_rules! hash_of_place { () => { $crate::hash(env!("CARGO_MANIFEST_DIR")) }; }
`,
	},
	{
		name:    "H16/debug-information",
		rule:    "strict",
		restore: []string{"--strict"},
		files:   appAndLib,
		observe: func(w *world) string {
			exe := w.checkout.Build("build").Executables["app"]
			data, err := os.ReadFile(exe)
			if err != nil {
				w.T.Fatal(err)
			}
			if bytes.Contains(data, []byte(w.origin.Dir+"/")) || bytes.Contains(data, []byte(w.origin.Dir+"\x00")) {
				return "names the origin"
			}
			return "does not name the origin"
		},
	},
	{
		name: "safe/package-description",
		safe: "cargo compares the variables of the manifest's metadata that a unit's dep-info lists",
		files: printing(`env!("CARGO_PKG_DESCRIPTION")`) + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
description = "one"
-- b/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
description = "two"
`,
	},
}

// reading is a procedural macro whose expansion is a string computed by body.
func reading(body string) string {
	return strings.Replace(appAndLib, "-- a/liba/src/lib.rs --\npub fn value() -> u32 { 1 }\n", "", 1) + `
-- a/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
[lib]
proc-macro = true
-- a/liba/src/lib.rs --
use proc_macro::TokenStream;
#[proc_macro]
pub fn value(_: TokenStream) -> TokenStream {
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let _ = &dir;
    let text: String = {` + body + `};
    format!("{:?}", text).parse().unwrap()
}
-- a/app/src/main.rs --
fn main() { println!("{}", liba::value!()); }
`
}

const readData = `std::fs::read_to_string(dir + "/data.txt").unwrap_or_default().trim().to_string()`

var macroHazards = []hazard{
	{
		name:  "H11/macro-reads-file",
		rule:  "macro-inputs",
		files: reading(readData) + "-- a/app/data.txt --\none\n-- b/app/data.txt --\ntwo\n",
	},
	{
		name: "H11/macro-lists-directory",
		rule: "macro-inputs",
		files: reading(`std::fs::read_dir(dir + "/migrations").unwrap().count().to_string()`) +
			"-- a/app/migrations/1.sql --\n-- b/app/migrations/2.sql --\n",
	},
	{
		name:  "H20/macro-embeds-place",
		rule:  "macro-names-origin",
		files: reading(`dir`),
	},
	{
		name:   "H20/macro-embeds-place-through-symlink",
		rule:   "macro-names-origin",
		files:  reading(`dir`),
		origin: buildThroughSymlink,
	},
	{
		// The bare root of the workspace, which debug information names as well.
		name:  "H20/macro-embeds-current-directory",
		rule:  "macro-names-origin",
		files: reading(`std::env::current_dir().unwrap().display().to_string()`),
	},
	{
		// The package that uses the macro does not depend on it itself.
		name: "H11/macro-through-library",
		rule: "macro-inputs",
		files: reading(readData) + `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba", "facade"]
resolver = "3"
-- a/facade/Cargo.toml --
[package]
name = "facade"
edition = "2024"
[dependencies]
liba = { path = "../liba" }
-- a/facade/src/lib.rs --
pub use liba::value;
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
facade = { path = "../facade" }
-- a/app/src/main.rs --
fn main() { println!("{}", facade::value!()); }
-- a/app/data.txt --
one
-- b/app/data.txt --
two
`,
	},
	{
		name: "H11/macro-reads-name-not-UTF-8",
		rule: "macro-inputs",
		files: reading(`
        use std::os::unix::ffi::OsStrExt;
        let name = std::path::Path::new(&dir).join(std::ffi::OsStr::from_bytes(b"data/\xff\xfe.txt"));
        std::fs::read_to_string(name).unwrap().trim().to_string()`),
		origin: func(w *world) {
			w.Write(filepath.Join("a/app", nonUTF8), "one\n")
			w.build()
		},
		differ: func(w *world) { w.Write(filepath.Join("b/app", nonUTF8), "two\n") },
	},
	{
		name:  "H24/macro-reads-file-beside-package",
		rule:  "macro-inputs",
		files: reading(strings.ReplaceAll(readData, "/data.txt", "/../shared.txt")) + "-- a/shared.txt --\none\n-- b/shared.txt --\ntwo\n",
	},
	{
		name:   "H24/macro-reads-ignored-file",
		rule:   "ignored-inputs",
		files:  reading(readData) + "-- a/.gitignore --\n/target\ndata.txt\n-- a/app/data.txt --\none\n",
		differ: func(w *world) { w.Write("b/app/data.txt", "two\n") },
	},
	{
		// Git ignores the workspace's manifest, so that no rule sees the file.
		name: "H24/macro-reads-metadata",
		rule: "package-metadata",
		files: reading(`std::env::var("CARGO_PKG_DESCRIPTION").unwrap()`) + `
-- a/.gitignore --
/target
/Cargo.toml
-- a/Cargo.toml --
[workspace]
members = ["app", "liba"]
resolver = "3"
[workspace.package]
description = "one"
-- b/Cargo.toml --
[workspace]
members = ["app", "liba"]
resolver = "3"
[workspace.package]
description = "two"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
description.workspace = true
[dependencies]
liba = { path = "../liba" }
`,
	},
	{
		name:   "H24/macro-reads-configured-environment",
		rule:   "config-env",
		files:  reading(`std::env::var("COWTEST").unwrap()`),
		origin: buildConfigured,
		differ: func(w *world) { configureAbove(w, "two") },
	},
	{
		// Git keeps no directories: an emptied one is only a listing.
		name:  "H24/macro-lists-emptied-directory",
		rule:  "ignored-inputs",
		files: reading(`std::fs::exists(dir + "/migrations").unwrap().to_string()`),
		origin: func(w *world) {
			w.Write("a/app/migrations/1.sql", "")
			w.Remove("a/app/migrations/1.sql")
			w.build()
		},
	},
}
