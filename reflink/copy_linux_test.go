package reflink

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// sparse makes a file of data, a hole of 8 MiB, data, and a hole at its end, and returns it
// and its content.
func sparse(t *testing.T, path string) (*os.File, []byte) {
	t.Helper()
	content := make([]byte, 17<<20)
	noise := rand.NewChaCha8([32]byte{1})
	noise.Read(content[:300_000])
	noise.Read(content[8<<20 : 8<<20+300_000])
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	_, one := f.WriteAt(content[:300_000], 0)
	_, two := f.WriteAt(content[8<<20:8<<20+300_000], 8<<20)
	if err := errors.Join(one, two, f.Truncate(int64(len(content))), f.Sync()); err != nil {
		t.Fatal(err)
	}
	return f, content
}

// Where data cannot be shared the kernel copies by itself, whatever the mode. Where it can, it
// would share, which Never forbids. Holes stay holes either way, and content is content.
func TestKernelCopies(t *testing.T) {
	btrfs, xfs, ext4, tmpfs := loopfs.Btrfs(t), loopfs.XFS(t), loopfs.Ext4(t), "/dev/shm"
	for _, tt := range []struct {
		name     string
		from, to string
		mode     Mode
		want     int32
		shared   bool
	}{
		{"never on ext4", ext4, ext4, Never, kernelMay, false},
		{"auto on ext4", ext4, ext4, Auto, kernelMay, false},
		{"never on xfs", xfs, xfs, Never, kernelMayNot, false},
		{"never on btrfs", btrfs, btrfs, Never, kernelMayNot, false},
		{"auto on btrfs", btrfs, btrfs, Auto, untried, true},
		{"auto from xfs to ext4", xfs, ext4, Auto, kernelMay, false},
		{"auto from xfs to btrfs", xfs, btrfs, Auto, kernelMay, false},
		{"never from memory to xfs", tmpfs, xfs, Never, kernelMayNot, false},
		{"never from ext4 to memory", ext4, tmpfs, Never, kernelMay, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, err := os.MkdirTemp(tt.from, "")
			if err != nil {
				t.Fatal(err)
			}
			to, err := os.MkdirTemp(tt.to, "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(from); os.RemoveAll(to) })
			src, want := sparse(t, filepath.Join(from, "src"))
			dst, err := os.Create(filepath.Join(to, "dst"))
			if err != nil {
				t.Fatal(err)
			}
			defer dst.Close()
			c := NewCopier(tt.mode)
			if cloned, err := c.File(t.Context(), dst, src); err != nil || cloned != tt.shared {
				t.Fatalf("File: cloned %v, %v", cloned, err)
			}
			if got, err := os.ReadFile(dst.Name()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the content differs, %v", err)
			}
			if got := c.kernel.Load(); got != tt.want {
				t.Errorf("the kernel is asked: %v, want %v", got, tt.want)
			}
			c = NewCopier(tt.mode)
			if err := c.NewFile(t.Context(), filepath.Join(to, "new"), src.Name(), time.Time{}); err != nil || c.kernel.Load() != tt.want {
				t.Errorf("NewFile: %v, the kernel is asked: %v, want %v", err, c.kernel.Load(), tt.want)
			}
			var st unix.Stat_t
			if err := errors.Join(dst.Sync(), unix.Fstat(int(dst.Fd()), &st)); err != nil || st.Blocks*512 > 2<<20 {
				t.Errorf("it takes %d bytes, %v", st.Blocks*512, err)
			}
			if u, err := FileUsage(dst); err == nil && (u.Shared > 0) != tt.shared {
				t.Errorf("usage %+v, shared %v wanted", u, tt.shared)
			}
		})
	}
}

// The kernel may begin to refuse: after some of a file reading and writing goes on from there,
// and what ends early ends the copy.
func TestTransferGoesOn(t *testing.T) {
	dir := t.TempDir()
	src, want := sparse(t, filepath.Join(dir, "src"))
	appended, err := os.OpenFile(filepath.Join(dir, "dst"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer appended.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	st.Blocks = st.Size // as if it had no holes
	st.Size = int64(len(want)) + 1000
	var told int64
	// copy_file_range(2) refuses a file that is appended to.
	tr := transfer{dst: int(appended.Fd()), src: int(src.Fd()), kernel: true, told: func(n int64) { told += n }}
	if err := tr.content(t.Context(), &st); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(appended.Name()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v, want %d equal ones", len(got), err, len(want))
	}
	if tr.kernel || told != int64(len(want)) {
		t.Errorf("the kernel is still asked: %v; told of %d bytes, want %d", tr.kernel, told, len(want))
	}
}
