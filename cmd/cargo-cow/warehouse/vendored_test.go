package warehouse

import (
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// vendoredProject has crates in the checkout that cargo calls by absolute paths: one
// with a script and panics, one that asks for the name of its source, and a macro.
const vendoredProject = `
-- .cargo/config.toml --
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "vendor"
-- Cargo.toml --
[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
plain = "1"
named = "1"
-- src/main.rs --
fn main() { println!("{} {}", plain::word(1), named::at()); }
-- vendor/plain/.cargo-checksum.json --
{"files":{}}
-- vendor/plain/Cargo.toml --
[package]
name = "plain"
version = "1.0.0"
edition = "2021"
[dependencies]
mac = "1"
-- vendor/plain/build.rs --
fn main() {
    println!("cargo:rerun-if-changed=word.txt");
    std::fs::copy("word.txt", format!("{}/word.txt", std::env::var("OUT_DIR").unwrap())).unwrap();
}
-- vendor/plain/word.txt --
plain
-- vendor/plain/src/lib.rs --
pub fn word(n: usize) -> &'static str { [mac::word!(), include_str!(concat!(env!("OUT_DIR"), "/word.txt")).trim_end()][n] }
-- vendor/named/.cargo-checksum.json --
{"files":{}}
-- vendor/named/Cargo.toml --
[package]
name = "named"
version = "1.0.0"
edition = "2021"
-- vendor/named/src/lib.rs --
pub fn at() -> &'static str { file!() }
-- vendor/mac/.cargo-checksum.json --
{"files":{}}
-- vendor/mac/Cargo.toml --
[package]
name = "mac"
version = "1.0.0"
edition = "2021"
[lib]
proc-macro = true
-- vendor/mac/src/lib.rs --
#[proc_macro]
pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let _ = std::fs::metadata("word.txt");
    "\"word\"".parse().unwrap()
}
`

// Vendored crates are compiled in their own directories, under absolute names. They
// are served to other checkouts all the same, but for what may have made something
// of these names.
func TestVendored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range txtar.Parse([]byte(vendoredProject)).Files {
		w.Write("a/"+f.Name, string(f.Data))
	}
	w.lock("a")
	w.copy("a", "b/deep")
	w.wantCompiled(w.good("a", nil), "app", "build_script_build", "mac", "named", "plain")
	want := w.clean("b/deep", nil)
	// plain uses a macro that might look for the name, too.
	w.wantCompiled(w.good("b/deep", nil), "app", "named", "plain")
	if got := w.Must("b/deep", nil, w.Path("b/deep/target/debug/app")).Stdout; got != want {
		t.Errorf("prints %q, a clean build prints %q", got, want)
	}
	w.Edit("b/deep/vendor/named/src/lib.rs", "file!()", `"named"`)
	w.Edit("a/vendor/named/src/lib.rs", "file!()", `"named"`)
	w.Edit("b/deep/vendor/plain/src/lib.rs", "mac::word!()", `"word"`)
	w.Edit("a/vendor/plain/src/lib.rs", "mac::word!()", `"word"`)
	for _, c := range []string{"a", "b/deep"} {
		w.Edit(c+"/vendor/plain/Cargo.toml", "[dependencies]\nmac = \"1\"\n", "")
		w.Remove(c + "/target")
		w.Must(c, nil, "cargo", "generate-lockfile", "--offline", "--quiet")
	}
	w.good("a", nil)
	w.wantCompiled(w.good("b/deep", nil))
	if got, want := w.Must("b/deep", nil, w.Path("b/deep/target/debug/app")).Stdout, w.clean("b/deep", nil); got != want {
		t.Errorf("prints %q, a clean build prints %q", got, want)
	}
}
