package fingerprint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// workspace has a unit of every kind whose fingerprint differs in form.
// ABSOLUTE stands for the workspace's own path.
var workspace = map[string]string{
	"Cargo.toml": "[workspace]\nmembers = [\"app\", \"mac\", \"old\", \"watch\"]\nresolver = \"2\"\n",
	"app/Cargo.toml": `[package]
name = "app"
version = "0.1.0"
edition = "2021"
[features]
default = ["one"]
one = []
two = []
[dependencies]
mac = { path = "../mac" }
old = { path = "../old" }
kept = "1"
quiet = "1"
renamed = { package = "watch", path = "../watch" }
`,
	"app/src/lib.rs":     "mac::nothing!{}\npub fn a() -> u32 { old::v() + renamed::v() }\n#[test]\nfn t() { assert_eq!(a(), 3) }\n",
	"app/src/main.rs":    "fn main() { println!(\"{}\", app::a()) }\n",
	"app/tests/it.rs":    "#[test]\nfn t() { assert_eq!(app::a(), 3) }\n",
	"app/examples/ex.rs": "fn main() { app::a(); }\n",
	"mac/Cargo.toml":     "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
	"mac/src/lib.rs":     "use proc_macro::TokenStream;\n#[proc_macro]\npub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n",
	"old/Cargo.toml":     "[package]\nname = \"old\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
	"old/build.rs":       "fn main() {}\n",
	"old/src/lib.rs":     "pub fn v() -> u32 { 1 }\n",
	"watch/Cargo.toml":   "[package]\nname = \"watch\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
	"watch/src/lib.rs":   "pub fn v() -> u32 { 2 }\n",
	"watch/data/é b.txt": "x",
	"watch/data/.hid/f":  "x",
	"watch/build.rs":     watchScript,
	".cargo/config.toml": "[build]\nrustflags = [\"--cfg\", \"quoted=\\\"a\\\\tb\\\"\"]\n" +
		"[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
	"shared/sub/list.txt": "x",

	// What lies in a directory that stands for the registry is held for unchanging,
	// and its roots are named by absolute paths, as the registry's own are.
	"vendor/kept/Cargo.toml":            "[package]\nname = \"kept\"\nversion = \"1.2.3\"\nedition = \"2021\"\nlinks = \"kept\"\n",
	"vendor/kept/.cargo-checksum.json":  `{"files":{}}`,
	"vendor/kept/build.rs":              keptScript,
	"vendor/kept/src/lib.rs":            "unsafe extern \"C\" { fn kept() -> i32; }\npub fn v() -> i32 { unsafe { kept() } }\n",
	"vendor/kept/kept.c":                "int kept(void) { return 3; }\n",
	"vendor/quiet/Cargo.toml":           "[package]\nname = \"quiet\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
	"vendor/quiet/.cargo-checksum.json": `{"files":{}}`,
	"vendor/quiet/build.rs":             "fn main() {}\n",
	"vendor/quiet/src/lib.rs":           "pub fn v() -> u32 { 4 }\n",
}

// keptScript compiles C, as scripts of -sys crates do.
const keptScript = `use std::{env, process::Command};
fn main() {
	let out = env::var("OUT_DIR").unwrap();
	let object = format!("{out}/kept.o");
	assert!(Command::new("cc").args(["-c", "kept.c", "-o", &object]).status().unwrap().success());
	assert!(Command::new("ar").args(["rcs", &format!("{out}/libkept.a"), &object]).status().unwrap().success());
	println!("cargo:rerun-if-changed=kept.c");
	println!("cargo:rerun-if-env-changed=CC");
	println!("cargo:rustc-link-search=native={out}");
	println!("cargo:rustc-link-lib=static=kept");
}
`

const watchScript = `fn main() {
	let dir = env!("CARGO_MANIFEST_DIR");
	println!("cargo:rerun-if-changed=build.rs");
	println!("cargo::rerun-if-changed=./data//é b.txt");
	println!("cargo::rerun-if-changed=data/./.hid/");
	println!("cargo::rerun-if-changed=../shared/sub");
	println!("cargo::rerun-if-changed={dir}/../shared/sub/list.txt");
	println!("cargo::rerun-if-changed={dir}/data");
	println!("cargo::rerun-if-changed=.");
	println!("cargo::rerun-if-env-changed=COW_SET");
	println!("cargo::rerun-if-env-changed=COW_EMPTY");
	println!("cargo::rerun-if-env-changed=COW_UNSET");
}
`

// Every fingerprint of every version of Cargo that the program is held to is one
// whose hash is reproduced: none could be retagged else.
func TestHashesOfRealUnits(t *testing.T) {
	type layout struct {
		name      string
		toolchain string
		env, args []string
	}
	const classic, units = "__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT=1", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"
	cases := []layout{{name: "installed"}}
	for _, toolchain := range cargotest.Toolchains(t) {
		cases = append(cases, layout{name: toolchain, toolchain: toolchain})
		switch toolchain {
		case "beta":
			cases = append(cases,
				layout{"beta, classic layout", toolchain, []string{classic}, nil},
				// Unstable still.
				layout{"beta, by content", toolchain, []string{"RUSTC_BOOTSTRAP=1", "CARGO_BUILD_FINGERPRINT=content"}, []string{"-Zchecksum-freshness"}},
				layout{"beta, metadata apart", toolchain, []string{"RUSTC_BOOTSTRAP=1"}, []string{"-Zembed-metadata=no"}})
		case "nightly":
			cases = append(cases,
				layout{"nightly, new layout", toolchain, []string{units}, nil},
				layout{"nightly, new layout, checksums", toolchain, []string{units, "CARGO_BUILD_FINGERPRINT=content"}, []string{"-Zchecksum-freshness"}})
		}
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			version := cargotest.Require(t, tc.toolchain)
			dir := t.TempDir()
			cargotest.Write(t, dir, workspace)
			env := append([]string{"COW_SET=a\"\\\n\x01é", "COW_EMPTY="}, tc.env...)
			for _, args := range [][]string{
				{"build", "--workspace", "--all-targets"},
				{"build", "--workspace", "--release", "--no-default-features"},
			} {
				cargotest.Run(t, dir, tc.toolchain, env, append(args, tc.args...)...)
			}

			units, kinds := 0, map[fingerprint.LocalKind]int{}
			paths := map[uint64]bool{}
			for _, path := range jsonFiles(t, filepath.Join(dir, "target")) {
				data := read(t, path)
				f, err := fingerprint.Parse(data)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if !f.Reproducible() {
					t.Errorf("%s: not reproducible: %s", path, data)
				}
				if got := f.Encode(); !bytes.Equal(got, data) {
					t.Errorf("%s: encoded as %s\nwant %s", path, got, data)
				}
				hashFile := read(t, strings.TrimSuffix(path, ".json"))
				if got := fingerprint.FormatHash(f.Hash()); got != string(hashFile) {
					t.Errorf("%s: hash %s, cargo wrote %s\n%s", path, got, hashFile, data)
				}
				want, err := fingerprint.ParseHash(hashFile)
				if err != nil || want != f.Hash() {
					t.Errorf("ParseHash(%s) = %d, %v; want %d", hashFile, want, err, f.Hash())
				}
				units++
				paths[f.Path] = true
				for _, l := range f.Local {
					kinds[l.Kind]++
				}
			}
			t.Logf("%s: %d units, local kinds %v", version, units, kinds)
			for _, root := range []string{filepath.Join(dir, "vendor/kept/src/lib.rs"), filepath.Join(dir, "vendor/quiet/build.rs"), "app/src/main.rs"} {
				if !paths[fingerprint.HashPath(root)] {
					t.Errorf("no unit has the path of %s", root)
				}
			}
			if units < 31 {
				t.Errorf("only %d units were built", units)
			}
			for k := fingerprint.Precalculated; k <= fingerprint.RerunIfEnvChanged; k++ {
				if kinds[k] == 0 {
					t.Errorf("no unit has a local of kind %d", k)
				}
			}
		})
	}
}

// jsonFiles finds the fingerprints of both layouts.
func jsonFiles(t *testing.T, target string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*/.fingerprint/*/*.json", "*/build/*/*/fingerprint/*.json"} {
		m, err := filepath.Glob(filepath.Join(target, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
