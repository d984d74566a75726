package btrfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/containerd/btrfs/v2"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// The size of the argument is part of the number of an ioctl, so each layout is
// checked against the number that it is used with.
func TestLayouts(t *testing.T) {
	for name, tt := range map[string]struct {
		request uintptr
		size    uintptr
	}{
		"SUBVOL_CREATE":      {iocSubvolCreate, unsafe.Sizeof(volArgs{})},
		"SNAP_CREATE_V2":     {iocSnapCreateV2, unsafe.Sizeof(volArgsV2{})},
		"SNAP_DESTROY":       {iocSnapDestroy, unsafe.Sizeof(volArgs{})},
		"INO_LOOKUP_USER":    {iocInoLookupUser, unsafe.Sizeof(inoLookupUserArgs{})},
		"GET_SUBVOL_ROOTREF": {iocGetSubvolRootref, unsafe.Sizeof(rootrefArgs{})},
		"GETFLAGS":           {iocGetFlags, unsafe.Sizeof(uint64(0))},
		"SETFLAGS":           {iocSetFlags, unsafe.Sizeof(uint64(0))},
	} {
		if encoded := tt.request >> 16 & 0x3fff; encoded != tt.size {
			t.Errorf("%s: argument has %d bytes, its number says %d", name, tt.size, encoded)
		}
		if tt.request>>8&0xff != 0x94 {
			t.Errorf("%s: %#x is not of Btrfs", name, tt.request)
		}
	}
}

// What this package calls a subvolume, and reads of what it has made, is what a library that
// goes by C's headers says of it.
func TestSubvolumesAreTheLibrarys(t *testing.T) {
	dir := loopfs.Btrfs(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		createSubvolume(path("made")), btrfs.SubvolCreate(path("foreign")),
		snapshotSubvolume(path("clone"), path("made"), false), snapshotSubvolume(path("sealed"), path("foreign"), true),
		os.Mkdir(path("plain"), 0o755), os.WriteFile(path("file"), nil, 0o644), os.Symlink("made", path("link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, place := range []string{path("made"), path("foreign"), path("clone"), path("sealed"), path("plain"), path("file"), path("link"), path("none"), dir, t.TempDir(), "/"} {
		if got, want := isSubvolume(place), btrfs.IsSubvolume(place) == nil; got != want {
			t.Errorf("isSubvolume(%s) = %v, the library says %v", place, got, want)
		}
	}
	for name, parent := range map[string]string{"clone": "made", "sealed": "foreign"} {
		got, err := btrfs.SubvolInfo(path(name))
		if err != nil {
			t.Fatal(err)
		}
		from, err := btrfs.SubvolInfo(path(parent))
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != name || got.ParentUUID != from.UUID || got.Readonly != (name == "sealed") {
			t.Errorf("%s is %+v, of %+v", name, got, from)
		}
	}
}

// More subvolumes than one call lists.
func TestNestedMany(t *testing.T) {
	tree := filepath.Join(loopfs.Btrfs(t), "tree")
	if err := New().Create(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(tree, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	const n = 300
	want := map[string]bool{}
	for i := range n {
		name := fmt.Sprintf("a/b/%d", i)
		if i%2 == 0 {
			name = fmt.Sprint(i)
		}
		if err := btrfs.SubvolCreate(filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
		want[name] = true
	}
	got, err := nested(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range got {
		if !want[name] {
			t.Errorf("unexpected or twice: %s", name)
		}
		delete(want, name)
	}
	if len(want) != 0 {
		t.Errorf("%d of %d are missing", len(want), n)
	}
	if err := New().Delete(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
}
