// Package loopfs mounts fresh file systems for tests, in sparse image files on
// loop devices. It needs root and the mkfs program of the file system; where these
// are missing the test is skipped with the reason, or fails if the environment
// variable CI is set, so that no test is skipped unseen where it counts. Tests may
// use it in parallel, in one process and in many.
package loopfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Option changes how a file system is made.
type Option func(*config)

type config struct {
	size    int64
	options string
	owner   int
	mkfs    []string
}

// Size sets the size in bytes. The image is sparse: it takes what is written.
func Size(bytes int64) Option { return func(c *config) { c.size = bytes } }

// MountOptions adds mount options, separated by commas, to the default "noatime".
func MountOptions(options string) Option {
	return func(c *config) { c.options += "," + options }
}

// Owner gives the root directory to the user, and group, with that id.
func Owner(uid int) Option { return func(c *config) { c.owner = uid } }

// MkfsArgs adds arguments for the mkfs program.
func MkfsArgs(args ...string) Option {
	return func(c *config) { c.mkfs = append(c.mkfs, args...) }
}

// Btrfs mounts a new Btrfs of 1 GiB and returns its root directory. It is gone
// when the test ends.
func Btrfs(t testing.TB, opts ...Option) string {
	t.Helper()
	return mount(t, "btrfs", opts)
}

// XFS is Btrfs for XFS, with reflinks, the default of mkfs.
func XFS(t testing.TB, opts ...Option) string {
	t.Helper()
	return mount(t, "xfs", opts)
}

// Ext4 is Btrfs for ext4, which cannot share data.
func Ext4(t testing.TB, opts ...Option) string {
	t.Helper()
	return mount(t, "ext4", opts)
}

func mount(t testing.TB, fstype string, opts []Option) string {
	t.Helper()
	c := config{size: 1 << 30, options: "loop,noatime"}
	for _, opt := range opts {
		opt(&c)
	}
	if os.Getuid() != 0 {
		Unavailable(t, "mounting a "+fstype+" image needs root")
	}

	// Not t.TempDir, which other users cannot enter.
	base, err := os.MkdirTemp("", "loopfs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Errorf("remove %s: %v", base, err)
		}
	})
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	image, dir := filepath.Join(base, "image"), filepath.Join(base, "mnt")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, c.size); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	Format(t, fstype, image, c.mkfs...)
	// mount(8) finds a free loop device, tries again if another process was
	// quicker, and has the kernel free it at unmount.
	run(t, "mount", "-t", fstype, "-o", c.options, image, dir)
	t.Cleanup(func() { Unmount(t, dir) })
	if c.owner != 0 {
		if err := os.Chown(dir, c.owner, c.owner); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
