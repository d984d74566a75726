package faultdisk

import (
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A Disk is a disk that lies. What cannot be done fails the test it is called with.
type Disk struct {
	t      testing.TB // the test that it ends with
	host   *client
	id     int
	sector int
	fstype string

	// While it is mounted.
	dir     string // "": it is not
	device  string // the loop device
	options string
}

// client is the process that serves the disks of a test.
type client struct {
	base  string // a directory
	calls *rpc.Client
}

// How large a disk is. It takes what is written.
const size = 2 << 30

// New is an empty disk with sectors of that many bytes, the least that it writes whole:
// 512 or 4096. It remembers nothing before its last flush; its forks may.
func New(t testing.TB, sector int) *Disk {
	t.Helper()
	d := &Disk{t: t, host: start(t), sector: sector}
	d.call(t, "New", NewArgs{size, sector, false}, &d.id)
	return d
}

// Dir is where the disk is mounted, which it must be.
func (d *Disk) Dir() string {
	if d.dir == "" {
		panic(d.String() + " is not mounted") // nobody writes to what lies there then
	}
	return d.dir
}

// MountPoint is a directory that the disk and its forks can be mounted at, one at a time.
func (d *Disk) MountPoint() string { return filepath.Join(d.host.base, "mnt") }

// start starts a host, which goes when the test ends.
func start(t testing.TB) *client {
	t.Helper()
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "a disk in user space needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		loopfs.Unavailable(t, "a disk in user space needs FUSE: "+err.Error())
	}
	c := &client{base: makeBase(t)}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "host"), os.NewFile(uintptr(ends[1]), "test")
	host := exec.Command("/proc/self/exe")
	host.Env = append(os.Environ(), hostVariable+"="+c.disks())
	host.Stdout, host.Stderr, host.ExtraFiles = os.Stderr, os.Stderr, []*os.File{theirs}
	// It goes when the test does, and not before, whoever is interrupted.
	host.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = host.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		t.Fatal(err)
	}
	c.calls = rpc.NewClient(conn)
	t.Cleanup(func() {
		c.calls.Close()
		if err := host.Wait(); err != nil {
			t.Errorf("host of disks: %v", err)
		}
	})
	return c
}

// makeBase makes the directories of a host. They are removed one by one when the test ends:
// what may be mounted there still is nobody's to remove.
func makeBase(t testing.TB) string {
	t.Helper()
	base, err := os.MkdirTemp("", "faultdisk-")
	if err != nil {
		t.Fatal(err)
	}
	// Other users may enter, as in what loopfs makes.
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{base, filepath.Join(base, "disks"), filepath.Join(base, "mnt")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
	}
	return base
}

// disks is where the disks are files.
func (c *client) disks() string { return filepath.Join(c.base, "disks") }

func (d *Disk) call(t testing.TB, method string, args, reply any) {
	t.Helper()
	if err := d.host.calls.Call("Host."+method, args, reply); err != nil {
		t.Fatalf("disk %d: %s: %v", d.id, method, err)
	}
}

// path is the disk as a file.
func (d *Disk) path() string { return filepath.Join(d.host.disks(), strconv.Itoa(d.id)) }

// Cut is the disk that a power cut after so many operations would have left, and what the
// power cut did. This one goes on as it was. It is gone when the test ends that it is
// made in. With keeps, it remembers its whole history, which takes as much memory as is
// written to it.
func (d *Disk) Cut(t testing.TB, position int, l Loss, keeps bool) (*Disk, Cut) {
	t.Helper()
	left := &Disk{t: t, host: d.host, sector: d.sector, fstype: d.fstype}
	return left, d.cutInto(t, left, position, l, keeps)
}

func (d *Disk) cutInto(t testing.TB, left *Disk, position int, l Loss, keeps bool) Cut {
	t.Helper()
	var reply CutReply
	d.call(t, "Cut", CutArgs{d.id, position, l, keeps}, &reply)
	left.id = reply.ID
	left.t.Cleanup(func() { left.host.calls.Call("Host.Drop", reply.ID, &struct{}{}) })
	return reply.Cut
}

// Fork is a disk with all that is on this one.
func (d *Disk) Fork(t testing.TB, keeps bool) *Disk {
	t.Helper()
	left, _ := d.Cut(t, d.Status(t).Position, Loss{Keep: 1}, keeps)
	return left
}

// Arm has something go wrong from now on, in the place of what was to go wrong before.
func (d *Disk) Arm(t testing.TB, f Fault) {
	t.Helper()
	d.call(t, "Arm", FaultArgs{d.id, f}, &struct{}{})
}

// Disarm has nothing go wrong any more, and whatever waits go on.
func (d *Disk) Disarm(t testing.TB) {
	t.Helper()
	d.call(t, "Disarm", d.id, &struct{}{})
}

// Stall has the disk wait from the operation on that follows the next n, until
// [Disk.Disarm] or the end of the test.
func (d *Disk) Stall(t testing.TB, n int) {
	t.Helper()
	d.Arm(t, Fault{After: n})
	d.t.Cleanup(func() { d.Disarm(d.t) })
}

// Status tells how the disk stands.
func (d *Disk) Status(t testing.TB) Status {
	t.Helper()
	var s Status
	d.call(t, "Status", d.id, &s)
	return s
}

// Position is how many operations there were by a moment that the disk remembers.
func (d *Disk) Position(t testing.TB, at time.Time) int {
	t.Helper()
	var n int
	d.call(t, "Position", MomentArgs{d.id, at}, &n)
	return n
}

func (d *Disk) String() string { return fmt.Sprintf("disk %d", d.id) }
