package reflink

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing is opened through a link, wherever in the path it is and wherever it leads.
func TestSourceFollowsNoLink(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(outside, "file"), filepath.Join(dir, "real", "file")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out": outside, "in": "real", "file": filepath.Join(outside, "file")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if s.byName {
		t.Error("this kernel has openat2(2), and it is not used")
	}
	for rel, want := range map[string]error{
		"": nil, "real": nil, "real/file": nil, "out": unix.ELOOP, "out/file": unix.ELOOP, "in/file": unix.ELOOP, "file": unix.ELOOP,
		"../" + filepath.Base(outside): unix.EXDEV, "/etc/passwd": unix.EXDEV, "none": unix.ENOENT,
	} {
		f, err := s.open(rel, os.O_RDONLY)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: got %v, want %v", rel, err, want)
		}
		if err == nil {
			f.Close()
		}
	}
	// Without the call the last element, at least, is none.
	s.byName = true
	if f, err := s.open("file", os.O_RDONLY); err == nil {
		f.Close()
		t.Error("a link was followed")
	}
	if f, err := s.open("real/file", os.O_RDONLY); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
}

// A directory that becomes a link after it was listed ends the copy, and nothing of what the
// link leads to is in it.
func TestCopyTreeOfSwappedDirectory(t *testing.T) {
	outside, src, dst := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "dst")
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(src, "dir")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	swap := func(rel string, d os.DirEntry) bool {
		if rel == "dir" {
			if err := errors.Join(os.Remove(dir), os.Symlink(outside, dir)); err != nil {
				t.Error(err)
			}
		}
		return false
	}
	_, err := CopyTree(t.Context(), dst, src, Options{Skip: swap})
	if !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v", err)
	}
	if list, _ := filepath.Glob(dst + "/*/*"); len(list) > 0 {
		t.Errorf("the copy has %q", list)
	}
}

// What lies deeper than any path is left out, and told.
func TestCopyTreeTooDeep(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "dst")
	fd, err := unix.Open(src, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2500 {
		if err := unix.Mkdirat(fd, "d", 0o777); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, "d", unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	var left []error
	if _, err := CopyTree(t.Context(), dst, src, Options{LeftOut: func(_ string, why error) { left = append(left, why) }}); err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || !errors.Is(left[0], unix.ENAMETOOLONG) {
		t.Errorf("left out: %v", left)
	}
	if _, err := CopyTree(t.Context(), dst+"2", src, Options{}); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("without anybody to be told: %v", err)
	}
	if _, err := TreeBlocks(t.Context(), src); err != nil {
		t.Error(err)
	}
}
