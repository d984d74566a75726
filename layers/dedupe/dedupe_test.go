package dedupe

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func content(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// Equal files share their data afterwards, with the times and the content that they had; what
// is small, linked, or only as large is left alone. Again there is nothing to do.
func TestRun(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := mount(t)
			large, odd := content(1, 40<<20), content(2, 70_001)
			files := map[string][]byte{
				"a/large": large, "b/large": large, "c/deep/large": large, "a/odd": odd, "b/odd": odd,
				"a/same-size": content(3, 70_001), "a/small": odd[:100], "b/small": odd[:100], "a/linked": odd[:9000], "b/linked": odd[:9000],
			}
			for path, b := range files {
				write(t, dir+"/"+path, b)
			}
			if err := os.Link(dir+"/b/linked", dir+"/b/linked2"); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			before := map[string]unix.Stat_t{}
			for path := range files {
				before[path] = stat(t, dir+"/"+path)
			}
			seen := int64(0)
			dirs := []string{dir + "/a", dir + "/b", dir + "/c"}
			got, err := Run(t.Context(), dirs, func(done, of int64) {
				if done < seen || done > of {
					t.Errorf("%d of %d bytes after %d", done, of, seen)
				}
				seen = done
			})
			want := Report{Files: 3, Bytes: 2*int64(len(large)) + int64(len(odd)), Looked: 3*int64(len(large)) + 3*int64(len(odd))}
			if err != nil || got != want {
				t.Errorf("%v: %+v, want %+v", err, got, want)
			}
			for path, b := range files {
				if now, err := os.ReadFile(dir + "/" + path); err != nil || !bytes.Equal(now, b) {
					t.Errorf("%s is not what it was: %v", path, err)
				}
				if was, st := before[path], stat(t, dir+"/"+path); was.Mtim != st.Mtim || was.Ino != st.Ino {
					t.Errorf("%s has another time, or is another file", path)
				}
			}
			want.Files, want.Bytes, want.Shared = 0, 0, want.Bytes
			if again, err := Run(t.Context(), dirs, nil); err != nil || again != want {
				t.Errorf("again: %v: %+v, want %+v", err, again, want)
			}
		})
	}
}

func TestCannotShare(t *testing.T) {
	dir := loopfs.Ext4(t)
	write(t, dir+"/a", content(1, 9000))
	write(t, dir+"/b", content(1, 9000))
	if _, err := Run(t.Context(), []string{dir}, nil); !errors.Is(err, ErrCannotShare) {
		t.Errorf("on ext4: %v", err)
	}
	if _, err := Run(t.Context(), []string{dir + "/missing"}, nil); err == nil {
		t.Error("a directory that is not there: no error")
	}
}
