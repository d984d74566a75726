package soundness

import (
	"strings"
)

// native is an app that prints what a C library says. How it is linked is added by
// each hazard; what git does not list is no input for any other reason.
const native = oneApp + `
-- a/.gitignore --
target
libs*
-- a/app/src/main.rs --
#[link(name = "value", kind = "static")]
unsafe extern "C" { safe fn value() -> i32; }
fn main() { println!("{}", value()); }
-- a/make.sh --
mkdir -p $1 && echo "int value(void) { return $2; }" > $1/value.c && cc -c -o $1/value.o $1/value.c &&
rm -f $1/libvalue.a && ar crD $1/libvalue.a $1/value.o
`

// object is native with a plain object file.
var object = strings.Replace(native, `#[link(name = "value", kind = "static")]`, "", 1)

// flagged has rustc called with flags of the configuration.
func flagged(flags string) string {
	return "-- a/.cargo/config.toml --\n[build]\nrustflags = [" + flags + "]\n"
}

// buildNative builds with a library that says 1.
func buildNative(w *world) {
	w.T.Helper()
	w.origin.Must("sh", "make.sh", "libs", "1")
	w.build()
}

// otherNative has one in the checkout that says 2.
func otherNative(w *world) {
	w.T.Helper()
	w.checkout.Must("sh", "make.sh", "libs", "2")
}

// sysOverridden has a crate whose build script is not run: a table of the
// configuration says what it would.
const sysOverridden = oneApp + `
-- a/Cargo.toml --
[workspace]
members = ["app", "sys"]
resolver = "3"
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
sys = { path = "../sys" }
-- a/app/src/main.rs --
fn main() { println!("{}", sys::value()); }
-- a/sys/Cargo.toml --
[package]
name = "sys"
edition = "2024"
links = "value"
-- a/sys/build.rs --
fn main() { panic!("it is not run"); }
-- a/sys/src/lib.rs --
unsafe extern "C" { pub safe fn value() -> i32; }
-- a/.cargo/config.toml --
[target.x86_64-unknown-linux-gnu.value]
rustc-link-search = ["native=libs"]
rustc-link-lib = ["static=value"]
[target.aarch64-unknown-linux-gnu.value]
rustc-link-search = ["native=libs"]
rustc-link-lib = ["static=value"]
`

// linkArgs is an app whose script hands arguments on to the linker.
func linkArgs(lines ...string) string {
	return oneApp + `
-- a/app/src/main.rs --
fn main() {}
-- a/app/src/lib.rs --
#[test]
fn f() {}
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[lib]
crate-type = ["rlib", "cdylib"]
-- a/app/build.rs --
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
    println!("` + strings.Join(lines, `\n`) + `");
}
`
}

// dynamic shows what the loader is told by something that was linked.
func dynamic(file string) func(w *world) string {
	return func(w *world) string {
		w.checkout.Build("build")
		out := w.checkout.Says("readelf", "--wide", "--dynamic", "--program-headers", "target/debug/"+file)
		var told []string
		for line := range strings.Lines(out) {
			for _, word := range []string{"RUNPATH", "RPATH", "SONAME", "interpreter:"} {
				if strings.Contains(line, word) {
					told = append(told, strings.TrimSpace(line))
				}
			}
		}
		return strings.Join(told, "\n")
	}
}

var linkHazards = []hazard{
	{
		name:   "H40/static-library-of-attribute",
		rule:   "link-input",
		files:  native + flagged(`"-L", "native=libs"`),
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/library-found-earlier",
		rule:   "link-input",
		files:  native + flagged(`"-Lnative=libs-first", "-L", "libs"`),
		origin: buildNative,
		differ: func(w *world) {
			w.checkout.Must("sh", "make.sh", "libs", "1")
			w.checkout.Must("sh", "make.sh", "libs-first", "2")
		},
	},
	{
		// The library holds the archive: linking the program again is not enough.
		name: "H40/static-library-in-a-library",
		rule: "link-input",
		files: appAndLib + flagged(`"-L", "native=libs"`) + `
-- a/.gitignore --
target
libs*
-- a/app/src/main.rs --
fn main() { println!("{}", liba::value()); }
-- a/liba/src/lib.rs --
macro_rules! linked { ($name:literal) => { #[link(name = $name, kind = "static")] unsafe extern "C" { pub safe fn value() -> i32; } } }
linked!("value");
-- a/make.sh --
` + native[strings.Index(native, "mkdir"):],
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/overridden-script",
		rule:   "link-input",
		files:  sysOverridden + native[strings.Index(native, "-- a/.gitignore"):strings.Index(native, "-- a/app/src")] + native[strings.Index(native, "-- a/make.sh"):],
		origin: buildNative,
		differ: otherNative,
	},
	{
		name: "H40/search-path-of-script",
		rule: "link-input",
		files: native + `
-- a/app/build.rs --
fn main() { println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-link-search=native=libs"); }
`,
		origin: buildNative,
		differ: otherNative,
	},
	{
		name: "H40/object-of-script",
		rule: "link-input",
		files: object + `
-- a/app/build.rs --
fn main() { println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-link-arg-bins=libs/value.o"); }
`,
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/linker-script",
		rule:   "link-input",
		files:  object + flagged(`"-C", "link-arg=value.ld"`) + "-- a/value.ld --\nINPUT(libs/value.o)\n-- b/value.ld --\nINPUT(libs-2/value.o)\n",
		origin: buildNative,
		differ: func(w *world) {
			w.checkout.Must("sh", "make.sh", "libs", "1")
			w.checkout.Must("sh", "make.sh", "libs-2", "2")
		},
	},
	{
		name:   "H40/input-of-linker-script",
		rule:   "link-input",
		files:  object + flagged(`"-C", "link-arg=value.ld"`) + "-- a/value.ld --\nINCLUDE more.ld\n-- a/more.ld --\nINPUT(libs/value.o)\n",
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/included-linker-script",
		rule:   "link-input",
		files:  object + flagged(`"-Clink-args=-Wl,--no-undefined value.ld"`) + "-- a/value.ld --\nINCLUDE libs/more.ld\n",
		origin: func(w *world) { w.Write("a/libs/more.ld", "INPUT(libs/value.o)\n"); buildNative(w) },
		differ: func(w *world) {
			w.checkout.Must("sh", "make.sh", "libs", "1")
			w.checkout.Must("sh", "make.sh", "libs-2", "2")
			w.Write("b/libs/more.ld", "INPUT(libs-2/value.o)\n")
		},
	},
	{
		// The script writes what the linker is to take up from the workspace.
		name: "H40/input-of-written-linker-script",
		rule: "link-input",
		files: object + `
-- a/app/build.rs --
fn main() {
    let script = std::env::var("OUT_DIR").unwrap() + "/value.ld";
    std::fs::write(&script, "INPUT(value.o)").unwrap();
    println!("cargo::rerun-if-changed=build.rs\ncargo::rustc-link-search=libs\ncargo::rustc-link-arg-bins={script}");
}
`,
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/response-file",
		rule:   "link-input",
		files:  object + flagged(`"-C", "link-arg=-Wl,@options.txt"`) + "-- a/options.txt --\n--as-needed 'libs/value.o'\n",
		origin: buildNative,
		differ: otherNative,
	},
	{
		name:   "H40/library-path-of-configuration",
		rule:   "link-input",
		files:  strings.Replace(native, `, kind = "static"`, "", 1) + "-- a/.cargo/config.toml --\n[env]\nLIBRARY_PATH = { value = \"libs\", relative = true }\n",
		origin: buildNative,
		differ: otherNative,
	},
	{
		// The linker is the project's own, and so is what it adds.
		name:   "H40/linker-that-adds-an-object",
		rule:   "link-input",
		files:  object + flagged(`"-C", "linker=./link.sh", "-Clinker-flavor=gcc"`) + "-- a/link.sh --\n#!/bin/sh\nexec cc \"$@\" libs/value.o\n",
		origin: func(w *world) { w.origin.Says("chmod", "+x", "link.sh"); buildNative(w) },
		differ: otherNative,
	},
	{
		name: "H40/linker-that-adds-an-object-beside-it",
		rule: "link-input",
		files: object + flagged(`"-C", "linker=./tools/link.sh", "-Clinker-flavor=gcc"`) +
			"-- a/tools/link.sh --\n#!/bin/sh\nexec cc \"$@\" \"$(dirname \"$0\")/../libs/value.o\"\n",
		origin: func(w *world) { w.origin.Says("chmod", "+x", "tools/link.sh"); buildNative(w) },
		differ: otherNative,
	},
	{
		// What the compiler kept of the last compilation holds what was read.
		name: "H42/assembler-reads-file",
		rule: "link-input",
		files: oneApp + `
-- a/.gitignore --
target
*.bin
-- a/app/src/main.rs --
std::arch::global_asm!(include_str!("blob.s"));
unsafe extern "C" { safe static BLOB: u8; }
fn main() { println!("{BLOB}"); }
-- a/app/src/blob.s --
.pushsection .rodata
.globl BLOB
BLOB: .incbin "blob.bin"
.popsection
-- a/blob.bin --
one
-- b/blob.bin --
two
`,
	},
	{
		name:    "H41/run-path",
		rule:    "link-names-origin",
		files:   linkArgs("cargo::rustc-link-arg-bins=-Wl,-rpath,{out}/lib"),
		observe: dynamic("app"),
	},
	{
		name:    "H41/interpreter",
		rule:    "link-names-origin",
		files:   linkArgs("cargo::rustc-link-arg-bin=app=-Wl,--dynamic-linker={out}/ld.so"),
		observe: dynamic("app"),
	},
	{
		name:    "H41/soname",
		rule:    "link-names-origin",
		files:   linkArgs("cargo::rustc-cdylib-link-arg=-Wl,-soname,{out}/libapp.so"),
		observe: dynamic("libapp.so"),
	},
}
