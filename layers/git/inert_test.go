package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzSwitchedOff(f *testing.F) {
	f.Add("local\x00filter.x.clean\x00global\x00filter.lfs.process\x00worktree\x00filter.y.required\x00")
	f.Add("local\x00filter.a=b.clean\x00")
	f.Add("local")
	f.Add("\x00\x00\x00")
	f.Fuzz(func(t *testing.T, pairs string) {
		options, ok := switchedOff(pairs)
		if !ok && len(options) > 0 || len(options)%2 != 0 {
			t.Fatalf("%q: %q, %v", pairs, options, ok)
		}
		for i := 0; i < len(options); i += 2 {
			if key, value, _ := strings.Cut(options[i+1], "="); options[i] != "-c" || value != "" && value != "false" || strings.Contains(key, "\n") {
				t.Errorf("%q: the option %q", pairs, options[i+1])
			}
		}
	})
}

func FuzzBuilt(f *testing.F) {
	f.Add("all\ntarget\n/abs/target\n")
	f.Add("some\n")
	f.Add("some\n//7\ntarget\n//8\n")
	f.Add("all\n../../x\n\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Checkout{Root: "/w", GitDir: t.TempDir(), CommonDir: t.TempDir()}
		path := filepath.Join(c.GitDir, "cargo-cow/built")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		b := c.Built()
		if b.All {
			t.Error("there was no init, and all is said to be built")
		}
		if err := c.NoteBuilt(false, "/w/target"); err != nil {
			t.Fatal(err)
		}
		if again := c.Built(); !c.Had(again, "/w/target") || len(again.Dirs) > len(b.Dirs)+1 {
			t.Errorf("%q: noted, and read again as %q", text, again.Dirs)
		}
	})
}

// What is written beside a hook is not written through a link that a commit brought.
func TestReplaceFileIsNotLedAway(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "post-checkout")
	if err := os.Symlink(outside, path+".cargo-cow-tmp"); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, "new", 0o755, true); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "precious" {
		t.Errorf("outside is now %q, %v", b, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "new" {
		t.Errorf("the file is %q, %v", b, err)
	}
}
