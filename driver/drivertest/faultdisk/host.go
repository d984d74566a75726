package faultdisk

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// In the environment of a test binary it makes it a host of disks, below the directory
// that it names.
const hostVariable = "CARGO_COW_FAULTDISK_HOST"

// A test binary that has this package in it is a host as well, without a word about it in
// its tests.
func init() {
	dir := os.Getenv(hostVariable)
	if dir == "" {
		return
	}
	if err := serve(dir, os.NewFile(3, "test")); err != nil {
		fmt.Fprintln(os.Stderr, "host of disks:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve shows the disks in dir and answers the test's calls until the test is gone.
func serve(dir string, test *os.File) error {
	conn, err := net.FileConn(test)
	if err != nil {
		return err
	}
	shown := &shelf{disks: map[int]*device{}}
	server, err := fs.Mount(dir, shown, &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, // the helper for users without privilege may be missing
		FsName:            "faultdisk", Name: "faultdisk",
		MaxWrite:      1 << 20, // the most that the kernel gives at once
		DisableSplice: true,    // nothing here lies in files
	}})
	if err != nil {
		return err
	}
	calls := rpc.NewServer()
	if err := calls.RegisterName("Host", &Host{shown}); err != nil {
		return errors.Join(err, server.Unmount())
	}
	calls.ServeConn(conn) // until the connection ends
	// A disk may be in use still, by a test that was killed: it fails from now on.
	return unix.Unmount(dir, unix.MNT_DETACH)
}

// Host has the methods that a test calls in the process of the disks. They are those of
// net/rpc, which wants them exported.
type Host struct{ shelf *shelf }

// NewArgs is a disk to be made.
type NewArgs struct {
	Size   int64
	Sector int
	Keeps  bool
}

// CutArgs is a disk to be made from another.
type CutArgs struct {
	ID, Position int
	Loss         Loss
	Keeps        bool
}

// CutReply is the disk that was made.
type CutReply struct {
	ID  int
	Cut Cut
}

// FaultArgs is what is to go wrong on a disk.
type FaultArgs struct {
	ID    int
	Fault Fault
}

// MomentArgs is a moment of a disk.
type MomentArgs struct {
	ID int
	At time.Time
}

func (h *Host) disk(id int) (*device, error) {
	if d := h.shelf.get(id); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("there is no disk %d", id)
}

// New makes an empty disk.
func (h *Host) New(a NewArgs, id *int) error {
	*id = h.shelf.put(newDevice(newImage(a.Size), a.Sector, a.Keeps))
	return nil
}

// Cut makes a disk of what a power cut leaves of another.
func (h *Host) Cut(a CutArgs, reply *CutReply) error {
	d, err := h.disk(a.ID)
	if err != nil {
		return err
	}
	content, cut, err := d.cut(a.Position, a.Loss)
	if err != nil {
		return err
	}
	reply.ID, reply.Cut = h.shelf.put(newDevice(content, d.sector, a.Keeps)), cut
	return nil
}

// Drop forgets a disk.
func (h *Host) Drop(id int, _ *struct{}) error {
	h.shelf.drop(id)
	return nil
}

// Arm has something go wrong.
func (h *Host) Arm(a FaultArgs, _ *struct{}) error {
	d, err := h.disk(a.ID)
	if err == nil {
		d.arm(a.Fault)
	}
	return err
}

// Disarm has nothing go wrong any more, and whatever waits go on. A disk that is forgotten
// is at peace.
func (h *Host) Disarm(id int, _ *struct{}) error {
	if d := h.shelf.get(id); d != nil {
		d.disarm()
	}
	return nil
}

// Status tells how a disk stands.
func (h *Host) Status(id int, reply *Status) error {
	d, err := h.disk(id)
	if err == nil {
		*reply = d.status()
	}
	return err
}

// Position tells how many operations there were by a moment.
func (h *Host) Position(a MomentArgs, reply *int) error {
	d, err := h.disk(a.ID)
	if err == nil {
		*reply = d.position(a.At)
	}
	return err
}
