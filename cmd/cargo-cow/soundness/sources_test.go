package soundness

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// oneApp is a workspace whose only member prints what src/main.rs says.
const oneApp = `
-- a/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
`

// appAndLib adds a library that app prints.
const appAndLib = `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba"]
resolver = "3"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
liba = { path = "../liba" }
-- a/app/src/main.rs --
fn main() { println!("liba={}", liba::value()); }
-- a/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
-- a/liba/src/lib.rs --
pub fn value() -> u32 { 1 }
`

const changedLib = `
-- b/liba/src/lib.rs --
pub fn value() -> u32 { 2 }
`

// sharedText is an app that prints a file outside its package.
const sharedText = oneApp + `
-- a/app/src/main.rs --
fn main() { println!("{}", include_str!("../../shared.txt").trim()); }
-- a/shared.txt --
one
`

// chain is app -> mid -> liba.
const chain = appAndLib + `
-- a/Cargo.toml --
[workspace]
members = ["app", "mid", "liba"]
resolver = "3"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
mid = { path = "../mid" }
-- a/app/src/main.rs --
fn main() { println!("liba={}", mid::value()); }
-- a/mid/Cargo.toml --
[package]
name = "mid"
edition = "2024"
[dependencies]
liba = { path = "../liba" }
-- a/mid/src/lib.rs --
pub fn value() -> u32 { liba::value() }
`

// buildThroughSymlink builds the origin by another name of its directory.
func buildThroughSymlink(w *world) {
	w.commit()
	w.Symlink("a", "link")
	w.origin.Build("build", "--manifest-path="+w.Path("link/Cargo.toml"))
}

// buildLinkTo builds an origin in which one of the sources is a link.
func buildLinkTo(target, source string) func(w *world) {
	return func(w *world) {
		w.T.Helper()
		w.Symlink(target, "a/"+source)
		w.build()
	}
}

var sourceHazards = []hazard{
	{
		name:  "H1/content-differs",
		rule:  "source-content",
		files: appAndLib + changedLib,
	},
	{
		name:  "H1/older-checkout",
		rule:  "source-content",
		files: appAndLib + changedLib,
		differ: func(w *world) {
			w.touch(time.Now().Add(-24*time.Hour), "b/liba/src/lib.rs", "b/liba/src", "b/app/src/main.rs")
		},
	},
	{
		name:  "H1/same-time",
		rule:  "source-content",
		files: appAndLib + changedLib,
		differ: func(w *world) {
			info, err := os.Stat(w.Path("a/liba/src/lib.rs"))
			if err != nil {
				w.T.Fatal(err)
			}
			w.touch(info.ModTime(), "b/liba/src/lib.rs")
		},
	},
	{
		name: "H1/name-with-spaces",
		rule: "source-content",
		files: oneApp + `
-- a/app/src/main.rs --
#[path = "a module.rs"]
mod module;
fn main() { println!("{}", module::VALUE); }
-- a/app/src/a module.rs --
pub const VALUE: u32 = 1;
-- b/app/src/a module.rs --
pub const VALUE: u32 = 2;
`,
	},
	{
		name: "H1/patched-by-path",
		rule: "source-content",
		files: oneApp + `
-- a/Cargo.toml --
[workspace]
members = ["app"]
resolver = "3"
[patch.crates-io]
cfg-if = { path = "patches/cfg-if" }
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
cfg-if = "1"
-- a/app/src/main.rs --
fn main() { println!("{}", cfg_if::VALUE); }
-- a/patches/cfg-if/Cargo.toml --
[package]
name = "cfg-if"
version = "1.0.99"
edition = "2024"
-- a/patches/cfg-if/src/lib.rs --
pub const VALUE: u32 = 1;
-- b/patches/cfg-if/src/lib.rs --
pub const VALUE: u32 = 2;
`,
	},
	{
		name: "H1/integration-test",
		rule: "source-content",
		files: integration + `
-- a/app/tests/it.rs --
fn main() { println!("one"); }
-- b/app/tests/it.rs --
fn main() { println!("two"); }
`,
		origin:  buildTests,
		observe: runTest,
	},
	{
		name:  "H1/check",
		rule:  "source-content",
		files: appAndLib + "-- b/liba/src/lib.rs --\npub fn value() -> u32 { \"no number\" }\n",
		origin: func(w *world) {
			w.commit()
			w.origin.Build("check")
		},
		observe: func(w *world) string {
			b := w.checkout.Cargo("check")
			return fmt.Sprintf("exit code %d %s", b.Code, b.ErrorCode())
		},
	},
	{
		name:  "H1/release",
		rule:  "source-content",
		files: appAndLib + changedLib,
		origin: func(w *world) {
			w.commit()
			w.origin.Build("build", "--release")
		},
		observe: func(w *world) string { return w.checkout.Runs("app", "build", "--release") },
	},
	{
		name: "safe/removed-source",
		safe: "a source that dep-info names and that is gone makes the unit dirty",
		files: oneApp + `
-- a/app/src/main.rs --
mod foo;
fn main() { println!("{}", foo::VALUE); }
-- a/app/src/foo.rs --
pub const VALUE: u32 = 1;
`,
		differ: func(w *world) { w.Remove("b/app/src/foo.rs") },
	},
	{
		name:   "clock/edited-during-restore",
		rule:   "clock",
		files:  appAndLib,
		during: func(w *world) { w.Write("b/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n") },
	},
	{
		name:  "H2/outside-differs",
		rule:  "outside-source",
		files: sharedText + "-- b/shared.txt --\ntwo\n",
	},
	{
		// The restored unit is rightly fresh; then the checkout's file is edited.
		name:  "H2/outside-edited-later",
		rule:  "outside-source",
		files: sharedText + "-- later/shared.txt --\ntwo\n",
	},
	{
		name: "H14/shadowing-module",
		rule: "module-shadow",
		files: oneApp + `
-- a/app/src/main.rs --
mod foo;
fn main() { println!("{}", foo::VALUE); }
-- a/app/src/foo.rs --
pub const VALUE: u32 = 1;
-- b/app/src/foo/mod.rs --
pub const VALUE: u32 = 2;
`,
	},
	{
		name: "H23/shadowing-module-of-a-library",
		rule: "module-shadow",
		files: appAndLib + `
-- a/liba/src/lib.rs --
mod foo { pub mod bar; }
pub fn value() -> u32 { foo::bar::VALUE }
-- a/liba/src/foo/bar.rs --
pub const VALUE: u32 = 1;
-- b/liba/src/foo/bar/mod.rs --
pub const VALUE: u32 = 2;
`,
	},
	{
		name:  "H19/partial-build",
		rule:  "older-than-dependency",
		files: appAndLib,
		origin: func(w *world) {
			w.build()
			w.Write("a/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n")
			w.origin.Commit("second")
			w.origin.Build("build", "--package=liba")
		},
	},
	{
		name:  "H19/partial-build-grandchild",
		rule:  "older-than-dependency",
		files: chain,
		origin: func(w *world) {
			w.build()
			w.Write("a/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n")
			w.origin.Commit("second")
			w.origin.Build("build", "--package=mid")
		},
	},
	{
		// The other name is known: rustc's list of sources begins with it.
		name:   "H2/outside-differs-through-symlink",
		rule:   "outside-source",
		files:  sharedText + "-- b/shared.txt --\ntwo\n",
		origin: buildThroughSymlink,
	},
	{
		name:   "H2/outside-edited-later-through-symlink",
		rule:   "outside-source",
		files:  sharedText + "-- later/shared.txt --\ntwo\n",
		origin: buildThroughSymlink,
	},
	{
		name: "H22/symlinked-text",
		rule: "symlink-target",
		files: oneApp + `
-- a/app/src/main.rs --
fn main() { println!("{}", include_str!("text").trim()); }
-- a/app/src/one.txt --
one
-- a/app/src/two.txt --
two
`,
		origin: buildLinkTo("one.txt", "app/src/text"),
		differ: func(w *world) { w.Symlink("two.txt", "b/app/src/text") },
	},
	{
		name: "H22/symlinked-module",
		rule: "symlink-target",
		files: oneApp + `
-- a/app/src/main.rs --
mod chosen;
fn main() { println!("{}", chosen::VALUE); }
-- a/app/choices/one.rs --
pub const VALUE: u32 = 1;
-- a/app/choices/two.rs --
pub const VALUE: u32 = 2;
`,
		origin: buildLinkTo("../choices/one.rs", "app/src/chosen.rs"),
		differ: func(w *world) { w.Symlink("../choices/two.rs", "b/app/src/chosen.rs") },
	},
	{
		name: "H22/symlinked-directory",
		rule: "symlink-target",
		files: oneApp + `
-- a/app/src/main.rs --
mod chosen { pub mod value; }
fn main() { println!("{}", chosen::value::VALUE); }
-- a/app/one/value.rs --
pub const VALUE: u32 = 1;
-- a/app/two/value.rs --
pub const VALUE: u32 = 2;
`,
		origin: buildLinkTo("../one", "app/src/chosen"),
		differ: func(w *world) { w.Symlink("../two", "b/app/src/chosen") },
	},
	{
		name:  "changed-since-build/edited",
		rule:  "changed-since-build",
		files: appAndLib,
		origin: func(w *world) {
			w.build()
			w.Write("a/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n")
			w.origin.Commit("second")
		},
	},
	{
		// The edit is given an old time, as tar and git-restore-mtime do: only
		// the inode's change time tells.
		name:  "changed-since-build/edited-with-old-time",
		rule:  "changed-since-build",
		files: appAndLib,
		origin: func(w *world) {
			w.build()
			w.Write("a/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n")
			w.touch(time.Now().Add(-24*time.Hour), "a/liba/src/lib.rs")
			w.origin.Commit("second")
		},
	},
	{
		// Beside the repository, so the same file for both and changed for both.
		name: "H1/path-dependency-elsewhere",
		rule: "source-content",
		files: oneApp + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
ext = { path = "../../ext" }
-- a/app/src/main.rs --
fn main() { println!("{}", ext::VALUE); }
-- ext/Cargo.toml --
[package]
name = "ext"
edition = "2024"
[workspace]
-- ext/src/lib.rs --
pub const VALUE: u32 = 1;
`,
		differ: func(w *world) { w.Write("ext/src/lib.rs", "pub const VALUE: u32 = 2;\n") },
	},
}

// nonUTF8 is a file name that is no text.
var nonUTF8 = filepath.Join("data", "\xff\xfe.txt")
