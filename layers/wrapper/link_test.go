package wrapper

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
)

func TestMakeLink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "wrappers")
	program := filepath.Join(t.TempDir(), Program)
	seen := map[string]chain.Link{}
	for _, l := range []chain.Link{
		{Next: "sccache"},
		{Next: "sccache", Former: `"sccache"`},
		{Next: "sccache", Former: `'sccache'`},
		{Next: "/a b/\"kache\"\n\x01", Former: "'''\n/a b'''"},
		{Next: "/not\xffutf8"},
		{Former: `""`},
	} {
		path, err := MakeLink(l, dir, program)
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
		if got, err := chain.Read(path); err != nil || got != l {
			t.Errorf("Read = %+v, %v, want %+v", got, err, l)
		}
		if got := chain.Next(path); got != l.Next {
			t.Errorf("Next = %q, want %q", got, l.Next)
		}
		again, err := MakeLink(l, dir, program+"2")
		if err != nil || again != path {
			t.Errorf("made again: %s, %v, want %s", again, err, path)
		}
		if to, err := os.Readlink(path); err != nil || to != program+"2" {
			t.Errorf("made again for another program it leads to %q, %v", to, err)
		}
	}
}

// Whoever comes first, the link is whole for all.
func TestMakeLinkAtOnce(t *testing.T) {
	dir := t.TempDir()
	l := chain.Link{Next: "/usr/bin/sccache", Former: `"sccache"`}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := MakeLink(l, dir, "/bin/true")
			if err != nil {
				t.Error(err)
			}
			if got, err := chain.Read(path); err != nil || got != l {
				t.Errorf("Read = %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
}
