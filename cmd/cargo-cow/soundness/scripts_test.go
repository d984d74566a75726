package soundness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// scripted is a workspace whose member prints what its build script wrote; the
// script itself is added by each hazard.
const scripted = oneApp + `
-- a/app/src/main.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
fn main() { println!("{VALUE}"); }
`

// generate is the end of those scripts: it makes text the value.
const generate = `
fn generate(text: &str) {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("gen.rs"), format!("const VALUE: &str = {:?};", text.trim())).unwrap();
}
`

// watchOutside reads and watches a file outside its package, by relative path.
// Documentation beside the packages is no part of what script-tree compares.
const watchOutside = scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=../README.md");
    generate(&std::fs::read_to_string("../README.md").unwrap());
}
` + generate + `
-- a/README.md --
one
`

// watchAbsolute does so by absolute path.
const watchAbsolute = scripted + `
-- a/app/build.rs --
fn main() {
    let path = std::fs::canonicalize("../README.md").unwrap();
    println!("cargo::rerun-if-changed={}", path.display());
    generate(&std::fs::read_to_string(path).unwrap());
}
` + generate + `
-- a/README.md --
one
`

// watchAlias does so by another name of the checkout, which nothing but the
// script knows.
const watchAlias = scripted + `
-- a/app/build.rs --
fn main() {
    let checkout = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned();
    let path = checkout.with_file_name("alias").join(checkout.file_name().unwrap()).join("README.md");
    println!("cargo::rerun-if-changed={}", path.display());
    generate(&std::fs::read_to_string(path).unwrap());
}
` + generate + `
-- a/README.md --
one
`

// buildWithAliases builds the origin when every checkout has its other name.
func buildWithAliases(w *world) {
	w.T.Helper()
	if err := os.Mkdir(w.Path("alias"), 0o777); err != nil {
		w.T.Fatal(err)
	}
	w.Symlink("../a", "alias/a")
	w.Symlink("../b", "alias/b")
	w.build()
}

// watchDirectory lists a directory outside its package and reads its files.
const watchDirectory = scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=../docs");
    let mut names = Vec::new();
    for entry in std::fs::read_dir("../docs").unwrap() {
        let entry = entry.unwrap();
        names.push(format!("{:?}={}", entry.file_name(), std::fs::read_to_string(entry.path()).unwrap().trim()));
    }
    names.sort();
    generate(&names.join(","));
}
` + generate + `
-- a/docs/one.md --
one
`

// watchNothing is a script without rerun-if-changed: cargo compares the newest
// time in the package, and nothing else.
const watchNothing = scripted + `
-- a/app/build.rs --
fn main() { generate(&std::fs::read_to_string("data.txt").unwrap()); }
` + generate + `
-- a/app/data.txt --
one
-- a/app/newest.txt --
`

// sameNewest gives the files of watchNothing the same times in every checkout.
func sameNewest(w *world, checkout string) {
	newest := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"data.txt", "build.rs", "Cargo.toml", "src/main.rs"} {
		w.touch(newest.Add(-time.Hour), filepath.Join(checkout, "app", name))
	}
	w.touch(newest, filepath.Join(checkout, "app", "newest.txt"))
}

// watchItself reads a file it does not mention.
const watchItself = scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::fs::read_to_string("data.txt").unwrap_or_default());
}
` + generate + `
-- a/app/data.txt --
one
`

// watchGit prints what git says of the commit, as vergen and built do.
const watchGit = scripted + `
-- a/app/build.rs --
use std::process::Command;
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();
    generate(&String::from_utf8(out.stdout).unwrap());
}
` + generate

const environmentValue = oneApp + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=DATA={}/data", std::env::var("CARGO_MANIFEST_DIR").unwrap());
}
-- a/app/src/main.rs --
fn main() { println!("{}", env!("DATA")); }
`

// nativeLibrary links a static library that lies in the source tree, outside of
// the package whose script links it.
const nativeLibrary = oneApp + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let native = std::fs::canonicalize("../native").unwrap();
    println!("cargo::rustc-link-search=native={}", native.display());
    println!("cargo::rustc-link-lib=static=cowtest");
}
-- a/app/src/main.rs --
unsafe extern "C" { safe fn value() -> i32; }
fn main() { println!("{}", value()); }
-- a/native/README.md --
libcowtest.a is made here.
-- ext/a.c --
int value(void) { return 1; }
-- ext/b.c --
int value(void) { return 2; }
`

// archive makes libcowtest.a in the checkout's native directory: a file that git
// ignores and that lies in no package, as other build systems leave them.
func archive(w *world, checkout string) {
	w.T.Helper()
	p := w.At("ext")
	p.Must("cc", "-c", checkout+".c")
	p.Must("ar", "rcs", w.Path(checkout, "native/libcowtest.a"), checkout+".o")
}

// configureAbove sets COWTEST by a configuration file above all checkouts.
func configureAbove(w *world, value string) {
	w.T.Helper()
	w.Write(".cargo/config.toml", fmt.Sprintf("[env]\nCOWTEST = %q\n", value))
}

// buildConfigured builds the origin with COWTEST set to one.
func buildConfigured(w *world) {
	w.T.Helper()
	configureAbove(w, "one")
	w.build()
}

// buildTwice has the script run once more when what it wrote into the sources is
// older than all units.
func buildTwice(w *world) {
	w.build()
	w.touch(time.Now(), "a/app/build.rs")
	w.origin.Build("build")
}

var scriptHazards = []hazard{
	{
		name:  "H3/absolute-watch-differs",
		rule:  "script-watch-moved,script-tree",
		files: watchAbsolute + "-- b/README.md --\ntwo\n",
	},
	{
		// The run is rightly kept; then the checkout's file is edited.
		name:  "H3/absolute-watch-edited-later",
		rule:  "script-watch-moved",
		files: watchAbsolute + "-- later/README.md --\ntwo\n",
	},
	{
		name:   "H21/watch-by-alias-differs",
		rule:   "origin-alias,script-tree",
		files:  watchAlias + "-- b/README.md --\ntwo\n",
		origin: buildWithAliases,
	},
	{
		name:   "H21/watch-by-alias-edited-later",
		rule:   "origin-alias",
		files:  watchAlias + "-- later/README.md --\ntwo\n",
		origin: buildWithAliases,
	},
	{
		name:  "H4/watched-file-differs",
		rule:  "script-input,script-tree",
		files: watchOutside + "-- b/README.md --\ntwo\n",
	},
	{
		name:  "H4/watched-directory-content",
		rule:  "script-input,script-tree",
		files: watchDirectory + "-- b/docs/one.md --\ntwo\n",
	},
	{
		name:  "H4/watched-directory-new-file",
		rule:  "script-input,script-tree",
		files: watchDirectory + "-- b/docs/two.md --\ntwo\n",
	},
	{
		name:   "H4/watched-directory-removed-file",
		rule:   "script-input,script-tree",
		files:  watchDirectory + "-- a/docs/two.md --\ntwo\n",
		differ: func(w *world) { w.Remove("b/docs/two.md") },
	},
	{
		name:  "H4/watched-name-not-UTF-8",
		rule:  "script-input,script-tree",
		files: watchDirectory,
		origin: func(w *world) {
			w.Write("a/docs/\xff\xfe.md", "one\n")
			w.build()
		},
		differ: func(w *world) { w.Write("b/docs/\xff\xfe.md", "two\n") },
	},
	{
		name:   "H5/environment-value-through-symlink",
		rule:   "script-output-names-origin",
		origin: buildThroughSymlink,
		files:  environmentValue,
	},
	{
		name:  "H5/environment-value",
		rule:  "script-output-names-origin",
		files: environmentValue,
	},
	{
		name:  "H5/native-library",
		rule:  "script-output-names-origin",
		files: nativeLibrary,
		origin: func(w *world) {
			w.Write("a/.gitignore", "/target\n*.a\n")
			w.commit()
			archive(w, "a")
			w.origin.Build("build")
		},
		differ: func(w *world) { archive(w, "b") },
	},
	{
		// The script's value reaches another package's script.
		name: "H5/metadata-of-links",
		rule: "script-output-names-origin,script-tree",
		files: appAndLib + `
-- a/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
links = "cowtest"
-- a/liba/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::metadata=header={}", std::fs::canonicalize("../header.md").unwrap().display());
}
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let header = std::env::var("DEP_COWTEST_HEADER").unwrap();
    println!("cargo::rustc-env=HEADER={}", std::fs::read_to_string(header).unwrap().trim());
}
-- a/app/src/main.rs --
fn main() { println!("{} {}", liba::value(), env!("HEADER")); }
-- a/header.md --
one
-- b/header.md --
two
`,
	},
	{
		name: "H6/file-in-out-dir",
		rule: "script-files-name-origin",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::env::var("CARGO_MANIFEST_DIR").unwrap());
}
` + generate,
	},
	{
		name: "H6/include-of-origin-in-out-dir",
		rule: "script-files-name-origin,script-tree",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let path = std::fs::canonicalize("../README.md").unwrap();
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("gen.rs"), format!("const VALUE: &str = include_str!({path:?}).trim_ascii();")).unwrap();
}
-- a/README.md --
one
-- b/README.md --
two
`,
	},
	{
		// The package's tree is another, its newest file is the same.
		name:  "H12/watches-nothing",
		rule:  "script-tree",
		files: watchNothing + "-- b/app/data.txt --\ntwo\n",
		origin: func(w *world) {
			w.commit()
			sameNewest(w, "a")
			w.origin.Build("build")
		},
		differ: func(w *world) { sameNewest(w, "b") },
	},
	{
		name:  "H13/unmentioned-file",
		rule:  "script-tree",
		files: watchItself + "-- b/app/data.txt --\ntwo\n",
	},
	{
		name:   "H13/commit",
		rule:   "git-state",
		files:  watchGit,
		differ: func(w *world) { w.checkout.Commit("second") },
	},
	{
		// As everybody does who commits what was just built, and seals it then.
		name:   "H13/committed-since",
		rule:   "git-state",
		files:  watchGit,
		origin: func(w *world) { w.build(); w.Write("a/README.md", "two\n"); w.origin.Commit("second") },
	},
	{
		// It was built with a change, which was taken back before the state was sealed.
		name:  "H13/reverted-since",
		rule:  "git-state",
		files: strings.ReplaceAll(watchGit, `["rev-parse", "HEAD"]`, `["describe", "--always", "--dirty"]`) + "-- a/README.md --\none\n",
		origin: func(w *world) {
			w.commit()
			w.Write("a/README.md", "two\n")
			w.origin.Build("build")
			w.Write("a/README.md", "one\n")
		},
	},
	{
		// The origin is on a branch, the checkout is not; no text gives it away.
		name:  "H13/branch",
		rule:  "git-state",
		files: strings.ReplaceAll(watchGit, `["rev-parse", "HEAD"]`, `["rev-parse", "--abbrev-ref", "HEAD"]`),
	},
	{
		// Some of what a script may ask git by, and does not say the branch's name.
		name:  "H13/branch-by-other-means",
		rule:  "git-state",
		files: strings.ReplaceAll(watchGit, `["rev-parse", "HEAD"]`, `["log", "-1", "--format=%D"]`),
	},
	{
		name: "H13/branch-by-file",
		rule: "git-state",
		files: strings.ReplaceAll(watchGit, `let out = Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();`,
			`let out = Command::new("sh").args(["-c", "cat $(git rev-parse --git-dir)/HEAD | wc -c"]).output().unwrap();`),
	},
	{
		name: "H13/branch-by-helper",
		rule: "git-state",
		files: scripted + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[build-dependencies]
helper = { path = "../helper" }
-- a/Cargo.toml --
[workspace]
members = ["app", "helper"]
resolver = "3"
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let commit = helper::ask(&["rev-parse", "HEAD"]);
    generate(&format!("{commit} {}", helper::first()));
}
` + generate + `
-- a/helper/Cargo.toml --
[package]
name = "helper"
edition = "2024"
-- a/helper/src/lib.rs --
pub fn ask(args: &[&str]) -> String {
    String::from_utf8(std::process::Command::new("git").args(args).output().unwrap().stdout).unwrap().trim().to_string()
}
pub fn first() -> u8 { ask(&["rev-parse", "--abbrev-ref", "HEAD"]).as_bytes()[0] }
`,
	},
	{
		name:  "H24/file-beside-package",
		rule:  "script-tree",
		files: strings.ReplaceAll(watchItself, "data.txt", "../shared.txt") + "-- a/shared.txt --\none\n-- b/shared.txt --\ntwo\n",
	},
	{
		// Its script prints how long the lockfile is. Other ends of lines make it
		// longer; to cargo it is the same.
		name: "H24/lockfile-beside-package",
		rule: "script-tree",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::fs::read_to_string("../Cargo.lock").unwrap().len().to_string());
}
` + generate,
		differ: func(w *world) {
			path := w.Path("b", "Cargo.lock")
			text, err := os.ReadFile(path)
			if err != nil {
				w.T.Fatal(err)
			}
			w.Write("b/Cargo.lock", strings.ReplaceAll(string(text), "\n", "\r\n"))
		},
	},
	{
		name: "H13/short-commit-in-environment",
		rule: "git-state",
		files: oneApp + `
-- a/app/build.rs --
use std::process::Command;
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().unwrap();
    println!("cargo::rustc-env=COMMIT={}", String::from_utf8(out.stdout).unwrap());
}
-- a/app/src/main.rs --
fn main() { println!("{}", env!("COMMIT")); }
`,
		differ: func(w *world) { w.checkout.Commit("second") },
	},
	{
		name:   "H24/ignored-file",
		rule:   "ignored-inputs",
		files:  watchItself + "-- a/.gitignore --\n/target\ndata.txt\n",
		differ: func(w *world) { w.Write("b/app/data.txt", "two\n") },
	},
	{
		// Git ignores the workspace's manifest, so that no rule sees the file.
		name: "H24/workspace-metadata",
		rule: "package-metadata",
		files: scripted + `
-- a/.gitignore --
/target
/Cargo.toml
-- a/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
[workspace.package]
description = "one"
-- b/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
[workspace.package]
description = "two"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
description.workspace = true
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::env::var("CARGO_PKG_DESCRIPTION").unwrap());
}
` + generate,
	},
	{
		name: "H24/configured-environment",
		rule: "config-env",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::env::var("COWTEST").unwrap());
}
` + generate,
		origin: buildConfigured,
		differ: func(w *world) { configureAbove(w, "two") },
	},
	{
		name: "H25/written-if-missing",
		rule: "empty-out-dir",
		files: scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=../shared.txt");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    if !out.join("gen.rs").exists() {
        generate(&std::fs::read_to_string("../shared.txt").unwrap());
    }
}
` + generate + `
-- a/shared.txt --
one
-- b/shared.txt --
two
`,
	},
	{
		// An ignored file of the package: the listing of the script's tree lacks it
		// as well.
		name: "H29/written-source",
		rule: "absent-input,ignored-inputs",
		files: oneApp + `
-- a/.gitignore --
/target
generated.rs
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if !std::fs::exists("src/generated.rs").unwrap() {
        std::fs::write("src/generated.rs", "pub const VALUE: u32 = 1;").unwrap();
    }
}
-- a/app/src/main.rs --
mod generated;
fn main() { println!("{}", generated::VALUE); }
`,
		origin: buildTwice,
	},
	{
		// Beside the package no listing has it; only its absence tells.
		name: "H29/written-source-beside-package",
		rule: "absent-input,script-tree",
		safe: "cargo watches the origin's file, and that is equal",
		files: oneApp + `
-- a/.gitignore --
/target
generated.rs
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if !std::fs::exists("../generated.rs").unwrap() {
        std::fs::write("../generated.rs", "pub const VALUE: u32 = 1;").unwrap();
    }
}
-- a/app/src/main.rs --
#[path = "../../generated.rs"]
mod generated;
fn main() { println!("{}", generated::VALUE); }
`,
		origin: buildTwice,
	},
}
