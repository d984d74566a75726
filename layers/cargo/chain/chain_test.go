package chain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

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
		if err := os.WriteFile(filepath.Join(dir, NoteName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if next := Next(path); next != "" {
			t.Errorf("Next with note %q = %q", text, next)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Link{Next: "a", Former: "b"}.Text())
	f.Add(noteHead + "next \"\\x00\"\nlater 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, ok := Parse(text)
		if !ok {
			return
		}
		if again, ok := Parse(l.Text()); !ok || again != l {
			t.Errorf("%q: read %+v, written and read again %+v, %v", text, l, again, ok)
		}
	})
}
