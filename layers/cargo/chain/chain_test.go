package chain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestMake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "wrappers")
	program := filepath.Join(t.TempDir(), Program)
	seen := map[string]Link{}
	for _, l := range []Link{
		{Next: "sccache"},
		{Next: "sccache", Former: `"sccache"`},
		{Next: "sccache", Former: `'sccache'`},
		{Next: "/a b/\"kache\"\n\x01", Former: "'''\n/a b'''"},
		{Next: "/not\xffutf8"},
		{Former: `""`},
	} {
		path, err := l.Make(dir, program)
		if err != nil {
			t.Fatal(err)
		}
		if other, dup := seen[path]; dup {
			t.Errorf("%+v and %+v are one link", l, other)
		}
		seen[path] = l
		if to, err := os.Readlink(path); err != nil || to != program || filepath.Base(path) != Program {
			t.Errorf("link %s leads to %q, %v", path, to, err)
		}
		if got, err := Read(path); err != nil || got != l {
			t.Errorf("Read = %+v, %v, want %+v", got, err, l)
		}
		if got := Next(path); got != l.Next {
			t.Errorf("Next = %q, want %q", got, l.Next)
		}
		again, err := l.Make(dir, program+"2")
		if err != nil || again != path {
			t.Errorf("made again: %s, %v, want %s", again, err, path)
		}
		if to, err := os.Readlink(path); err != nil || to != program+"2" {
			t.Errorf("made again for another program it leads to %q, %v", to, err)
		}
	}
}

func TestNextOfNoLink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Program)
	for _, argv0 := range []string{"", Program, path, "./" + Program, filepath.Join(dir, "gone", Program)} {
		if next := Next(argv0); next != "" {
			t.Errorf("Next(%q) = %q", argv0, next)
		}
	}
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of no link: %v", err)
	}
	for _, text := range []string{"", "next \"x\"\n", noteHead, noteHead + "next x\n", noteHead + "next \"x\"", noteHead + "former x\n", "cargo-cow wrapper 2\nnext \"x\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, noteName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if next := Next(path); next != "" {
			t.Errorf("Next with note %q = %q", text, next)
		}
	}
}

// Whoever comes first, the link is whole for all.
func TestMakeAtOnce(t *testing.T) {
	dir := t.TempDir()
	l := Link{Next: "/usr/bin/sccache", Former: `"sccache"`}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := l.Make(dir, "/bin/true")
			if err != nil {
				t.Error(err)
			}
			if got, err := Read(path); err != nil || got != l {
				t.Errorf("Read = %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add(Link{Next: "a", Former: "b"}.text())
	f.Add(noteHead + "next \"\\x00\"\nlater 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, ok := parse(text)
		if !ok {
			return
		}
		if again, ok := parse(l.text()); !ok || again != l {
			t.Errorf("%q: read %+v, written and read again %+v, %v", text, l, again, ok)
		}
	})
}
