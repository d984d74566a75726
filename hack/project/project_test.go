package project

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := Fetch(t.Context(), Demo, dir); err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "Cargo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`name = "` + Demo.Name + `"`, `version = "` + Demo.Version + `"`} {
		if !strings.Contains(string(manifest), line) {
			t.Errorf("the fetched Cargo.toml does not say %s", line)
		}
	}
	if status := git(t, dir, "status", "--porcelain", "--ignored"); status != "" {
		t.Errorf("git status of a fetched project: %q, want nothing", status)
	}
	if log := git(t, dir, "log", "--format=%s"); log != "Publish "+Demo.String()+"\n" {
		t.Errorf("git log of a fetched project: %q, want one commit", log)
	}
	if err := Git(t.Context(), dir, "check-ignore", "--quiet", "target"); err != nil {
		t.Errorf("target is not ignored: %v", err)
	}
}

func TestFetchWithoutLockfile(t *testing.T) {
	home := t.TempDir()
	source := filepath.Join(home, "registry", "src", "somewhere-0123456789abcdef", "lib-1.0.0")
	if err := os.MkdirAll(source, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, ".cargo-ok"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CARGO_HOME", home)
	err := Fetch(t.Context(), Crate{"lib", "1.0.0"}, filepath.Join(t.TempDir(), "lib"))
	if !errors.Is(err, ErrNoLockfile) {
		t.Errorf("Fetch of a library = %v, want ErrNoLockfile", err)
	}
}

// The workspace shows what it is there to show: every kind of target, and rebuilds that go to the dependents and no further.
func TestWorkspace(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a workspace")
	}
	dir := filepath.Join(t.TempDir(), "workspace")
	if err := Workspace(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	built, err := Cargo(t.Context(), dir, nil, "test", "--no-run", "--locked", "--workspace")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"derive proc-macro derive", "tables custom-build build-script-build", "serde_core custom-build build-script-build",
		"app example shout", "app test describe", "app bin app", "units test units",
	} {
		if !slices.ContainsFunc(built.Compiled(), func(u Unit) bool { return u.String() == want }) {
			t.Errorf("the first build did not compile %q, only %v", want, built.Compiled())
		}
	}
	again, err := Cargo(t.Context(), dir, nil, "test", "--no-run", "--locked", "--workspace")
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Compiled()) != 0 || len(again.Units) != len(built.Units) {
		t.Errorf("the second build compiled %v and reported %d units of %d", again.Compiled(), len(again.Units), len(built.Units))
	}
	if status := git(t, dir, "status", "--porcelain"); status != "" {
		t.Errorf("git status after a build: %q, want nothing", status)
	}

	out, err := Run(t.Context(), dir, Env(), "cargo", "run", "--quiet", "--package", "app")
	if err != nil || string(out) != "Tree spruce 36.6 m\n" {
		t.Errorf("cargo run printed %q, %v", out, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tables", "trees.txt"), []byte("oak 50\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	edited, err := Cargo(t.Context(), dir, nil, "test", "--no-run", "--locked", "--workspace")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range edited.Compiled() {
		if !slices.Contains([]string{"tables", "model", "app"}, u.Package) {
			t.Errorf("an edit of trees.txt compiled %s", u)
		}
	}
	if out, err := exec.Command(filepath.Join(dir, "target/debug/app")).Output(); err != nil || string(out) != "Tree oak 15.2 m\n" {
		t.Errorf("the program built after an edit of trees.txt printed %q, %v", out, err)
	}
}

func TestParseUnits(t *testing.T) {
	const messages = `{"reason":"compiler-artifact","package_id":"registry+https://example.invalid/index#serde@1.0.229","target":{"name":"serde","kind":["lib"]},"profile":{"test":false},"fresh":true}
{"reason":"compiler-artifact","package_id":"path+file:///src/app#0.1.0","target":{"name":"app","kind":["bin"]},"profile":{"test":true},"fresh":false}
{"reason":"build-script-executed","package_id":"path+file:///src/app#0.1.0"}
hello from a build
{"reason":"build-finished","success":true}
`
	got, err := parseUnits([]byte(messages))
	if err != nil {
		t.Fatal(err)
	}
	want := []Unit{{"serde", "serde", "lib", true}, {"app", "app", "test", false}}
	if !slices.Equal(got, want) {
		t.Errorf("parseUnits = %+v, want %+v", got, want)
	}
}

func TestEnv(t *testing.T) {
	t.Setenv("CARGO_TARGET_DIR", "/elsewhere")
	t.Setenv("GIT_DIR", "/elsewhere")
	t.Setenv("CARGO_HOME", "/home/cargo")
	env := Env("X=1")
	for _, kv := range []string{"CARGO_TARGET_DIR=/elsewhere", "GIT_DIR=/elsewhere"} {
		if slices.Contains(env, kv) {
			t.Errorf("Env keeps %s", kv)
		}
	}
	for _, kv := range []string{"CARGO_HOME=/home/cargo", "X=1", "GIT_CONFIG_GLOBAL=/dev/null"} {
		if !slices.Contains(env, kv) {
			t.Errorf("Env lacks %s", kv)
		}
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := Run(t.Context(), dir, Env(), "git", args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
