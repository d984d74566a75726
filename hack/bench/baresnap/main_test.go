package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

func TestArgsSize(t *testing.T) {
	if size := unsafe.Sizeof(volArgsV2{}); size != 4096 {
		t.Errorf("struct btrfs_ioctl_vol_args_v2 is %d bytes here, 4096 in the kernel", size)
	}
}

func TestSnapshot(t *testing.T) {
	p, err := scratch.Make(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if !p.Btrfs {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Btrfs: %s", p.Note)
		}
		t.Skipf("no Btrfs: %s", p.Note)
	}
	from := filepath.Join(p.Dir, "from")
	if out, err := exec.Command("btrfs", "subvolume", "create", from).CombinedOutput(); err != nil {
		t.Fatalf("btrfs: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(from, "file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, readonly := range map[string]bool{"writable": false, "sealed": true} {
		to := filepath.Join(p.Dir, name)
		if err := (snapshooter{sync: true, readonly: readonly}).snapshot(from, to); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(to, "file")); string(text) != "text" {
			t.Errorf("%s: its file holds %q, %v", name, text, err)
		}
		if err := os.WriteFile(filepath.Join(to, "new"), nil, 0o644); errors.Is(err, unix.EROFS) != readonly {
			t.Errorf("%s: a write into it: %v", name, err)
		}
		if err := (snapshooter{readonly: readonly}).snapshot(from, to); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: a second snapshot of that name: %v, want EEXIST", name, err)
		}
	}
	for _, atOnce := range []bool{false, true} {
		var to []string
		for n := range 3 {
			to = append(to, filepath.Join(p.Dir, fmt.Sprintf("%t-%d", atOnce, n)))
		}
		if err := (snapshooter{}).all(from, to, atOnce); err != nil {
			t.Fatal(err)
		}
		for _, tree := range to {
			if text, err := os.ReadFile(filepath.Join(tree, "file")); string(text) != "text" {
				t.Errorf("at once: %t: the file in %s holds %q, %v", atOnce, tree, text, err)
			}
		}
		if err := (snapshooter{}).all(from, to[2:], atOnce); !errors.Is(err, fs.ErrExist) {
			t.Errorf("at once: %t: again: %v, want EEXIST", atOnce, err)
		}
	}
}
