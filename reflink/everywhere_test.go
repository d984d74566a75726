package reflink_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink"
)

func TestCopyTreeSkip(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "dst")
	for _, p := range []string{"keep/file", "skip/file", "keep/deep/no", "keep/deep/yes"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(src, p)), 0o755))
		create(t, filepath.Join(src, p), []byte(p))
	}
	must(t, unix.Mkfifo(filepath.Join(src, "pipe"), 0o600))
	var asked []string
	_, err := reflink.CopyTree(t.Context(), dst, src, reflink.Options{Skip: func(rel string, d fs.DirEntry) bool {
		asked = append(asked, rel)
		return rel == "skip" || rel == "keep/deep/no" || d.Type() == fs.ModeNamedPipe
	}})
	must(t, err)
	slices.Sort(asked)
	if want := []string{"keep", "keep/deep", "keep/deep/no", "keep/deep/yes", "keep/file", "pipe", "skip"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	var got []string
	must(t, filepath.WalkDir(dst, func(p string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			got = append(got, strings.TrimPrefix(p, dst+"/"))
		}
		return err
	}))
	if want := []string{"keep/deep/yes", "keep/file"}; !slices.Equal(got, want) {
		t.Errorf("copied %q, want %q", got, want)
	}
}

func TestCopyTreeRefuses(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	must(t, os.Mkdir(filepath.Join(src, "d"), 0o755))
	create(t, filepath.Join(src, "d/file"), []byte("new"))
	must(t, os.Mkdir(filepath.Join(dst, "d"), 0o755))
	create(t, filepath.Join(dst, "d/file"), []byte("old"))
	_, err := reflink.CopyTree(t.Context(), dst, src, reflink.Options{})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("CopyTree over a file: %v, want ErrExist", err)
	}
	wantContent(t, filepath.Join(dst, "d/file"), []byte("old"))

	// A link where a directory should be is not followed.
	outside, linked := t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(linked, "d")))
	if _, err := reflink.CopyTree(t.Context(), linked, src, reflink.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CopyTree through a link: %v, want ErrExist", err)
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("CopyTree followed a link and wrote %v", left)
	}

	if _, err := reflink.CopyTree(t.Context(), filepath.Join(dst, "x"), filepath.Join(src, "none"), reflink.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CopyTree of nothing: %v, want ErrNotExist", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the reason")
	cancel(cause)
	if _, err := reflink.CopyTree(ctx, filepath.Join(dst, "y"), src, reflink.Options{}); !errors.Is(err, cause) {
		t.Errorf("CopyTree cancelled: %v, want the cause", err)
	}
}
