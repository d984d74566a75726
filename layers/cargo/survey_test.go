package cargo

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// surveyed is a real workspace, asked through a cargo that counts its calls.
type surveyed struct {
	tool  Tool
	calls string
}

func packageNamed(name string) string {
	return "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"
}

func newSurveyed(t *testing.T, dir string) *surveyed {
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
	return surveyedIn(dir)
}

func surveyedIn(dir string) *surveyed {
	return &surveyed{
		tool:  Tool{Cargo: dir + "/cargo", Dir: dir + "/ws", Environ: append(os.Environ(), "PWD="+dir+"/ws"), Memo: dir + "/memo"},
		calls: dir + "/calls",
	}
}

func (s *surveyed) survey(t *testing.T) (answer *Survey, asked bool) {
	t.Helper()
	if err := os.RemoveAll(s.calls); err != nil {
		t.Fatal(err)
	}
	answer, err := s.tool.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(s.calls)
	return answer, err == nil
}

// changes are what may happen to a workspace, where it lies or in another checkout,
// between two questions.
var changes = []struct {
	name   string
	change func(t *testing.T, dir string, s *surveyed)
	// Whether cargo is asked again: what there is, what a build of it needs.
	survey, plan bool
}{
	{"nothing", func(*testing.T, string, *surveyed) {}, false, false},
	{"a source", writing("ws/crates/a/src/lib.rs", "pub fn f() {}"), false, false},
	{"another checkout", func(t *testing.T, dir string, s *surveyed) {
		if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
			t.Fatal(err)
		}
		s.tool.Dir = dir + "/other"
	}, false, false},
	{"a version", func(t *testing.T, dir string, s *surveyed) {
		replaceIn(t, dir+"/ws/crates/b/Cargo.toml", "0.1.0", "0.2.0")
		relock(t, dir)
	}, true, true},
	{"a dependency", func(t *testing.T, dir string, s *surveyed) {
		cargotest.Write(t, dir, map[string]string{"ws/crates/a/Cargo.toml": packageNamed("a") + "[dependencies]\nb = { path = \"../b\" }\n"})
		relock(t, dir)
	}, true, true},
	{"a feature that is on", writing("ws/crates/b/Cargo.toml", packageNamed("b")+"[features]\ndefault = [\"x\"]\nx = []\n"), true, true},
	{"an inherited value", func(t *testing.T, dir string, s *surveyed) {
		replaceIn(t, dir+"/ws/Cargo.toml", "one", "two")
	}, true, true},
	{"the resolver", func(t *testing.T, dir string, s *surveyed) {
		replaceIn(t, dir+"/ws/Cargo.toml", "resolver = \"2\"", "resolver = \"1\"")
	}, true, true},
	{"a new member", func(t *testing.T, dir string, s *surveyed) {
		if err := os.Rename(dir+"/spare", dir+"/ws/crates/c"); err != nil {
			t.Fatal(err)
		}
		relock(t, dir)
	}, true, true},
	{"a member moved", func(t *testing.T, dir string, s *surveyed) {
		if err := os.Rename(dir+"/ws/crates/a", dir+"/ws/crates/z"); err != nil {
			t.Fatal(err)
		}
	}, true, true},
	{"a new program", writing("ws/crates/a/src/bin/tool/main.rs", "fn main() {}"), true, true},
	{"a new test", writing("ws/crates/a/tests/t.rs", ""), true, true},
	{"a README", writing("ws/crates/a/README.md", "hello"), true, true},
	{"the target directory", writing("ws/.cargo/config.toml", "[build]\ntarget-dir = \"out\"\n"), true, false},
	{"the target", writing("ws/.cargo/config.toml", "[build]\ntarget = \"x86_64-unknown-linux-gnu\"\n"), true, true},
	{"an environment variable of cargo's", func(t *testing.T, dir string, s *surveyed) {
		s.tool.Environ = append(s.tool.Environ, "CARGO_TARGET_DIR="+dir+"/elsewhere")
	}, true, false},
	{"a profile", func(t *testing.T, dir string, s *surveyed) {
		s.tool.Environ = append(s.tool.Environ, "CARGO_PROFILE_DEV_OPT_LEVEL=1")
	}, true, true},
	{"the flags", func(t *testing.T, dir string, s *surveyed) {
		s.tool.Environ = append(s.tool.Environ, "RUSTFLAGS=-Copt-level=1")
	}, true, true},
	{"the compiler", func(t *testing.T, dir string, s *surveyed) {
		cargotest.Write(t, dir, map[string]string{"rustc": "#!/bin/sh\nrustc \"$@\" | sed 's/^rustc 1/rustc 2/'\n"})
		if err := os.Chmod(dir+"/rustc", 0o777); err != nil {
			t.Fatal(err)
		}
		s.tool.Environ = append(s.tool.Environ, "RUSTC="+dir+"/rustc")
	}, true, true},
	{"the toolchain", func(t *testing.T, dir string, s *surveyed) {
		cargotest.Require(t, "nightly")
		s.tool.Environ = append(s.tool.Environ, "RUSTUP_TOOLCHAIN=nightly")
	}, true, true},
	{"a manifest above", writing("Cargo.toml", "[workspace]\nmembers = []\n"), true, false},
}

func writing(name, text string) func(*testing.T, string, *surveyed) {
	return func(t *testing.T, dir string, s *surveyed) {
		cargotest.Write(t, dir, map[string]string{name: text})
	}
}

// relock makes the lockfile fit the manifests.
func relock(t *testing.T, dir string) {
	t.Helper()
	cargotest.Run(t, dir+"/ws", "", nil, "update", "--offline", "--workspace")
}

// Whatever changed, a kept answer is the one that would be given now.
func TestSurveyMemo(t *testing.T) {
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			dir := realTempDir(t)
			s := newSurveyed(t, dir)
			if _, asked := s.survey(t); !asked {
				t.Fatal("the first survey asked nobody")
			}
			tt.change(t, dir, s)
			got, asked := s.survey(t)
			if asked != tt.survey {
				t.Errorf("asked = %v, want %v", asked, tt.survey)
			}
			s.tool.Memo = ""
			want, _ := s.survey(t)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kept answer %+v, %+v; now %+v, %+v", got.Workspace, got.Toolchain, want.Workspace, want.Toolchain)
			}
		})
	}
}

// One answer serves every checkout with the same manifests.
func TestSurveyMemoServesWorktree(t *testing.T) {
	dir := realTempDir(t)
	s := newSurveyed(t, dir)
	s.survey(t)
	if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
		t.Fatal(err)
	}
	s.tool.Dir = dir + "/other"
	got, asked := s.survey(t)
	if asked {
		t.Error("the copy was asked about again")
	}
	if got.Workspace.Root != dir+"/other" || got.Workspace.BuildDir != dir+"/other/target" || len(got.Workspace.Packages) != 2 ||
		got.Workspace.Packages[0].Root != filepath.Join(dir, "other/crates/a") {
		t.Errorf("the copy is %+v", got.Workspace)
	}
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
