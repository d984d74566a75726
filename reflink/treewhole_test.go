package reflink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A whole directory is cloned in one call only where the clone is what CopyTree promises;
// and if that call fails, what it made is gone.
func TestWhole(t *testing.T) {
	one := func(dst, src string) error { return os.CopyFS(dst, os.DirFS(src)) }
	half := func(dst, src string) error { return errors.Join(os.Mkdir(dst, 0o755), unix.ENOTSUP) }
	for name, tt := range map[string]struct {
		change func(src, dst string) error
		opts   Options
		clone  func(dst, src string) error
		want   bool
	}{
		"files and directories": {clone: one, want: true},
		"no such call":          {},
		"copied":                {opts: Options{Mode: Never}, clone: one},
		"some left out":         {opts: Options{Skip: func(string, fs.DirEntry) bool { return false }}, clone: one},
		"it fails half-way":     {clone: half},
		"it is there":           {change: func(_, dst string) error { return os.Mkdir(dst, 0o755) }, clone: one},
		"a hard link":           {change: func(src, _ string) error { return os.Link(src+"/a/file", src+"/link") }, clone: one},
		"a set-id bit":          {change: func(src, _ string) error { return os.Chmod(src+"/a/file", 0o755|fs.ModeSetuid) }, clone: one},
		"a pipe":                {change: func(src, _ string) error { return unix.Mkfifo(src+"/a/pipe", 0o600) }, clone: one},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
			err := errors.Join(os.MkdirAll(src+"/a", 0o755), os.WriteFile(src+"/a/file", make([]byte, 3000), 0o644),
				os.WriteFile(src+"/small", []byte("x"), 0o644), os.Symlink("small", src+"/symlink"))
			if err == nil && tt.change != nil {
				err = tt.change(src, dst)
			}
			if err != nil {
				t.Fatal(err)
			}
			stats, done := copyWhole(t.Context(), tt.clone, dst+"/", src+"/", tt.opts)
			var want Stats
			if tt.want {
				want = Stats{Files: 2, Cloned: 2, ClonedBytes: 3001}
			}
			if stats != want || done != tt.want {
				t.Fatalf("copyWhole: %+v, %v, want %+v, %v", stats, done, want, tt.want)
			}
			if _, err := os.Stat(dst + "/a/file"); (err == nil) != tt.want {
				t.Errorf("the copy: %v", err)
			}
			if _, err := os.Lstat(dst); err == nil && !tt.want && name != "it is there" {
				t.Error("something is left")
			}
		})
	}
}
