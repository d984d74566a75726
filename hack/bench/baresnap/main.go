// Baresnap takes Btrfs snapshots, each by one ioctl, and does nothing else, which makes it the floor that restore and
// snapshot are measured against: `baresnap [-sync] [-readonly] [-at-once] FROM TO...`. It takes them one after the other, or
// with -at-once each from a thread of its own, and prints how long that took, in ns, without its own start. With -sync the
// file system is synced before each, as a seal has to. Two at once do not disturb each other unless they want the same TO.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	var s snapshooter
	flag.BoolVar(&s.sync, "sync", false, "sync the file system before")
	flag.BoolVar(&s.readonly, "readonly", false, "make the snapshots read-only")
	atOnce := flag.Bool("at-once", false, "take all snapshots at once")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: baresnap [-sync] [-readonly] [-at-once] FROM TO...")
		os.Exit(2)
	}
	start := time.Now()
	if err := s.all(flag.Arg(0), flag.Args()[1:], *atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(time.Since(start).Nanoseconds())
}

type snapshooter struct {
	sync, readonly bool
}

// all takes a snapshot under each of the names.
func (s snapshooter) all(from string, to []string, atOnce bool) error {
	errs := make([]error, len(to))
	var wg sync.WaitGroup
	for i := range to {
		one := func() { errs[i] = s.snapshot(from, to[i]) }
		if atOnce {
			wg.Go(one)
		} else {
			one()
		}
	}
	wg.Wait()
	return errors.Join(errs...)
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

func (s snapshooter) snapshot(from, to string) error {
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
	if s.sync {
		if err := unix.Syncfs(int(src.Fd())); err != nil {
			return fmt.Errorf("sync %s: %w", from, err)
		}
	}
	args := volArgsV2{fd: int64(src.Fd())}
	if s.readonly {
		args.flags = subvolReadonly
	}
	copy(args.name[:len(args.name)-1], filepath.Base(to))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, parent.Fd(), iocSnapCreateV2, uintptr(unsafe.Pointer(&args))); errno != 0 {
		return fmt.Errorf("snapshot %s as %s: %w", from, to, errno)
	}
	return nil
}
