// Package scratch finds or makes the directory that the demo and the benchmarks work in: a Btrfs file system of its own in a
// loop image where that is allowed (root, loop devices), else a directory on a Btrfs that is there, else an ordinary one; or
// a file system of another type in such an image.
// Close removes all of it, and a space whose process was killed is removed by the next Make on the same machine. A Space may
// be used by several goroutines; Close is called once, when nobody works in it any more, also after ^C: that is for the
// caller's main to arrange with signal.NotifyContext.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const prefix = "cargo-cow-place-"

// A Space is a directory to work in.
type Space struct {
	Dir   string // absolute, empty at first
	Btrfs bool   // whether Dir is on Btrfs
	Own   bool   // whether the file system is the space's own, so that its figures tell of nothing else
	Note  string // why there is no Btrfs of its own, "" where there is

	base string   // holds Dir and whatever serves it
	lock *os.File // base/lock, held as long as the space is in use
}

// MakeOf returns a space on a file system of its own of one of the types Btrfs, XFS, Ext4, for which it needs root and loop devices.
func MakeOf(ctx context.Context, fstype string, size int64) (*Space, error) {
	p, err := begin(size)
	if err != nil {
		return nil, err
	}
	if err := mountImage(ctx, fstype, filepath.Join(p.base, "image"), size, p.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("make scratch space: %w", err), p.Close())
	}
	p.Own, p.Btrfs = true, fstype == Btrfs
	return p, nil
}

// begin makes a space on an ordinary directory where there is room.
func begin(size int64) (*Space, error) {
	parent := tempDir()
	sweep(parent)
	p, err := create(parent)
	if err != nil {
		return nil, fmt.Errorf("make scratch space: %w", err)
	}
	if free, err := free(p.base); err != nil || free < size {
		p.Close()
		return nil, errors.Join(fmt.Errorf("make scratch space: %s has %d MiB free, %d are needed; TMPDIR names another", parent, free>>20, size>>20), err)
	}
	return p, nil
}

// Make returns a space with room for size bytes. An image file is sparse: it takes what is written into it.
func Make(ctx context.Context, size int64) (*Space, error) {
	p, err := begin(size)
	if err != nil {
		return nil, err
	}
	err = mountImage(ctx, Btrfs, filepath.Join(p.base, "image"), size, p.Dir)
	if err == nil {
		p.Btrfs, p.Own = true, true
		return p, nil
	}
	if ctx.Err() != nil {
		p.Close()
		return nil, fmt.Errorf("make scratch space: %w", ctx.Err())
	}
	p.Note = err.Error()
	if onBtrfs(p.base) {
		p.Btrfs = true
		return p, nil
	}
	for _, dir := range candidates() {
		if room, err := free(dir); err != nil || room < size || !onBtrfs(dir) {
			continue
		}
		sweep(dir)
		if found, err := create(dir); err == nil {
			found.Btrfs, found.Note = true, p.Note
			return found, p.Close()
		}
	}
	return p, nil
}

// create makes parent/cargo-cow-place-*, locked, with an empty Dir in it.
func create(parent string) (*Space, error) {
	base, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	// Paths end up in what rustc writes, and cargo resolves them: a space has one name.
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, err
	}
	p := &Space{Dir: filepath.Join(base, "place"), base: base}
	// The lock has its name only once it is held, so that no sweep takes one in the making for an abandoned one.
	making := filepath.Join(base, "lock.new")
	p.lock, err = os.Create(making)
	if err == nil {
		err = unix.Flock(int(p.lock.Fd()), unix.LOCK_EX)
	}
	if err == nil {
		err = os.Rename(making, filepath.Join(base, "lock"))
	}
	if err == nil {
		err = os.Mkdir(p.Dir, 0o755)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(base))
	}
	return p, nil
}

// tempDir is where big files may go: os.TempDir unless that is memory.
func tempDir() string {
	var st unix.Statfs_t
	dir := os.TempDir()
	if unix.Statfs(dir, &st) == nil && st.Type == unix.TMPFS_MAGIC && os.Getenv("TMPDIR") == "" {
		return "/var/tmp"
	}
	return dir
}

func candidates() []string {
	var dirs []string
	if dir, err := os.Getwd(); err == nil {
		dirs = append(dirs, dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, dir)
	}
	return dirs
}

func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func onBtrfs(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == unix.BTRFS_SUPER_MAGIC
}

// Used returns the bytes in use on the space's file system, by its own figures, after everything written has reached it.
// What else lives there counts too, unless the file system is the space's own.
func (p *Space) Used() (int64, error) {
	dir, err := os.Open(p.Dir)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return 0, &fs.PathError{Op: "syncfs", Path: p.Dir, Err: err}
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, &fs.PathError{Op: "fstatfs", Path: p.Dir, Err: err}
	}
	return int64(st.Blocks-st.Bfree) * st.Bsize, nil
}

// Close removes the space with everything in it.
func (p *Space) Close() error {
	if err := remove(p.base); err != nil {
		return fmt.Errorf("remove scratch space: %w", err)
	}
	return p.lock.Close()
}

// sweep removes the spaces in parent whose process is gone: a flock dies with its process.
func sweep(parent string) {
	bases, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return
	}
	for _, base := range bases {
		lock, err := os.Open(filepath.Join(base, "lock"))
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			// Somebody else's space in a shared directory is not ours to remove, and the attempt fails.
			_ = remove(base)
		}
		lock.Close()
	}
}

// remove unmounts what create and mountImage have made at base and deletes it.
func remove(base string) error {
	dir := filepath.Join(base, "place")
	// A compiler that was told to stop may take a moment to do so.
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) && time.Now().Before(deadline) {
			continue
		}
		if errors.Is(err, unix.EBUSY) {
			err = unix.Unmount(dir, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
		}
		// EINVAL: not a mount point; EPERM: not root, so nothing was mounted.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOENT) {
			return &fs.PathError{Op: "unmount", Path: dir, Err: err}
		}
		break
	}
	if err := os.RemoveAll(base); err == nil {
		return nil
	}
	// Sealed trees resist until they are writable again.
	if err := Unseal(dir); err != nil {
		return err
	}
	return os.RemoveAll(base)
}

// Unseal makes every directory below dir writable, read-only subvolumes included.
func Unseal(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		// linux/btrfs.h: BTRFS_IOC_SUBVOL_SETFLAGS, _IOW(0x94, 26, __u64). On anything but a subvolume it fails, and
		// nothing needs it there.
		const subvolSetFlags = 0x4008941a
		var writable uint64
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, f.Fd(), subvolSetFlags, uintptr(unsafe.Pointer(&writable)))
		return unix.Fchmod(int(f.Fd()), 0o700)
	})
}
