package reflink

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dedupeAtOnce is how much is asked of the kernel in one call: Btrfs takes no more (Linux
// 6.18, fs/btrfs/reflink.c: BTRFS_MAX_DEDUPE_LEN).
const dedupeAtOnce = 16 << 20

// dedupe is Dedupe by FIDEDUPERANGE.
func dedupe(dst, src *os.File, size int64) error {
	for at := int64(0); at < size; {
		r := unix.FileDedupeRange{
			Src_offset: uint64(at), Src_length: uint64(min(size-at, dedupeAtOnce)),
			Info: []unix.FileDedupeRangeInfo{{Dest_fd: int64(dst.Fd()), Dest_offset: uint64(at)}},
		}
		err := unix.IoctlFileDedupeRange(int(src.Fd()), &r)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("share data of %s with %s: %w", dst.Name(), src.Name(), err)
		}
		switch status := r.Info[0].Status; {
		case status == unix.FILE_DEDUPE_RANGE_DIFFERS:
			return ErrDiffer
		case status < 0:
			return fmt.Errorf("share data of %s with %s: %w", dst.Name(), src.Name(), unix.Errno(-status))
		}
		if r.Info[0].Bytes_deduped == 0 {
			return ErrDiffer
		}
		at += int64(r.Info[0].Bytes_deduped)
	}
	return nil
}
