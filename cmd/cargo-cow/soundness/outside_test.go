package soundness

import (
	"os"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// besideProgram is a package whose program prints what lies beside it under the
// name side, link or file. The script is added by each hazard: profile is the
// directory its program will lie in, manifest that of its package.
const besideProgram = oneApp + `
-- a/app/side.txt --
one
-- a/app/src/main.rs --
fn main() {
    let side = std::env::current_exe().unwrap().with_file_name("side.txt");
    println!("{:?}", std::fs::read_to_string(side).map_err(|e| e.kind()));
}
-- a/app/build.rs --
use std::{env, fs, path::*};
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let profile = out.ancestors().find(|p| p.ends_with("debug")).unwrap();
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    leave(&profile.join("side.txt"), &manifest);
}
`

// leaveLink, leaveName and so on are what those scripts leave.
const (
	leaveLink = `
fn leave(side: &Path, manifest: &Path) {
    let _ = fs::remove_file(side);
    std::os::unix::fs::symlink(manifest.join("side.txt"), side).unwrap();
}
`
	leaveRelativeLink = `
fn leave(side: &Path, manifest: &Path) {
    let _ = fs::remove_file(side);
    let checkout = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap();
    std::os::unix::fs::symlink(format!("../../../{checkout}/app/side.txt"), side).unwrap();
}
`
	leaveName = `
fn leave(side: &Path, manifest: &Path) {
    fs::write(side, manifest.to_str().unwrap()).unwrap();
}
`
	leaveIfMissing = `
fn leave(side: &Path, manifest: &Path) {
    println!("cargo::rerun-if-changed=side.txt");
    if !side.exists() {
        fs::copy(manifest.join("side.txt"), side).unwrap();
    }
}
`
	leaveNothing = `
fn leave(_: &Path, _: &Path) {}
`
)

// nestedBuild is how somebody builds in a directory inside the build directory.
func nestedBuild(p *fixture.Checkout, args ...string) {
	p.Build(append([]string{"build", "--target-dir", "target/inside"}, args...)...)
}

// buildNestedToo builds the origin where it is usual, and there.
func buildNestedToo(w *world) {
	w.T.Helper()
	w.build()
	nestedBuild(w.origin)
}

// runsNested builds and runs the app there.
func runsNested(w *world) string {
	nestedBuild(w.checkout)
	return w.checkout.Says(w.checkout.Path("target/inside/debug/app"))
}

// oldTimes gives the checkout's sources times from before any build.
func oldTimes(names ...string) func(w *world) {
	return func(w *world) { w.touch(time.Unix(1e9, 0), names...) }
}

// outsideHazards are about what lies in a build directory beside its units.
var outsideHazards = []hazard{
	{
		name:  "H50/link-beside-program",
		rule:  "left-outside",
		files: besideProgram + leaveLink + "-- later/app/side.txt --\ntwo\n",
	},
	{
		name:  "H50/file-names-origin",
		rule:  "left-outside",
		files: besideProgram + leaveName,
	},
	{
		name:  "H50/relative-link-leaves-checkout",
		rule:  "left-outside",
		files: besideProgram + leaveRelativeLink + "-- later/app/side.txt --\ntwo\n",
	},
	{
		// The script's last run has left alone what it found.
		name:  "H50/left-by-former-run",
		rule:  "left-outside",
		files: besideProgram + leaveIfMissing,
		origin: func(w *world) {
			w.build()
			w.Write("a/app/side.txt", "two\n")
			w.origin.Commit("second")
			w.origin.Build("build")
		},
	},
	{
		// The script that left it is another one now.
		name:  "H50/left-by-former-script",
		rule:  "left-outside",
		files: besideProgram + leaveName,
		origin: func(w *world) {
			w.build()
			text, err := os.ReadFile(w.Path("a/app/build.rs"))
			if err != nil {
				w.T.Fatal(err)
			}
			before, _, _ := strings.Cut(string(text), "\nfn leave")
			w.Write("a/app/build.rs", before+leaveNothing)
			w.origin.Commit("second")
			w.origin.Build("build")
		},
	},
	{
		// Nobody's: a program or a person put it there.
		name:  "H50/nobodys-file",
		rule:  "left-outside",
		files: besideProgram + leaveNothing,
		origin: func(w *world) {
			w.build()
			time.Sleep(20 * time.Millisecond)
			w.Write("a/target/debug/side.txt", "by hand\n")
		},
	},
	{
		name:    "H51/nested-build",
		rule:    "nested-build",
		files:   appAndLib + "-- b/liba/src/lib.rs --\npub fn value() -> u32 { 2 }\n",
		origin:  buildNestedToo,
		differ:  oldTimes("b/liba/src/lib.rs", "b/app/src/main.rs"),
		observe: runsNested,
	},
	{
		name:   "H51/nested-build-for-target",
		rule:   "nested-build",
		files:  appAndLib + "-- b/liba/src/lib.rs --\npub fn value() -> u32 { 2 }\n",
		env:    []string{"CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu"},
		origin: buildNestedToo,
		differ: oldTimes("b/liba/src/lib.rs", "b/app/src/main.rs"),
		observe: func(w *world) string {
			nestedBuild(w.checkout)
			return w.checkout.Says(w.checkout.Path("target/inside/x86_64-unknown-linux-gnu/debug/app"))
		},
	},
}
