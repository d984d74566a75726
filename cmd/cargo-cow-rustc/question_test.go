package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// asker asks a compiler through the wrapper.
type asker struct {
	t        *testing.T
	compiler string
	answers  string // where they are kept
	env      []string
}

func newAsker(t *testing.T) *asker {
	t.Helper()
	out, err := exec.Command("rustc", "--print=sysroot").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	return &asker{t, strings.TrimSpace(string(out)) + "/bin/rustc", cache + "/cargo-cow-answers", append(os.Environ(), "XDG_CACHE_HOME="+cache, "CARGO_COW=")}
}

// ask returns what is said, and whether it was said without an error.
func (a *asker) ask(env []string, source string, program string, args ...string) (string, bool) {
	a.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(a.env[:len(a.env):len(a.env)], env...)
	if source != "" {
		cmd.Stdin = strings.NewReader(source)
	}
	out, err := cmd.Output()
	return string(out), err == nil
}

// kept are the files with answers.
func (a *asker) kept() []string {
	files, err := filepath.Glob(a.answers + "/*")
	if err != nil {
		a.t.Fatal(err)
	}
	return files
}

// ofTarget is what cargo 1.95 asks (build_context/target_info.rs).
var ofTarget = []string{"-", "--crate-name", "___", "--print=file-names", "--crate-type", "bin", "--crate-type", "rlib", "--print=sysroot",
	"--print=split-debuginfo", "--print=crate-name", "--print=cfg", "-Wwarnings"}

// What a compiler has said to a question it is not asked again, and what it would say to another one is not guessed.
func TestQuestions(t *testing.T) {
	for name, args := range map[string][]string{"version": {"-vV"}, "target": ofTarget} {
		t.Run(name, func(t *testing.T) {
			a := newAsker(t)
			call := append([]string{a.compiler}, args...)
			want, ok := a.ask(nil, "", a.compiler, args...)
			if !ok {
				t.Fatal("the compiler does not answer")
			}
			says := func(what, want string, env []string, source string, call ...string) {
				t.Helper()
				if got, ok := a.ask(env, source, fixture.Wrapper(t), call...); !ok || got != want {
					t.Errorf("%s: it says %q, want %q", what, got, want)
				}
			}
			says("first", want, nil, "", call...)
			says("again", want, nil, "", call...)
			files := a.kept()
			if len(files) != 1 {
				t.Fatalf("kept: %q", files)
			}
			rustc.QuestionOf(call, a.env).Keep(a.answers, []byte("kept\n"))
			says("kept", "kept\n", nil, "", call...)
			says("off", want, []string{"CARGO_COW=off"}, "", call...)
			bootstrapped, _ := a.ask([]string{"RUSTC_BOOTSTRAP=1"}, "", a.compiler, args...)
			says("another variable", bootstrapped, []string{"RUSTC_BOOTSTRAP=1"}, "", call...)
			if name == "target" {
				says("a source", want, nil, "#![no_std]\n", call...)
			}
			text, err := os.ReadFile(files[0])
			if err == nil {
				err = os.WriteFile(files[0], append(text, "damaged\n"...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			says("damaged", want, nil, "", call...)
		})
	}
}

// What is no question of cargo's, or fails, is passed on and not kept.
func TestNoQuestions(t *testing.T) {
	a := newAsker(t)
	dir := t.TempDir()
	if err := os.Symlink(a.compiler, dir+"/rustc"); err != nil {
		t.Fatal(err)
	}
	script := dir + "/script"
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+a.compiler+" \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string][]string{
		"another question":  {a.compiler, "--version"},
		"a script":          {script, "-vV"},
		"this processor":    append([]string{a.compiler}, append(ofTarget, "-Ctarget-cpu=native")...),
		"into a file":       append([]string{a.compiler}, append(ofTarget, "--print=cfg=out")...),
		"an unknown target": append([]string{a.compiler}, append(ofTarget, "--target", "none-such")...),
	} {
		want, wantOK := a.ask(nil, "", call[0], call[1:]...)
		got, ok := a.ask(nil, "", fixture.Wrapper(t), call...)
		if got != want || ok != wantOK {
			t.Errorf("%s: it says %q (%v), want %q (%v)", name, got, ok, want, wantOK)
		}
		if files := a.kept(); len(files) > 0 {
			t.Errorf("%s: kept %q", name, files)
		}
		os.Remove("out")
	}
}
