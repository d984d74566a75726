package script_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
)

// printed is what the script prints; OUT is its output directory.
const printed = `plain text
 cargo:rustc-cfg=one` + "\t" + `
cargo::rustc-cfg=two="a=b"
cargo:rustc-check-cfg=cfg(one, two)
cargo:rustc-env=NAME=value
cargo::rustc-env=OTHER=OUT/x
cargo:rustc-link-search=native=OUT/lib
cargo:rustc-link-lib=static=nothing
cargo:root=/some/where
cargo::metadata=include=OUT/include
x cargo:rustc-cfg=three
cargo:rerun-if-changed=build.rs
cargo::rerun-if-changed=./data/ 
cargo:rerun-if-changed-not=reserved
cargo:rerun-if-env-changed=COW_VARIABLE
last line without an end`

var workspace = map[string]string{
	"Cargo.toml":     "[workspace]\nmembers = [\"user\", \"sys\"]\nresolver = \"2\"\n",
	"sys/Cargo.toml": "[package]\nname = \"sys\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlinks = \"nothing\"\n",
	"sys/src/lib.rs": "",
	"sys/printed":    printed,
	"sys/data/f":     "",
	"sys/build.rs": `use std::io::Write;
fn main() {
	let text = include_str!("printed").replace("OUT", &std::env::var("OUT_DIR").unwrap());
	let mut out = std::io::stdout();
	out.write_all(b"cargo:rustc-cfg=not\xfftext\n").unwrap();
	out.write_all(text.as_bytes()).unwrap();
}
`,
	"user/Cargo.toml": "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nsys = { path = \"../sys\" }\n",
	"user/src/lib.rs": "",
	"user/build.rs":   "fn main() { for (k, v) in std::env::vars() { if k.starts_with(\"DEP_\") { println!(\"{k}={v}\") } } }\n",
}

// Cargo's own reading of the output, in the messages it prints, in the
// fingerprint and in what a dependent script sees, must be that of Parse.
func TestParseReadsAsCargoDoes(t *testing.T) {
	for _, tc := range []struct {
		name, toolchain string
		args            []string
		stdout          string
	}{
		{"stable", "", nil, "debug/build/*/output"},
		{"nightly new layout", "nightly", []string{"-Zbuild-dir-new-layout"}, "debug/build/*/*/run/stdout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Log(cargotest.Require(t, tc.toolchain))
			dir := t.TempDir()
			cargotest.Write(t, dir, workspace)
			messages := cargotest.Run(t, dir, tc.toolchain, nil, append([]string{"check", "-q", "--message-format=json"}, tc.args...)...)

			target := filepath.Join(dir, "target")
			var lines, user []script.Line
			for _, path := range glob(t, filepath.Join(target, tc.stdout)) {
				data := read(t, path)
				if bytes.Contains(data, []byte("plain text")) {
					lines = script.Parse(data)
				} else {
					user = script.Parse(data)
				}
			}
			if lines == nil || user == nil {
				t.Fatal("the outputs of the scripts were not found")
			}
			compareMessage(t, lines, messages)

			seen := map[string]bool{}
			for _, l := range user {
				if l.Directive {
					t.Errorf("%q is taken for a directive", l.Raw)
				}
				seen[strings.TrimSuffix(string(l.Raw), "\n")] = true
			}
			for _, l := range lines {
				key, value, _ := strings.Cut(l.Value, "=")
				if want := "DEP_NOTHING_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_")) + "=" + value; l.Key == "metadata" && !seen[want] {
					t.Errorf("the dependent did not see %s", want)
				}
			}
			if len(seen) != 3 {
				t.Errorf("the dependent saw %v", seen)
			}

			paths := slices.Concat(glob(t, target+"/debug/.fingerprint/sys-*/run-*.json"), glob(t, target+"/debug/build/sys/*/fingerprint/run-*.json"))
			if len(paths) != 1 {
				t.Fatalf("fingerprints of the run: %q", paths)
			}
			f, err := fingerprint.Parse(read(t, paths[0]))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := script.WatchPaths(lines), f.Local[0].Paths; !slices.Equal(got, want) {
				t.Errorf("WatchPaths = %q, cargo has %q", got, want)
			}
			var variables []string
			for _, l := range lines {
				if l.Directive && l.Key == "rerun-if-env-changed" {
					variables = append(variables, l.Value)
				}
			}
			if want := []string{f.Local[1].Var}; !slices.Equal(variables, want) {
				t.Errorf("watched variables %q, cargo has %q", variables, want)
			}
		})
	}
}

func compareMessage(t *testing.T, lines []script.Line, messages []byte) {
	t.Helper()
	var m struct {
		Reason      string
		PackageID   string     `json:"package_id"`
		LinkedLibs  []string   `json:"linked_libs"`
		LinkedPaths []string   `json:"linked_paths"`
		Cfgs        []string   `json:"cfgs"`
		Env         [][]string `json:"env"`
	}
	for line := range bytes.Lines(messages) {
		if bytes.Contains(line, []byte(`"reason":"build-script-executed"`)) && bytes.Contains(line, []byte("/sys#")) {
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
		}
	}
	var env []string
	for _, pair := range m.Env {
		env = append(env, strings.Join(pair, "="))
	}
	for key, want := range map[string][]string{
		"rustc-link-lib":    m.LinkedLibs,
		"rustc-link-search": m.LinkedPaths,
		"rustc-cfg":         m.Cfgs,
		"rustc-env":         env,
	} {
		var got []string
		for _, l := range lines {
			if l.Directive && l.Key == key {
				got = append(got, l.Value)
			}
		}
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %q, cargo has %q", key, got, want)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
