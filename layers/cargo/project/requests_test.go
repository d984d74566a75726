package project

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// What a checkout requests does not depend on where it lies or on what only its
// own packages see, and does on features, dependencies, resolver and the
// lockfile's edges; also when cargo's answer was kept.
func TestRequested(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	base := map[string]string{
		"Cargo.toml": "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n",
		"a/Cargo.toml": "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" +
			"[features]\nx = []\n[dependencies]\nb = { path = \"../b\" }\nserde = \"1\"\n",
		"a/src/lib.rs": "",
		"b/Cargo.toml": "[package]\nname = \"b\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"b/src/lib.rs": "",
		"Cargo.lock": "version = 4\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\"b\", \"serde\"]\n" +
			"[[package]]\nname = \"b\"\nversion = \"0.1.0\"\n" +
			"[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nsource = \"registry+https://example.org/index\"\n",
	}
	memo := t.TempDir()
	requested := func(t *testing.T, change map[string]string) string {
		dir := cargotest.RealTempDir(t)
		files := maps.Clone(base)
		maps.Copy(files, change)
		cargotest.Write(t, dir, files)
		tool := Tool{Cargo: "cargo", Dir: dir, Environ: os.Environ(), Memo: memo}
		var said [2]string
		for i := range said {
			s, err := tool.Ask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			said[i] = s.Workspace.Requested()
		}
		if said[0] != said[1] {
			t.Errorf("asked: %s, kept: %s", said[0], said[1])
		}
		return said[0]
	}
	want := requested(t, nil)
	if kept, _ := filepath.Glob(filepath.Join(memo, "*.json")); len(kept) != 1 {
		t.Errorf("kept answers %q", kept)
	}
	for name, tt := range map[string]struct {
		file, text string
		same       bool
	}{
		"nothing":  {"README.md", "", true},
		"source":   {"a/src/lib.rs", "pub fn f() {}", true},
		"version":  {"b/Cargo.toml", "[package]\nname = \"b\"\nversion = \"0.2.0\"\nedition = \"2021\"\n", true},
		"edition":  {"b/Cargo.toml", "[package]\nname = \"b\"\nversion = \"0.1.0\"\nedition = \"2018\"\n", false},
		"resolver": {"Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"1\"\n", false},
		"features": {"b/Cargo.toml", base["b/Cargo.toml"] + "[features]\nx = []\n", false},
		"feature of a dependency": {"a/Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" +
			"[features]\nx = []\n[dependencies]\nb = { path = \"../b\" }\nserde = { version = \"1\", features = [\"derive\"] }\n", false},
		"edges": {"Cargo.lock", base["Cargo.lock"] + "dependencies = [\"serde_derive\"]\n" +
			"[[package]]\nname = \"serde_derive\"\nversion = \"1.0.1\"\nsource = \"registry+https://example.org/index\"\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := requested(t, map[string]string{tt.file: tt.text}); (got == want) != tt.same {
				t.Errorf("as without the change: %t, want %t", got == want, tt.same)
			}
		})
	}
}
