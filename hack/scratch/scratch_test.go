package scratch

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const size = 1 << 30

func mounted(t *testing.T, dir string) bool {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(mounts, []byte(" "+dir+" "))
}

func TestMake(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := Make(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	if p.Own != mounted(t, p.Dir) {
		t.Errorf("Make says its own Btrfs: %v, mounted: %v", p.Own, mounted(t, p.Dir))
	}
	if os.Geteuid() == 0 && os.Getenv("CI") != "" && !p.Own {
		t.Errorf("no Btrfs although root: %s", p.Note)
	}
	before, err := p.Used()
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 32<<20)
	rand.Read(noise)
	if err := os.WriteFile(filepath.Join(p.Dir, "noise"), noise, 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := p.Used()
	if err != nil {
		t.Fatal(err)
	}
	if got := after - before; p.Own && (got < 32<<20 || got > 40<<20) {
		t.Errorf("32 MiB of noise added %d bytes", got)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if mounted(t, p.Dir) {
		t.Error("still mounted after Close")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("after Close %v is left, %v", left, err)
	}
}

func TestMakeWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := Make(t.Context(), 1<<60); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("Make with an exabyte = %v, want an error that names TMPDIR", err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("a failed Make left %v", left)
	}
}

// A process that is killed cannot clean up; the next one does, and leaves the living alone.
func TestMakeSweeps(t *testing.T) {
	if os.Getenv("PLACE_TEST_MAKE_AND_DIE") != "" {
		if _, err := Make(t.Context(), size); err != nil {
			t.Fatal(err)
		}
		unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	parent := t.TempDir()
	t.Setenv("TMPDIR", parent)
	living, err := Make(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()

	cmd := exec.Command(os.Args[0], "-test.run=^TestMakeSweeps$")
	cmd.Env = append(os.Environ(), "PLACE_TEST_MAKE_AND_DIE=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process to be killed: %v\n%s", err, out)
	}
	if dirs, _ := os.ReadDir(parent); len(dirs) != 2 {
		t.Fatalf("%d spaces before the sweep, want the living and the dead", len(dirs))
	}
	sweep(parent)
	dirs, err := os.ReadDir(parent)
	if err != nil || len(dirs) != 1 || filepath.Join(parent, dirs[0].Name()) != living.base {
		t.Errorf("after the sweep: %v, %v; want only %s", dirs, err, living.base)
	}
	if living.Own != mounted(t, living.Dir) {
		t.Error("the living space was unmounted")
	}
}

// What sealed trees look like from outside: directories without write permission, read-only subvolumes.
func TestCloseSealed(t *testing.T) {
	p, err := create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(p.Dir, "layer", "deps")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{inner, filepath.Dir(inner)} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestUnseal(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := Make(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if !p.Btrfs {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Btrfs to seal a tree on: %s", p.Note)
		}
		t.Skipf("no Btrfs to seal a tree on: %s", p.Note)
	}
	layer := filepath.Join(p.Dir, "layer")
	for _, args := range [][]string{
		{"subvolume", "create", layer}, {"subvolume", "create", filepath.Join(layer, "nested")}, {"property", "set", layer, "ro", "true"},
	} {
		if out, err := exec.Command("btrfs", args...).CombinedOutput(); err != nil {
			t.Fatalf("btrfs %v: %v\n%s", args, err, out)
		}
	}
	if err := os.RemoveAll(layer); err == nil {
		t.Fatal("a read-only subvolume was removed before unseal")
	}
	if err := Unseal(p.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(layer); err != nil {
		t.Errorf("remove after unseal: %v", err)
	}
}

func TestMakeOf(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if os.Geteuid() != 0 {
		if _, err := MakeOf(t.Context(), XFS, size); err == nil || os.Getenv("CI") != "" {
			t.Errorf("an ordinary user may mount, or CI is not root: %v", err)
		}
		return
	}
	for fstype, magic := range map[string]int64{Btrfs: unix.BTRFS_SUPER_MAGIC, XFS: unix.XFS_SUPER_MAGIC, Ext4: unix.EXT4_SUPER_MAGIC} {
		p, err := MakeOf(t.Context(), fstype, size)
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Statfs_t
		if err := unix.Statfs(p.Dir, &st); err != nil || st.Type != magic || !mounted(t, p.Dir) || !p.Own || p.Btrfs != (fstype == Btrfs) {
			t.Errorf("%s: it is of type %x, %v", fstype, st.Type, err)
		}
		if err := p.Close(); err != nil || mounted(t, p.Dir) {
			t.Errorf("%s: Close: %v", fstype, err)
		}
	}
	if _, err := MakeOf(t.Context(), "none", size); err == nil {
		t.Error("there is a file system none")
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}
