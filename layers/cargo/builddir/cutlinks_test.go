package builddir

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLinkCutter(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	for _, d := range []string{"real/deep"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out": outside, "real/deep/out": outside, "in": "real"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	c := NewLinkCutter(dir)
	for _, rel := range []string{".", "real", "real/deep", "real/deep/none/at/all", "file/x", "real/deep/out/a/b", "out", "in/deep"} {
		if err := c.Cut(rel); err != nil {
			t.Errorf("%s: %v", rel, err)
		}
	}
	for _, rel := range []string{"../x", "..", "/etc", "a/../../b"} {
		if c.Cut(rel) == nil {
			t.Errorf("%s is taken for a part of the copy", rel)
		}
	}
	for link, want := range map[string]bool{"out": false, "real/deep/out": false, "in": false, "real/deep": true, "file": true} {
		if _, err := os.Lstat(filepath.Join(dir, link)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", link, err == nil, want)
		}
	}
}
