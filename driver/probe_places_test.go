package driver_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/reflink"
)

func btrfsCommand(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("btrfs", args...).CombinedOutput(); err != nil {
		t.Fatalf("btrfs %q: %v\n%s", args, err, out)
	}
}

// noCow makes a directory whose new files have no copy-on-write.
func noCow(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const nocow = 0x00800000 // FS_NOCOW_FL
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, nocow); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fillUp writes to dir until nothing more can be written there.
func fillUp(t *testing.T, dir string, full error) string {
	t.Helper()
	data := make([]byte, 1<<20)
	rand.Read(data)
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := len(data); size >= 4096; size /= 2 {
		for err == nil {
			if _, err = f.Write(data[:size]); err == nil {
				err = f.Sync()
			}
		}
		if !errors.Is(err, full) {
			t.Fatalf("fill %s: %v, want %v", dir, err, full)
		}
		err = nil
	}
	return dir
}

// ends are two directories; trees are made in one and cloned to the other.
type ends struct{ from, to string }

// A place is tried with each driver alone: it works, or this is the reason why not.
type place struct {
	name                 string
	ends                 func(t *testing.T) ends
	btrfs, reflink, copy error
}

func in(dir string) ends { return ends{dir, dir} }

var places = []place{
	{name: "a bind mount of a Btrfs", ends: func(t *testing.T) ends { d := loopfs.Btrfs(t); return ends{d, loopfs.Bound(t, d)} }},
	{name: "two subvolumes, each mounted", ends: func(t *testing.T) ends {
		d := loopfs.Btrfs(t)
		loopfs.Subvolume(t, d+"/a")
		loopfs.Subvolume(t, d+"/b")
		return ends{loopfs.Again(t, d, "subvol=/a"), loopfs.Again(t, d, "subvol=/b")}
	}},
	{name: "two subvolumes of one mount", ends: func(t *testing.T) ends {
		d := loopfs.Btrfs(t)
		loopfs.Subvolume(t, d+"/a")
		return ends{d, d + "/a"}
	}},
	{name: "two mounts of an XFS", ends: func(t *testing.T) ends { d := loopfs.XFS(t); return ends{d, loopfs.Bound(t, d)} }, btrfs: unix.ENOTTY},
	{name: "two Btrfs", ends: func(t *testing.T) ends { return ends{loopfs.Btrfs(t), loopfs.Btrfs(t)} }, btrfs: unix.EXDEV, reflink: reflink.ErrUnsupported},
	{name: "from XFS to Btrfs", ends: func(t *testing.T) ends { return ends{loopfs.XFS(t), loopfs.Btrfs(t)} }, btrfs: unix.ENOTTY, reflink: reflink.ErrUnsupported},
	{name: "no copy-on-write", ends: func(t *testing.T) ends { return in(noCow(t, loopfs.Btrfs(t)+"/nocow")) }},
	{name: "copy-on-write at one end only", reflink: driver.ErrUnshared,
		ends: func(t *testing.T) ends { d := loopfs.Btrfs(t); return ends{d, noCow(t, d+"/nocow")} }},
	{name: "compressed", ends: func(t *testing.T) ends { return in(loopfs.Btrfs(t, loopfs.MountOptions("compress-force=zstd"))) }},
	{name: "a full Btrfs", ends: func(t *testing.T) ends { return in(fillUp(t, loopfs.Btrfs(t, loopfs.Size(128<<20)), unix.ENOSPC)) },
		btrfs: unix.ENOSPC, reflink: unix.ENOSPC, copy: unix.ENOSPC},
	{name: "a full ext4", ends: func(t *testing.T) ends { return in(fillUp(t, loopfs.Ext4(t, loopfs.Size(32<<20)), unix.ENOSPC)) },
		btrfs: unix.ENOTTY, reflink: unix.ENOSPC, copy: unix.ENOSPC},
	{name: "a quota that is used up", ends: func(t *testing.T) ends {
		d := loopfs.Btrfs(t)
		loopfs.Subvolume(t, d+"/mine")
		btrfsCommand(t, "quota", "enable", d)
		btrfsCommand(t, "qgroup", "limit", "4M", d+"/mine")
		return in(fillUp(t, d+"/mine", unix.EDQUOT))
	}, btrfs: unix.EDQUOT, reflink: unix.EDQUOT, copy: unix.EDQUOT},
	{name: "read-only", ends: func(t *testing.T) ends { return in(loopfs.ReadOnlyView(t, loopfs.Btrfs(t))) },
		btrfs: unix.EROFS, reflink: unix.EROFS, copy: unix.EROFS},
	{name: "read-only at the other end", ends: func(t *testing.T) ends { d := loopfs.Btrfs(t); return ends{d, loopfs.ReadOnlyView(t, d)} },
		btrfs: unix.EROFS, reflink: unix.EROFS, copy: unix.EROFS},
	{name: "overlayfs on ext4", ends: func(t *testing.T) ends { return in(loopfs.Overlay(t, loopfs.Ext4(t))) }, btrfs: unix.ENOTTY, reflink: reflink.ErrUnsupported},
	{name: "overlayfs on XFS", ends: func(t *testing.T) ends { return in(loopfs.Overlay(t, loopfs.XFS(t))) }, btrfs: unix.ENOTTY},
	{name: "overlayfs on Btrfs", ends: func(t *testing.T) ends { return in(loopfs.Overlay(t, loopfs.Btrfs(t))) }, btrfs: unix.ENOTTY},
	{name: "tmpfs", ends: func(t *testing.T) ends { return in(loopfs.Memory(t)) }, btrfs: unix.ENOTTY, reflink: reflink.ErrUnsupported},
	{name: "what is not there", ends: func(t *testing.T) ends { return in(t.TempDir() + "/none") }, btrfs: fs.ErrNotExist, reflink: fs.ErrNotExist, copy: fs.ErrNotExist},
}

// What works is found out with real files at both ends, and each driver that does not work
// says why; nothing is left at either end.
func TestProbePlaces(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			e := p.ends(t)
			for _, tt := range []struct {
				driver driver.Driver
				want   error
			}{{btrfs.New(), p.btrfs}, {plain.New(plain.Reflink), p.reflink}, {plain.New(plain.Copy), p.copy}} {
				d, err := driver.ProbeBetween(t.Context(), e.from, e.to, tt.driver)
				if !errors.Is(err, tt.want) || (d == tt.driver) != (tt.want == nil) {
					t.Errorf("%s: %v, want %v", tt.driver.Name(), err, tt.want)
				}
			}
			for _, dir := range []string{e.from, e.to} {
				if left, _ := filepath.Glob(filepath.Join(dir, driver.TempPrefix+"*")); len(left) > 0 {
					t.Errorf("left over: %q", left)
				}
			}
		})
	}
}

// The page says what is found where, and why a driver is refused.
func TestPlacesPage(t *testing.T) {
	page, err := os.ReadFile("../docs/drivers.md")
	if err != nil {
		t.Fatal(err)
	}
	table := "| files at | `btrfs` | `reflink` | `copy` |\n|---|---|---|---|\n"
	for _, p := range places {
		table += "| " + p.name
		for _, err := range []error{p.btrfs, p.reflink, p.copy} {
			if err == nil {
				table += " | works"
			} else {
				table += " | " + err.Error()
			}
		}
		table += " |\n"
	}
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/drivers.md lacks:\n%s", table)
	}
}
