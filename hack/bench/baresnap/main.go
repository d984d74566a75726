// Baresnap takes one Btrfs snapshot by one ioctl and does nothing else, which makes it the floor that restore and snapshot
// are measured against: `baresnap [-sync] [-readonly] FROM TO`. With -sync the file system is synced before, as a seal has
// to. Two at once do not disturb each other unless they want the same TO.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	sync := flag.Bool("sync", false, "sync the file system before")
	readonly := flag.Bool("readonly", false, "make the snapshot read-only")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: baresnap [-sync] [-readonly] FROM TO")
		os.Exit(2)
	}
	if err := snapshot(flag.Arg(0), flag.Arg(1), *sync, *readonly); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// linux/btrfs.h
const (
	iocSnapCreateV2 = 0x50009417 // _IOW(0x94, 23, struct btrfs_ioctl_vol_args_v2)
	subvolReadonly  = 1 << 1
)

// volArgsV2 is struct btrfs_ioctl_vol_args_v2, 4096 bytes.
type volArgsV2 struct {
	fd      int64
	transid uint64
	flags   uint64
	unused  [4]uint64
	name    [4040]byte
}

func snapshot(from, to string, sync, readonly bool) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	parent, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer parent.Close()
	if sync {
		if err := unix.Syncfs(int(src.Fd())); err != nil {
			return fmt.Errorf("sync %s: %w", from, err)
		}
	}
	args := volArgsV2{fd: int64(src.Fd())}
	if readonly {
		args.flags = subvolReadonly
	}
	copy(args.name[:len(args.name)-1], filepath.Base(to))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, parent.Fd(), iocSnapCreateV2, uintptr(unsafe.Pointer(&args))); errno != 0 {
		return fmt.Errorf("snapshot %s as %s: %w", from, to, errno)
	}
	return nil
}
