package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
)

const (
	// MinSize is the least that a pool is made with, in bytes. Btrfs takes 109 MiB for itself,
	// and checkouts of one project with their builds some GiB.
	MinSize = 512 << 20
	// maxSize bounds the size that is chosen by itself. A larger one can be asked for.
	maxSize = 256 << 30
)

// ErrTooSmall: the size that was asked for is no use, or less than the pool has.
var ErrTooSmall = errors.New("too small")

// Suggest is the size of a pool whose image is made in a directory, if nothing is said: half of
// what is free there. What is not used it does not take, so only the end of the range matters:
// a host that is full under a pool has it fail (EIO, and read-only until it is mounted again).
func Suggest(dir string) (int64, error) {
	free, err := freeIn(dir)
	if err != nil {
		return 0, err
	}
	size := min(free/2, maxSize)
	if size < MinSize {
		return 0, fmt.Errorf("make a pool in %s: %d MiB are free: %w", dir, free>>20, ErrTooSmall)
	}
	return size, nil
}

func freeIn(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// superblock is where that of Btrfs is, and what stands in it (fs/btrfs: btrfs_super_block).
const (
	superblock  = 64 << 10
	magicAt     = superblock + 0x40
	labelAt     = superblock + 0x12b
	labelLength = 256
)

// IsImage reports whether a file is the image of a pool.
func IsImage(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return false
	}
	magic, label := make([]byte, 8), make([]byte, labelLength)
	if _, err := f.ReadAt(magic, magicAt); err != nil || string(magic) != "_BHRfS_M" {
		return false
	}
	if _, err := f.ReadAt(label, labelAt); err != nil {
		return false
	}
	label, _, _ = bytes.Cut(label, []byte{0})
	return string(label) == Label
}

// mendSuperblock has Btrfs' own tool put a whole copy of the superblock, of which an image has two
// or more, in the place of one whose checksum is wrong, and reports whether it has. Linux looks at
// the first one only. A disk with sectors of less than its 4096 bytes may write it in part.
func mendSuperblock(image string) bool {
	err := exec.Command("btrfs", "rescue", "super-recover", "-y", image).Run()
	var ended *exec.ExitError
	return errors.As(err, &ended) && ended.ExitCode() == 2 // btrfs-progs, cmds/rescue-super-recover.c
}

// makeImage makes an image, unless it is there: whole, or not at all.
func makeImage(ctx context.Context, image string, size int64) error {
	failed := func(err error) error { return fmt.Errorf("make image %s: %w", image, err) }
	switch _, err := os.Lstat(image); {
	case err == nil && IsImage(image):
		return nil
	case err == nil:
		return failed(ErrForeign)
	case !errors.Is(err, fs.ErrNotExist):
		return failed(err)
	}
	if size < MinSize {
		return failed(ErrTooSmall)
	}
	f, err := os.CreateTemp(filepath.Dir(image), "."+filepath.Base(image)+"-")
	if err != nil {
		return failed(err)
	}
	tmp := f.Name()
	// Metadata twice, as mkfs has it on one disk: there are checkouts in a pool.
	if err = errors.Join(f.Truncate(size), f.Close()); err == nil {
		_, err = run(ctx, "mkfs.btrfs", "--quiet", "--label", Label, "--sectorsize", fmt.Sprint(sector), tmp)
	}
	if err == nil {
		err = syncFile(tmp)
	}
	if err == nil { // not over what somebody has put there meanwhile
		err = driver.Publish(tmp, image)
	}
	if err == nil {
		err = syncFile(filepath.Dir(image))
	} else {
		err = errors.Join(err, os.Remove(tmp))
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// run runs a program of the system's.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if said := strings.TrimSpace(stderr.String()); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return stdout.String(), nil
}
