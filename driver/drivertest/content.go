package drivertest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// big is more than Btrfs keeps in metadata, more than one block, no multiple of
// one, and not constant.
var big = func() string {
	b := make([]byte, 100_001)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}()

// notUTF8 is a name that Unix allows and many programs forget.
const notUTF8 = "caf\xe9\xff \n"

// fill puts into dir everything a clone has to keep: odd nanoseconds, modes, hard
// links in several directories, symbolic links with times of their own, names
// that are not UTF-8, empty files and directories.
func fill(t testing.TB, dir string) {
	t.Helper()
	for _, d := range []string{"debug", "debug/deps", "debug/.fingerprint", "empty", notUTF8, "locked"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	files := map[string]string{
		"CACHEDIR.TAG":           "Signature: 8a477f597d28d172789f06886806bc55",
		"debug/.cargo-lock":      "",
		"debug/deps/libx.rlib":   big,
		"debug/deps/x":           big + "program",
		"debug/deps/inline":      strings.Repeat("i", 2048),
		"debug/deps/above":       strings.Repeat("a", 2049),
		"debug/.fingerprint/dep": "\x01\x02",
		notUTF8 + "/" + notUTF8:  big[:5000],
		"locked/readonly":        "r",
	}
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	must(t, os.Link(filepath.Join(dir, "debug/deps/x"), filepath.Join(dir, "debug/x")))
	must(t, os.Link(filepath.Join(dir, "debug/deps/x"), filepath.Join(dir, "empty/x")))
	must(t, os.Symlink("deps/../nowhere", filepath.Join(dir, "debug/dangling")))
	must(t, os.Symlink("deps", filepath.Join(dir, "debug/todir")))
	must(t, os.Chmod(filepath.Join(dir, "debug/deps/x"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "locked/readonly"), 0o400))
	must(t, os.Chmod(filepath.Join(dir, "CACHEDIR.TAG"), 0o640))

	var paths []string
	must(t, filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		paths = append(paths, p)
		return err
	}))
	for i, p := range paths {
		setTime(t, p, 1_700_000_000+int64(i), 123_456_789+int64(i))
	}
	must(t, os.Chmod(filepath.Join(dir, "locked"), 0o555)) // keeps the times
}

// describe tells everything about a tree that a clone has to keep, one line an
// entry, so that two trees can be compared and their difference read.
func describe(t testing.TB, dir string) []string {
	t.Helper()
	first := map[[2]uint64]string{} // by inode: the first name of a file
	var lines []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%q mode %o mtime %d.%09d", rel, st.Mode, st.Mtim.Sec, st.Mtim.Nsec)
		switch d.Type() {
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" to %q", target)
		case 0:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			id := [2]uint64{st.Dev, st.Ino}
			if first[id] == "" {
				first[id] = rel
			}
			line += fmt.Sprintf(" size %d sum %x same as %q links %d", len(content), sum(content), first[id], st.Nlink)
		}
		lines = append(lines, line)
		return nil
	}))
	slices.Sort(lines)
	return lines
}

func sum(b []byte) uint64 { // FNV-1a
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// wantSame reports the lines of one description that the other does not have.
func wantSame(t testing.TB, got, want []string) {
	t.Helper()
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("tree has      %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("tree lacks    %s", line)
		}
	}
}

// many puts n small files into dir, for comparing costs.
func many(t testing.TB, dir string, n int) {
	t.Helper()
	content := bytes.Repeat([]byte("x"), 3000)
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprint(i/500))
		if i%500 == 0 {
			must(t, os.Mkdir(sub, 0o755))
		}
		must(t, os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), content, 0o644))
	}
}
