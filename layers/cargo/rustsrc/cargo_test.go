package rustsrc_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// including has every form that counts as an include, keeping has one that does
// not: only the latter may leave the value in what rustc writes.
const (
	including = `
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
macro_rules! text { ($f:expr) => { include_str!(concat!(env!("OUT_DIR", "no"), "/", $f)) } }
pub const A: &str = text!("a.txt");
pub static B: &[u8] = ::std::include_bytes![::core::concat!{std::env!(r"OUT_DIR"), "/a.txt",}];
#[doc = include_str!(concat!(env!("OUT_DIR"), "/a.txt"))]
pub fn f() -> u32 { G }
`
	keeping = including + "pub const DIR: &str = env!(\"OUT_DIR\");\npub fn dir() -> &'static str { DIR }\n"
)

func TestIncludesKeepNoValue(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	for _, tc := range []struct {
		name, src string
		uses      rustsrc.Uses
		kept      bool
	}{
		{"including", including, rustsrc.Uses{Includes: 4}, false},
		{"keeping", keeping, rustsrc.Uses{Includes: 4, Elsewhere: 1}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := rustsrc.EnvUses([]byte(tc.src), "OUT_DIR"); got != tc.uses {
				t.Errorf("EnvUses = %+v, want %+v", got, tc.uses)
			}
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cargotest.Write(t, dir, map[string]string{
				"Cargo.toml": "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
				"src/lib.rs": tc.src,
				"build.rs": `fn main() {
	let out = std::env::var("OUT_DIR").unwrap();
	std::fs::write(out.clone() + "/gen.rs", "const G: u32 = 1;").unwrap();
	std::fs::write(out + "/a.txt", "text").unwrap();
}
`,
			})
			cargotest.Run(t, dir, "", nil, "build", "-q")
			outs, err := filepath.Glob(filepath.Join(dir, "target/debug/build/p-*/out"))
			if err != nil || len(outs) != 1 {
				t.Fatalf("output directories %q, %v", outs, err)
			}
			rlib, err := os.ReadFile(filepath.Join(dir, "target/debug/libp.rlib"))
			if err != nil {
				t.Fatal(err)
			}
			kept := false
			for rest, found := rlib, true; found; {
				if _, rest, found = bytes.Cut(rest, []byte(outs[0])); found && !bytes.HasPrefix(rest, []byte("/gen.rs")) && !bytes.HasPrefix(rest, []byte("/a.txt")) {
					kept = true
				}
			}
			if kept != tc.kept {
				t.Errorf("rustc kept the value: %v, want %v", kept, tc.kept)
			}
		})
	}
}
