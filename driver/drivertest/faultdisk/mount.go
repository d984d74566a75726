package faultdisk

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Mounted is a disk with a new file system, mounted in a directory of its own with these
// options besides noatime.
func Mounted(t testing.TB, fstype, options string) *Disk {
	t.Helper()
	d := New(t, pageSize)
	d.Format(t, fstype)
	d.Mount(t, d.MountPoint(), options)
	return d
}

// PowerCut cuts the power now: the file system that is mounted from the disk is mounted
// again, with what the disk has by then. Nothing may have a file open there.
func (d *Disk) PowerCut(t testing.TB, l Loss) Cut {
	t.Helper()
	dir, left := d.dir, *d
	cut := d.cutInto(t, &left, d.Status(t).Position, l, false)
	d.Unmount(t)
	d.id = left.id
	d.Mount(t, dir, d.options)
	return cut
}

// attach gives the disk a loop device, which the kernel frees when nobody has it open or
// mounted any more.
func (d *Disk) attach(t testing.TB) *os.File {
	t.Helper()
	backing, err := os.OpenFile(d.path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	config := unix.LoopConfig{Fd: uint32(backing.Fd()), Size: uint32(d.sector)}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			t.Fatalf("find a free loop device: %v", err)
		}
		path := fmt.Sprint("/dev/loop", n)
		loop, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &config)
		if err == nil {
			limitRequests(t, n)
			d.device = path
			return loop
		}
		loop.Close()
		if err != unix.EBUSY { // another process was quicker
			t.Fatalf("attach %s to %s: %v", d, path, err)
		}
	}
	t.Fatalf("attach %s: all free loop devices were taken", d)
	return nil
}

// limitRequests has each request of a loop device be one request of FUSE, which are of 1 MiB
// at most. Of a larger one the second part may fail alone, and the loop device takes a write
// that was done in part for one that was done (Linux 6.18, drivers/block/loop.c:lo_complete_rq).
func limitRequests(t testing.TB, loop int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/sys/block/loop%d/queue/max_sectors_kb", loop), []byte("512"), 0); err != nil {
		t.Fatal(err)
	}
}

// Format makes a file system on the disk.
func (d *Disk) Format(t testing.TB, fstype string) {
	t.Helper()
	loop := d.attach(t)
	defer loop.Close()
	loopfs.Format(t, fstype, d.device)
	d.fstype = fstype
}

// Mount mounts the file system of the disk at dir, with these options more, until Unmount
// or the end of the test that has the disk.
func (d *Disk) Mount(t testing.TB, dir, options string) {
	t.Helper()
	if d.fstype == "btrfs" {
		loopfs.ForgetBtrfsDevices(t) // others with the same file system on them
	}
	loop := d.attach(t)
	defer loop.Close() // the mount has it now
	if err := unix.Mount(d.device, dir, d.fstype, unix.MS_NOATIME, options); err != nil {
		t.Fatalf("mount %s of %s at %s: %v", d.fstype, d, dir, err)
	}
	d.dir, d.options = dir, options
	d.t.Cleanup(func() { d.Unmount(d.t) })
}

// Unmount unmounts the file system, if it is mounted, and waits until nobody has it any
// more.
func (d *Disk) Unmount(t testing.TB) {
	t.Helper()
	if d.dir == "" {
		return
	}
	loopfs.Unmount(t, d.dir)
	d.dir = ""
	loopfs.Released(t, d.device, d.path())
}
