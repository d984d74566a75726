package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// allKinds has a target of every kind, and names with a dash.
var allKinds = map[string]string{
	"Cargo.toml": `[workspace]
members = ["a-lib", "mac", "dyn", "app"]
`,
	"a-lib/Cargo.toml":           cargotest.Manifest("a-lib") + "[lib]\ncrate-type = [\"rlib\", \"cdylib\", \"staticlib\"]\n",
	"a-lib/src/lib.rs":           "pub fn a() -> u32 { 1 }\n",
	"mac/Cargo.toml":             cargotest.Manifest("mac") + "[lib]\nproc-macro = true\n",
	"mac/src/lib.rs":             "extern crate proc_macro;\n#[proc_macro]\npub fn m(t: proc_macro::TokenStream) -> proc_macro::TokenStream { t }\n",
	"dyn/Cargo.toml":             cargotest.Manifest("dyn") + "[lib]\ncrate-type = [\"dylib\"]\n",
	"dyn/src/lib.rs":             "pub fn d() {}\n",
	"app/Cargo.toml":             cargotest.Manifest("app", "a-lib", "mac"),
	"app/build.rs":               "fn main() { std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/x\", \"\").unwrap(); }\n",
	"app/src/main.rs":            "fn main() { println!(\"{}\", mac::m!(a_lib::a())); }\n",
	"app/src/bin/other-one.rs":   "fn main() {}\n",
	"app/examples/an-example.rs": "fn main() {}\n",
	"app/tests/a-test.rs":        "#[test] fn t() {}\n",
	"app/benches/a-bench.rs":     "fn main() {}\n",
}

// TestNothingStrays: all that Cargo leaves in a build directory is accounted for,
// in both layouts; so nothing is left out without need, and no script is run
// again for it.
func TestNothingStrays(t *testing.T) {
	for _, tt := range []struct {
		layout, toolchain string
		env               []string
	}{
		{builddir.LayoutClassic, "", nil},
		{builddir.LayoutUnits, "nightly", []string{"CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"}},
	} {
		t.Run(tt.layout, func(t *testing.T) {
			t.Parallel()
			cargotest.Require(t, tt.toolchain)
			dir := filepath.Join(cargotest.RealTempDir(t), "a")
			cargotest.Write(t, dir, allKinds)
			for _, args := range [][]string{
				{"build", "--workspace", "--all-targets"}, {"check", "--workspace"}, {"build", "--release", "-p", "app"},
				{"build", "-p", "app", "--target", "x86_64-unknown-linux-gnu"},
			} {
				cargotest.Run(t, dir, tt.toolchain, tt.env, args...)
			}
			m := lookInto(t, dir)
			if m.Layout != tt.layout {
				t.Errorf("layout %s", m.Layout)
			}
			if len(m.Strays) > 0 || len(m.Dead) > 0 || len(m.Nested) > 0 {
				t.Errorf("strays %v, left out %v, nested %v; want none", m.Strays, m.Dead, m.Nested)
			}
			for _, name := range []string{"debug/app", "debug/other-one", "release/app.d", "x86_64-unknown-linux-gnu/debug/app"} {
				if !slices.Contains(m.Placed, paths.Path(name)) {
					t.Errorf("%s is not among the final names %v", name, m.Placed)
				}
			}
		})
	}
}

// lookInto returns the manifest as Inspect makes it, with what is left out.
func lookInto(t *testing.T, dir string) *manifest.Manifest {
	t.Helper()
	m, err := Inspect(t.Context(), Inspection{Checkout: checkoutAt(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLeftOut: what a layer has not of what lies in a build directory.
func TestLeftOut(t *testing.T) {
	cargotest.Require(t, "")
	dir := filepath.Join(cargotest.RealTempDir(t), "a")
	cargotest.Write(t, dir, allKinds)
	cargotest.Run(t, dir, "", nil, "build", "-p", "app")
	cargotest.Run(t, dir, "", nil, "build", "-p", "app", "--target-dir", "target/inside")
	cargotest.Write(t, dir, map[string]string{
		"other/Cargo.toml": cargotest.Manifest("other") + "[workspace]\n", "other/src/lib.rs": "",
	})
	cargotest.Run(t, dir+"/other", "", nil, "build", "--target-dir", "../target/tests/other")
	if err := os.Remove(dir + "/target/debug/app"); err != nil {
		t.Fatal(err)
	}
	cargotest.Write(t, dir, map[string]string{
		"target/doc/app/index.html":                      "", // made anew
		"target/tmp/scratch":                             "", // a test's
		"target/criterion/report/x":                      "", // a tool's
		"target/debug/app":                               "stripped",
		"target/debug/app.db":                            "",
		"target/debug/data/x":                            "", // a program's
		"target/debug/deps/orphan-0123456789abcdef.d":    "", // of a unit that is gone
		"target/debug/deps/x.dll":                        "",
		"target/debug/build/gone-0123456789abcdef/out/x": "",
		"target/tests/other.txt":                         "",
		"target/unknown/debug/.fingerprint/a/lib-a":      "", // no rustcInfo
		"target/unknown/deep/release/.cargo-lock":        "",
		"target/inside/debug/y":                          "",
	})
	m := lookInto(t, dir)
	want := []string{
		"criterion", "debug/app", "debug/app.db", "debug/build/gone-0123456789abcdef", "debug/data",
		"debug/deps/orphan-0123456789abcdef.d", "debug/deps/x.dll", "doc", "inside/debug/y",
		"tests/other", "tests/other.txt", "tmp/scratch", "unknown/deep",
	}
	got := slices.Sorted(slices.Values(m.Dead))
	if !slices.Equal(got, want) {
		t.Errorf("left out\n%q, want\n%q", got, want)
	}
	if len(m.Nested) != 1 || m.Nested[0].Path != "inside" || len(m.Nested[0].Manifest.Units) == 0 {
		t.Errorf("nested %v, want inside with its units", m.Nested)
	}
	locked, err := builddir.BuildsBelow(dir + "/target")
	wantLocked := []string{"debug", "inside/debug", "tests/other/debug", "unknown/debug", "unknown/deep/release"}
	if err != nil || !slices.Equal(locked, wantLocked) {
		t.Errorf("BuildsBelow = %q, %v; want %q", locked, err, wantLocked)
	}
}
