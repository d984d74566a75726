//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Bfree * uint64(st.Bsize)
}

// A version holds until the tree's data is moved, or the tree is cloned. What was deleted
// is free when the disk has settled.
func TestVersion(t *testing.T) {
	dir := loopfs.Btrfs(t)
	d, ctx := New(), t.Context()
	path := func(name string) string { return filepath.Join(dir, name) }
	version := func() string {
		t.Helper()
		v, err := d.Version(path("sealed"))
		if err != nil || v == "" {
			t.Fatalf("version %q: %v", v, err)
		}
		return v
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Create(ctx, path("work")))
	must(os.WriteFile(path("work/file"), make([]byte, 8<<20), 0o600))
	must(d.Seal(ctx, path("sealed"), path("work")))
	must(d.Delete(ctx, path("work")))
	first := version()
	must(d.Settle(ctx, dir))
	if version() != first {
		t.Error("without a change it has another version")
	}
	must(d.Clone(ctx, path("clone"), path("sealed")))
	must(d.Settle(ctx, dir))
	cloned := version()
	if cloned == first {
		t.Error("cloned, it has the version that it had")
	}
	must(d.Delete(ctx, path("clone")))
	must(d.Settle(ctx, dir))
	if version() != cloned {
		t.Error("its clone was deleted, and it has another version")
	}
	if out, err := exec.Command("btrfs", "balance", "start", "--full-balance", dir).CombinedOutput(); err != nil {
		t.Fatalf("balance: %v\n%s", err, out)
	}
	if version() == cloned {
		t.Error("its data was moved, and it has the version that it had")
	}
	before := free(t, dir)
	must(d.Delete(ctx, path("sealed")))
	must(d.Settle(ctx, dir))
	if got := free(t, dir) - before; got < 8<<20 {
		t.Errorf("deleted and settled, %d bytes have become free", got)
	}
}
