//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"context"
	"fmt"
	"os"
	"time"
	"unsafe"
)

const (
	iocGetSubvolInfo  = 0x81f8943c
	iocSync           = 0x9408
	iocSubvolSyncWait = 0x40109441

	waitCount = 2 // BTRFS_SUBVOL_SYNC_COUNT: how many deleted subvolumes are still there
)

// struct btrfs_ioctl_subvol_wait
type subvolWait struct {
	id          uint64
	mode, count uint32
}

// struct btrfs_ioctl_get_subvol_info_args
type subvolInfo struct {
	id                             uint64
	name                           [256]byte
	parentID, dirID                uint64
	generation, flags              uint64
	uuid, parentUUID, receivedUUID [16]byte
	_                              [4]uint64 // transactions
	_                              [4][2]uint64
	_                              [8]uint64
}

// Version says in which state a sealed tree is on the disk. It is another one after its
// data was moved, as by a balance, and after a snapshot of it was made; not after one was
// deleted (measured on Linux 6.18). It needs no privilege.
func (*Driver) Version(tree string) (string, error) {
	f, err := os.Open(tree)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var info subvolInfo
	if err := ioctl(f, iocGetSubvolInfo, unsafe.Pointer(&info)); err != nil {
		return "", &os.PathError{Op: "ask for version of", Path: tree, Err: err}
	}
	return fmt.Sprintf("%x-%d", info.uuid, info.generation), nil
}

// Settle waits until what was deleted on the file system of dir takes no space any more, for
// a second at most: the kernel deletes subvolumes in the background, when it has nothing
// else to do for up to 30 s, or is told to. Kernels before 6.13 are told, and do not tell
// when they are done. It needs no privilege.
func (*Driver) Settle(ctx context.Context, dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for deadline := time.Now().Add(time.Second); ; {
		if err := ioctl(f, iocSync, nil); err != nil {
			return &os.PathError{Op: "sync", Path: dir, Err: err}
		}
		left := subvolWait{mode: waitCount}
		if ioctl(f, iocSubvolSyncWait, unsafe.Pointer(&left)) != nil || left.count == 0 || time.Now().After(deadline) {
			// What the last of them has freed is free when that is committed.
			return ioctl(f, iocSync, nil)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
