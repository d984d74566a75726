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

func newSurveyed(t *testing.T, dir string) *surveyed {
	t.Helper()
	cargotest.Require(t, "")
	real, err := exec.LookPath("cargo")
	if err != nil {
		t.Fatal(err)
	}
	package_ := func(name string) string {
		return "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"
	}
	cargotest.Write(t, dir, map[string]string{
		"ws/Cargo.toml":          "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n[workspace.package]\nauthors = [\"one\"]\n",
		"ws/crates/a/Cargo.toml": package_("a") + "authors.workspace = true\n",
		"ws/crates/a/src/lib.rs": "",
		"ws/crates/b/Cargo.toml": package_("b"),
		"ws/crates/b/src/lib.rs": "",
		"spare/Cargo.toml":       package_("c"),
		"spare/src/lib.rs":       "",
		"cargo":                  "#!/bin/sh\necho \"$1\" >> " + dir + "/calls\nexec " + real + " \"$@\"\n",
	})
	if err := os.Chmod(dir+"/cargo", 0o777); err != nil {
		t.Fatal(err)
	}
	cargotest.Run(t, dir+"/ws", "", nil, "generate-lockfile", "--offline")
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

// Whatever changed, a kept answer is the one that would be given now.
func TestSurveyMemo(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, dir string, s *surveyed)
		asks   bool
	}{
		{"nothing", func(*testing.T, string, *surveyed) {}, false},
		{"a source", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"ws/crates/a/src/lib.rs": "pub fn f() {}"})
		}, false},
		{"a version", func(t *testing.T, dir string, s *surveyed) {
			replaceIn(t, dir+"/ws/crates/b/Cargo.toml", "0.1.0", "0.2.0")
			cargotest.Run(t, dir+"/ws", "", nil, "update", "--offline", "--workspace")
		}, true},
		{"an inherited value", func(t *testing.T, dir string, s *surveyed) {
			replaceIn(t, dir+"/ws/Cargo.toml", "one", "two")
		}, true},
		{"a new member", func(t *testing.T, dir string, s *surveyed) {
			if err := os.Rename(dir+"/spare", dir+"/ws/crates/c"); err != nil {
				t.Fatal(err)
			}
			cargotest.Run(t, dir+"/ws", "", nil, "update", "--offline", "--workspace")
		}, true},
		{"a new program", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"ws/crates/a/src/bin/tool/main.rs": "fn main() {}"})
		}, true},
		{"a README", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"ws/crates/a/README.md": "hello"})
		}, true},
		{"the target directory", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"ws/.cargo/config.toml": "[build]\ntarget-dir = \"out\"\n"})
		}, true},
		{"an environment variable of cargo's", func(t *testing.T, dir string, s *surveyed) {
			s.tool.Environ = append(s.tool.Environ, "CARGO_TARGET_DIR="+dir+"/elsewhere")
		}, true},
		{"the compiler", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"rustc": "#!/bin/sh\necho rustc 0.0.1\n"})
			if err := os.Chmod(dir+"/rustc", 0o777); err != nil {
				t.Fatal(err)
			}
			s.tool.Environ = append(s.tool.Environ, "RUSTC="+dir+"/rustc")
		}, true},
		{"a manifest above", func(t *testing.T, dir string, s *surveyed) {
			cargotest.Write(t, dir, map[string]string{"Cargo.toml": "[workspace]\nmembers = []\n"})
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := realTempDir(t)
			s := newSurveyed(t, dir)
			if _, asked := s.survey(t); !asked {
				t.Fatal("the first survey asked nobody")
			}
			tt.change(t, dir, s)
			got, asked := s.survey(t)
			if asked != tt.asks {
				t.Errorf("asked = %v, want %v", asked, tt.asks)
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
