// Package projecttest makes a small workspace, and a cargo that counts its calls, for tests of what is
// asked of cargo and what is remembered. Its functions may be called from parallel tests.
package projecttest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// Project is a real workspace, asked through a cargo that counts its calls.
type Project struct {
	Tool  project.Tool
	Calls string // file to which that cargo adds a line for each call
}

func packageNamed(name string) string {
	return "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"
}

// New makes the workspace in dir.
func New(t *testing.T, dir string) *Project {
	t.Helper()
	cargotest.Require(t, "")
	real, err := exec.LookPath("cargo")
	if err != nil {
		t.Fatal(err)
	}
	cargotest.Write(t, dir, map[string]string{
		"ws/Cargo.toml":          "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n[workspace.package]\nauthors = [\"one\"]\n",
		"ws/crates/a/Cargo.toml": packageNamed("a") + "authors.workspace = true\n",
		"ws/crates/a/src/lib.rs": "",
		"ws/crates/b/Cargo.toml": packageNamed("b"),
		"ws/crates/b/src/lib.rs": "",
		"spare/Cargo.toml":       packageNamed("c"),
		"spare/src/lib.rs":       "",
		"cargo":                  "#!/bin/sh\necho \"$1\" >> \"${0%/*}/calls\"\nexec " + real + " \"$@\"\n",
	})
	if err := os.Chmod(dir+"/cargo", 0o777); err != nil {
		t.Fatal(err)
	}
	cargotest.Run(t, dir+"/ws", "", nil, "generate-lockfile", "--offline")
	return At(dir)
}

// At returns the workspace that New has made in dir, or a copy of it there.
func At(dir string) *Project {
	return &Project{
		Tool:  project.Tool{Cargo: dir + "/cargo", Dir: dir + "/ws", Environ: append(os.Environ(), "PWD="+dir+"/ws"), Memo: dir + "/memo"},
		Calls: dir + "/calls",
	}
}

// Ask asks what cargo says of the workspace, and tells whether cargo was called for it.
func (s *Project) Ask(t *testing.T) (answer *project.Answers, asked bool) {
	t.Helper()
	if err := os.RemoveAll(s.Calls); err != nil {
		t.Fatal(err)
	}
	answer, err := s.Tool.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(s.Calls)
	return answer, err == nil
}

// Changes are what may happen to a workspace, where it lies or in another checkout,
// between two questions.
var Changes = []struct {
	Name   string
	Change func(t *testing.T, dir string, s *Project)
	Ask    bool // whether cargo has to be asked again what there is
	Plan   bool // whether it has to be asked again what a build needs
}{
	{"nothing", func(*testing.T, string, *Project) {}, false, false},
	{"a source", writing("ws/crates/a/src/lib.rs", "pub fn f() {}"), false, false},
	{"another checkout", func(t *testing.T, dir string, s *Project) {
		if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
			t.Fatal(err)
		}
		s.Tool.Dir = dir + "/other"
	}, false, false},
	{"a version", func(t *testing.T, dir string, s *Project) {
		replaceIn(t, dir+"/ws/crates/b/Cargo.toml", "0.1.0", "0.2.0")
		relock(t, dir)
	}, true, true},
	{"a dependency", func(t *testing.T, dir string, s *Project) {
		cargotest.Write(t, dir, map[string]string{"ws/crates/a/Cargo.toml": packageNamed("a") + "[dependencies]\nb = { path = \"../b\" }\n"})
		relock(t, dir)
	}, true, true},
	{"a feature that is on", writing("ws/crates/b/Cargo.toml", packageNamed("b")+"[features]\ndefault = [\"x\"]\nx = []\n"), true, true},
	{"an inherited value", func(t *testing.T, dir string, s *Project) {
		replaceIn(t, dir+"/ws/Cargo.toml", "one", "two")
	}, true, true},
	{"the resolver", func(t *testing.T, dir string, s *Project) {
		replaceIn(t, dir+"/ws/Cargo.toml", "resolver = \"2\"", "resolver = \"1\"")
	}, true, true},
	{"a new member", func(t *testing.T, dir string, s *Project) {
		if err := os.Rename(dir+"/spare", dir+"/ws/crates/c"); err != nil {
			t.Fatal(err)
		}
		relock(t, dir)
	}, true, true},
	{"a member moved", func(t *testing.T, dir string, s *Project) {
		if err := os.Rename(dir+"/ws/crates/a", dir+"/ws/crates/z"); err != nil {
			t.Fatal(err)
		}
	}, true, true},
	{"a new program", writing("ws/crates/a/src/bin/tool/main.rs", "fn main() {}"), true, true},
	{"a new test", writing("ws/crates/a/tests/t.rs", ""), true, true},
	{"a README", writing("ws/crates/a/README.md", "hello"), true, true},
	{"the target directory", writing("ws/.cargo/config.toml", "[build]\ntarget-dir = \"out\"\n"), true, false},
	{"the target", writing("ws/.cargo/config.toml", "[build]\ntarget = \"x86_64-unknown-linux-gnu\"\n"), true, true},
	{"an environment variable of cargo's", func(t *testing.T, dir string, s *Project) {
		s.Tool.Environ = append(s.Tool.Environ, "CARGO_TARGET_DIR="+dir+"/elsewhere")
	}, true, false},
	{"a profile", func(t *testing.T, dir string, s *Project) {
		s.Tool.Environ = append(s.Tool.Environ, "CARGO_PROFILE_DEV_OPT_LEVEL=1")
	}, true, true},
	{"the flags", func(t *testing.T, dir string, s *Project) {
		s.Tool.Environ = append(s.Tool.Environ, "RUSTFLAGS=-Copt-level=1")
	}, true, true},
	{"the compiler", func(t *testing.T, dir string, s *Project) {
		cargotest.Write(t, dir, map[string]string{"rustc": "#!/bin/sh\nrustc \"$@\" | sed 's/^rustc 1/rustc 2/'\n"})
		if err := os.Chmod(dir+"/rustc", 0o777); err != nil {
			t.Fatal(err)
		}
		s.Tool.Environ = append(s.Tool.Environ, "RUSTC="+dir+"/rustc")
	}, true, true},
	{"the toolchain", func(t *testing.T, dir string, s *Project) {
		cargotest.Require(t, "nightly")
		s.Tool.Environ = append(s.Tool.Environ, "RUSTUP_TOOLCHAIN=nightly")
	}, true, true},
	{"a manifest above", writing("Cargo.toml", "[workspace]\nmembers = []\n"), true, false},
}

func writing(name, text string) func(*testing.T, string, *Project) {
	return func(t *testing.T, dir string, s *Project) {
		cargotest.Write(t, dir, map[string]string{name: text})
	}
}

// relock makes the lockfile fit the manifests.
func relock(t *testing.T, dir string) {
	t.Helper()
	cargotest.Run(t, dir+"/ws", "", nil, "update", "--offline", "--workspace")
}

func replaceIn(t *testing.T, path, old, new string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), old) {
		t.Fatalf("%s holds no %q: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), old, new)), 0o666); err != nil {
		t.Fatal(err)
	}
}
