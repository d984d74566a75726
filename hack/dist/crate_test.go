package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// Cargo packs the crate, builds it from what it has packed, and its programs say how to get the others.
func TestCrate(t *testing.T) {
	t.Parallel()
	requires(t, "cargo")
	dir := filepath.Join(t.TempDir(), "crate")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(made(t), "crate"))); err != nil {
		t.Fatal(err)
	}
	env := project.Env("CARGO_TARGET_DIR="+filepath.Join(t.TempDir(), "target"), "CARGO_NET_OFFLINE=true")
	outputIn(t, dir, env, "cargo", "package", "--allow-dirty", "--quiet")
	listed := strings.Fields(outputIn(t, dir, env, "cargo", "package", "--list", "--allow-dirty"))
	for _, want := range []string{"Cargo.toml", "LICENSE", "README.md", "src/main.rs", "src/how.txt", "src/bin/cargo-cow-rustc.rs"} {
		if !slices.Contains(listed, want) {
			t.Errorf("the crate has no %s: %q", want, listed)
		}
	}
	for _, name := range names {
		cmd := exec.CommandContext(t.Context(), "cargo", "run", "--quiet", "--bin", name)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "help: cargo binstall cargo-cow\n") || strings.Contains(string(out), "warning") {
			t.Errorf("%s of the crate says %q, %v", name, out, err)
		}
	}
}

// Where the crate's metadata say that an archive and its programs are, they are: for the target itself that cargo
// binstall asks for on musl, and asks for second on glibc. This fills in the template as its documentation says, as that
// program itself would take minutes to be compiled.
func TestBinstall(t *testing.T) {
	t.Parallel()
	requires(t, "cargo")
	out := output(t, filepath.Join(made(t), "crate"), "cargo", "metadata", "--format-version=1", "--no-deps", "--offline")
	var metadata struct {
		Packages []struct {
			Version, Repository string
			Targets             []struct {
				Name string
				Kind []string
			}
			Metadata struct {
				Binstall map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &metadata); err != nil || len(metadata.Packages) != 1 {
		t.Fatal(err, out)
	}
	p := metadata.Packages[0]
	how := p.Metadata.Binstall
	if how["pkg-fmt"] != "tgz" || p.Version != version {
		t.Errorf("version %s, %v", p.Version, how)
	}
	var bins []string
	for _, target := range p.Targets {
		if slices.Equal(target.Kind, []string{"bin"}) {
			bins = append(bins, target.Name)
		}
	}
	slices.Sort(bins)
	if !slices.Equal(bins, names) {
		t.Errorf("the crate has the programs %q, want %q", bins, names)
	}
	for _, target := range []string{"x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"} {
		fill := func(template, bin string) string {
			return strings.NewReplacer("{ repo }", p.Repository, "{ version }", p.Version, "{ target }", target, "{ bin }", bin).Replace(template)
		}
		url := fill(how["pkg-url"], "")
		name, ok := strings.CutPrefix(url, "https://github.com/cargo-cow/cargo-cow/releases/download/v"+version+"/")
		if !ok {
			t.Fatalf("the archive for %s is at %s", target, url)
		}
		found := entries(t, filepath.Join(made(t), name))
		for _, bin := range bins {
			if found[fill(how["bin-dir"], bin)] == nil {
				t.Errorf("%s has no %s", name, fill(how["bin-dir"], bin))
			}
		}
	}
}
