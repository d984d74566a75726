package forks

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func fork(name string) Fork {
	return Fork{Name: name, Path: "/w/" + name, Branch: Branches + "x", Base: strings.Repeat("a", 40), Made: time.Unix(1, 0).UTC()}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A fork is known from the moment it is claimed until it is forgotten, in the order of
// numbers, and only one has it at a time.
func TestClaims(t *testing.T) {
	r := In(t.TempDir())
	var last *Claim
	for _, name := range []string{"a-10", "a-9", "b-1", "it's a"} {
		if r.Taken(name) {
			t.Errorf("%s is taken before", name)
		}
		c, err := r.Claim(fork(name))
		must(t, err)
		if !r.Taken(name) {
			t.Errorf("%s is not taken", name)
		}
		last = c
	}
	all, err := r.List()
	must(t, err)
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, ","); got != "a-9,a-10,b-1,it's a" {
		t.Errorf("listed %s", got)
	}
	if all[3] != last.Fork {
		t.Errorf("noted %+v, read %+v", last.Fork, all[3])
	}
	if _, err := r.Take(last.Fork); !errors.Is(err, ErrHeld) {
		t.Errorf("taken twice: %v", err)
	}
	must(t, last.Release())
	c, err := r.Take(last.Fork)
	must(t, err)
	must(t, c.Forget())
	if r.Taken(last.Name) {
		t.Error("it is not forgotten")
	}
}

// Who locks puts away what one who was killed was writing.
func TestLockTidies(t *testing.T) {
	r := In(t.TempDir())
	c, err := r.Claim(fork("a-1"))
	must(t, err)
	must(t, c.Release())
	left := filepath.Join(r.dir(), paths.TempPrefix+"x")
	must(t, os.WriteFile(left, nil, 0o666))
	unlock, err := r.Lock(t.Context(), nil)
	must(t, err)
	if _, err := os.Lstat(left); err == nil {
		t.Error("it is left")
	}
	if !r.Taken("a-1") {
		t.Error("a note is gone, too")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Lock(ctx, nil); err == nil {
		t.Error("locked twice")
	}
	must(t, unlock())
}

func TestMarks(t *testing.T) {
	r, gitDir := In(t.TempDir()), t.TempDir()
	c, err := r.Claim(fork("a b"))
	must(t, err)
	if name, _ := Marked(gitDir); name != "" {
		t.Errorf("marked %q before", name)
	}
	must(t, c.Mark(gitDir))
	if name, whole := Marked(gitDir); name != "a b" || whole {
		t.Errorf("marked %q, whole %v", name, whole)
	}
	must(t, c.MarkWhole(gitDir))
	if name, whole := Marked(gitDir); name != "a b" || !whole {
		t.Errorf("marked %q, whole %v", name, whole)
	}
}

// A note that this program has not written names no branch and no base that would be taken
// for something else.
func TestStrangeNotes(t *testing.T) {
	for what, change := range map[string]func(f *Fork){
		"branch":    func(f *Fork) { f.Branch = "refs/heads/main" },
		"base":      func(f *Fork) { f.Base = "--all" },
		"no base":   func(f *Fork) { f.Base = "" },
		"path":      func(f *Fork) { f.Path = "w" },
		"name":      func(f *Fork) { f.Name = "../a" },
		"dot":       func(f *Fork) { f.Name = ".." },
		"option":    func(f *Fork) { f.Name = "-f" },
		"two lines": func(f *Fork) { f.Name = "a\nb" },
	} {
		f := fork("a")
		change(&f)
		text, err := json.Marshal(f)
		must(t, err)
		if _, ok := parse(text); ok {
			t.Errorf("%s: %s is taken for a note", what, text)
		}
		if _, err := In(t.TempDir()).Claim(f); err == nil {
			t.Errorf("%s: it is claimed", what)
		}
	}
}

func TestIsUnmade(t *testing.T) {
	dir := t.TempDir()
	if IsUnmade(dir) {
		t.Error("an empty directory is somebody's")
	}
	must(t, os.WriteFile(filepath.Join(dir, ".git"), nil, 0o666))
	if !IsUnmade(dir) || !IsUnmade(filepath.Join(dir, "nothing")) {
		t.Error("git's file alone, or nothing, is a fork that is not made yet")
	}
	must(t, os.WriteFile(filepath.Join(dir, "note"), nil, 0o666))
	if IsUnmade(dir) {
		t.Error("there is a file in it")
	}
}

func FuzzParse(f *testing.F) {
	text, _ := json.Marshal(fork("a-1"))
	f.Add(text)
	f.Add([]byte("a-1\nwhole\n"))
	f.Add([]byte(`{"name":"a","path":"/","branch":"refs/heads/fork/","base":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, ok := parse(text); ok {
			again, err := json.Marshal(n)
			if m, ok := parse(again); err != nil || !ok || m.Name != n.Name || !strings.HasPrefix(n.Branch, Branches) && n.Branch != "" {
				t.Errorf("%q is %+v, and then %+v", text, n, m)
			}
		}
		if name, _ := parseMark(string(text)); name != "" && CheckName(name) != nil {
			t.Errorf("%q names %q", text, name)
		}
	})
}
