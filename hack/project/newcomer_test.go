package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDependencies(t *testing.T) {
	const manifest = `# by cargo
[package]
edition = "2018"
name = "p"
resolver = "2"

[profile.release]
lto = true

[[bin]]
name = "p"

[dependencies.a-b]
version = "1"
features = [
    "x",
]

[dependencies.c]
version = "1"

[dependencies.d]
version = "1"
optional = true

[dev-dependencies.e]
version = "1"

[build-dependencies.f]
version = "1"

[features]
default = []

[target."cfg(unix)".dependencies.g]
version = "1"

[target."cfg(unix)".dev-dependencies.h]
version = "1"

[lints.clippy]
x = "deny"
`
	sections, names := dependencies(manifest, "c")
	if want := []string{"a-b", "d"}; !slices.Equal(names, want[:1]) {
		t.Errorf("it uses %q, want %q", names, want[:1])
	}
	// Without them clap lacks a feature that a dependency of its own asks for.
	if lines := unification(manifest); lines != "edition = \"2018\"\nresolver = \"2\"\n" {
		t.Errorf("features are unified by %q", lines)
	}
	var headers []string
	for line := range strings.Lines(sections) {
		if strings.HasPrefix(line, "[") {
			headers = append(headers, strings.TrimSpace(line))
		}
	}
	want := []string{"[profile.release]", "[dependencies.a-b]", "[dependencies.d]", "[dev-dependencies.e]", "[build-dependencies.f]", "[features]",
		`[target."cfg(unix)".dependencies.g]`, `[target."cfg(unix)".dev-dependencies.h]`}
	if !slices.Equal(headers, want) {
		t.Errorf("its manifest has %q, want %q", headers, want)
	}
	if !strings.Contains(sections, "features = [\n    \"x\",\n]\n") {
		t.Errorf("features are lost:\n%s", sections)
	}
}

// Its lockfile is whole, and has the versions of the project's.
func TestNewcomer(t *testing.T) {
	if testing.Short() {
		t.Skip("asks cargo about a published project")
	}
	top := t.TempDir()
	origin, dir := filepath.Join(top, "origin"), filepath.Join(top, "newcomer")
	if err := Fetch(t.Context(), Demo, origin); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), origin, Env(), "cargo", "fetch", "--locked", "--quiet"); err != nil {
		t.Fatal(err)
	}
	if err := Newcomer(t.Context(), origin, "newcomer", "similar", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, Env(), "cargo", "metadata", "--locked", "--offline", "--format-version=1"); err != nil {
		t.Error(err)
	}
	packages := func(dir string) []string {
		text, err := os.ReadFile(filepath.Join(dir, "Cargo.lock"))
		if err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, p := range strings.Split(string(text), "[[package]]\n")[1:] {
			name, rest, _ := strings.Cut(p, "\n")
			version, _, _ := strings.Cut(rest, "\n")
			of = append(of, name+" "+version)
		}
		return of
	}
	theirs := packages(origin)
	for _, p := range packages(dir) {
		if !slices.Contains(theirs, p) && !strings.HasPrefix(p, `name = "newcomer"`) {
			t.Errorf("%s is not in the project's lockfile", p)
		}
	}
	if slices.ContainsFunc(packages(dir), func(p string) bool { return strings.HasPrefix(p, `name = "similar"`) }) {
		t.Error("it has the dependency that it goes without")
	}
}
