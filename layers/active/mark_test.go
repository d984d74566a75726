package active

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/accesstime"
)

// A mark is no work of anybody's in a build directory as it was restored, and does not
// hide that somebody has worked there.
func TestMarkUnits(t *testing.T) {
	mount := loopfs.Ext4(t, loopfs.MountOptions("atime,relatime"))
	dir, claims := filepath.Join(mount, "target"), t.TempDir()
	hash := filepath.Join(dir, "debug/.fingerprint/a-0123456789abcdef/lib-a")
	for path, text := range map[string]string{hash: "0123456789abcdef", hash + ".json": "{}", filepath.Join(dir, "debug/deps/liba-0123456789abcdef.rlib"): "a"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Take(t.Context(), At(dir, false), Options{Claims: claims}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	restored, err := c.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := (Provenance{Layer: "0123456789abcdef0123456789abcdef", Written: restored.UnixNano()}).Write(dir); err != nil {
		t.Fatal(err)
	}
	read := func() {
		if _, err := c.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(hash); err != nil {
			t.Fatal(err)
		}
	}
	asked := func(since time.Time, want int) {
		t.Helper()
		if got, err := accesstime.Asked(dir, since); err != nil || len(got) != want {
			t.Errorf("Asked = %v, %v; want %d", got, err, want)
		}
	}
	for range 2 {
		read()
		since, err := c.MarkUnits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !ReadProvenance(dir).Untouched(dir) {
			t.Fatal("after a mark the directory counts as touched")
		}
		asked(since, 0)
		read()
		asked(since, 1)
	}
	if err := os.WriteFile(hash+".json", []byte("[]"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.MarkUnits(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ReadProvenance(dir).Untouched(dir) {
		t.Error("somebody has worked there, and after a mark nobody has")
	}
}
