package handoff

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

var whole = Handoff{
	Root:     "/b/space in it/rust",
	Checkout: "/b/space in it",
	Build:    []string{"/b/space in it/rust/target", "/real/\xff\"target\\"},
	Git:      Git{Dir: "/a/.git/worktrees/b", Common: "/a/.git"},
	Plain:    []string{"odd"},
	Origins: []Origin{
		{Root: "/a/rust", Build: []string{"/a/rust/target", "/link/target"}},
		{Root: "/c"},
	},
}

func TestRoundTrip(t *testing.T) {
	for name, p := range map[string]Handoff{
		"whole":    whole,
		"smallest": {Root: "/b", Checkout: "/b", Build: []string{"/t"}},
	} {
		dir := t.TempDir()
		if err := p.Write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(*got, p) {
			t.Errorf("%s: read %+v, written %+v", name, *got, p)
		}
		names, err := os.ReadDir(filepath.Join(dir, ".cargo-cow"))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if n.Name() != "place" && n.Name() != "git" && n.Name() != "gitfile" {
				t.Errorf("%s: %s is left behind", name, n.Name())
			}
		}
	}
}

// The file that stands for the checkout's .git leads to where the repository will
// be seen, and goes when the next checkout needs none.
func TestGitFile(t *testing.T) {
	dir := t.TempDir()
	if err := whole.Write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, GitFile))
	if want := "gitdir: /b/space in it/rust/target/.cargo-cow/git/worktrees/b\n"; err != nil || string(text) != want {
		t.Errorf("git file %q, %v; want %q", text, err, want)
	}
	if info, err := os.Stat(filepath.Join(dir, GitDir)); err != nil || !info.IsDir() {
		t.Errorf("nowhere to show the repository: %v", err)
	}
	p := Handoff{Root: "/b", Build: []string{"/b/target"}}
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, GitFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("git file of the place before: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, p := range map[string]Handoff{
		"no root":         {Build: []string{"/t"}},
		"no build":        {Root: "/b"},
		"relative":        {Root: "b", Build: []string{"/t"}},
		"unclean":         {Root: "/b/../c", Build: []string{"/t"}},
		"everything":      {Root: "/", Build: []string{"/t"}},
		"newline":         {Root: "/b\n", Build: []string{"/t"}},
		"root outside":    {Root: "/b", Checkout: "/bc", Build: []string{"/t"}},
		"nameless crate":  {Root: "/b", Build: []string{"/t"}, Plain: []string{""}},
		"relative origin": {Root: "/b", Build: []string{"/t"}, Origins: []Origin{{Root: "a"}}},
	} {
		dir := t.TempDir()
		if err := p.Write(dir); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
		if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: read: %v, want that nothing is there", name, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	const good = header + "\nroot \"/b\"\nbuild \"/b/target\"\n"
	for name, text := range map[string]string{
		"empty":           "",
		"another form":    "cargo-cow place 2\nroot \"/b\"\nbuild \"/b/target\"\n",
		"torn":            good[:len(good)-3],
		"no last newline": good[:len(good)-1],
		"unknown key":     good + "colour \"/red\"\n",
		"empty line":      good + "\n",
		"twice":           good + "root \"/c\"\n",
		"two values":      good + "build \"/b\" \"/c\"\n",
		"no quotes":       good + "build /b\n",
		"backquotes":      good + "build `/b`\n",
		"made of none":    good + "made \"/b\"\n",
		"git alone":       good + "git \"/b\"\n",
		"rest":            good + "build \"/b\"x\n",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, paths.TreeHandoff)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if p, err := Read(dir); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %+v, %v; want ErrFormat", name, p, err)
		}
	}
	if p, err := parse(good); err != nil || p.Checkout != "/b" {
		t.Errorf("%+v, %v; the checkout is the root if nothing else is said", p, err)
	}
}

func TestReadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, paths.TreeHandoff), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); !errors.Is(err, ErrFormat) {
		t.Errorf("error %v, want ErrFormat", err)
	}
}

func TestUnavailable(t *testing.T) {
	dir := t.TempDir()
	for _, why := range []string{"", "gone", "gone", "forbidden", ""} {
		SetUnavailable(dir, why)
		if got := Unavailable(dir); got != why {
			t.Errorf("noted %q, want %q", got, why)
		}
	}
}

// What is accepted says the same when it is written again, and nothing in it could
// be taken for something else.
func FuzzParse(f *testing.F) {
	text, err := whole.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(header + "\nroot \"/b\"\nbuild \"/t\"\norigin \"/a\"\nmade \"/a/t\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v is not ErrFormat", err)
			}
			return
		}
		for _, path := range append([]string{p.Root, p.Checkout}, p.Build...) {
			if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsAny(path, "\n\x00") {
				t.Fatalf("accepts path %q", path)
			}
		}
		again, err := p.encode()
		if err != nil {
			t.Fatalf("not written again: %v", err)
		}
		q, err := parse(again)
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v became %+v, %v", p, q, err)
		}
	})
}
