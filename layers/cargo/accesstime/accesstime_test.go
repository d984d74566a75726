package accesstime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// Each file system, as it is mounted where nobody asks for anything else.
func TestSupported(t *testing.T) {
	for name, make := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS, "ext4": loopfs.Ext4} {
		for options, want := range map[string]bool{"atime": true, "atime,strictatime": true, "atime,lazytime": true, "noatime": false} {
			t.Run(name+"/"+options, func(t *testing.T) {
				dir := make(t, loopfs.MountOptions(options))
				before := mtime(t, dir)
				if got, err := Supported(dir); err != nil || got != want {
					t.Errorf("Supported = %v, %v; want %v", got, err, want)
				}
				if got := mtime(t, dir); got != before {
					t.Error("the directory has another time now")
				}
			})
		}
	}
	if _, err := Supported(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestSupportedReadOnly(t *testing.T) {
	if got, err := Supported(loopfs.ReadOnlyView(t, t.TempDir())); got || !errors.Is(err, unix.EROFS) {
		t.Errorf("got %v, %v", got, err)
	}
}

func mtime(t *testing.T, path string) time.Time {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.ModTime()
}

// workspace makes one of three packages, of which one needs another and has a script.
func workspace(t *testing.T, dir string) {
	t.Helper()
	cargotest.Write(t, dir, map[string]string{
		"Cargo.toml":       "[workspace]\nmembers = [\"top\", \"base\", \"apart\"]\nresolver = \"2\"\n",
		"top/Cargo.toml":   cargotest.Manifest("top", "base"),
		"top/src/lib.rs":   "pub fn top() -> u32 { base::base() }\n",
		"base/Cargo.toml":  cargotest.Manifest("base"),
		"base/build.rs":    "fn main() { println!(\"cargo:rerun-if-changed=build.rs\"); }\n",
		"base/src/lib.rs":  "pub fn base() -> u32 { 1 }\n",
		"apart/Cargo.toml": cargotest.Manifest("apart"),
		"apart/src/lib.rs": "pub fn apart() -> u32 { 1 }\n",
	})
}

// packages are those that units are of, with how many of each.
func packages(keys []string) map[string]int {
	found := map[string]int{}
	for _, k := range keys {
		found[builddir.ParseRecordDir(filepath.Dir(k)).Package]++
	}
	return found
}

// What cargo asks for shows, fresh or not, on each file system with each version of cargo;
// and neither what this program reads, nor a mark, makes cargo build anything.
func TestCargoAsks(t *testing.T) {
	toolchains := append(cargotest.Toolchains(t), "")
	dirs := map[string]string{}
	for name, make := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS, "ext4": loopfs.Ext4} {
		dirs[name] = make(t, loopfs.MountOptions("atime,relatime"))
	}
	for _, toolchain := range toolchains {
		for name, mount := range dirs {
			t.Run(toolchain+"/"+name, func(t *testing.T) {
				t.Logf("with %s", cargotest.Require(t, toolchain))
				dir := filepath.Join(mount, "w"+toolchain)
				workspace(t, dir)
				cargotest.Run(t, dir, toolchain, nil, "build")
				target := filepath.Join(dir, "target")
				begun := time.Now()
				all, err := Units(target)
				if err != nil || len(all) != 5 {
					t.Fatalf("Units = %v, %v; want 5", all, err)
				}
				cargotest.Run(t, dir, toolchain, nil, "build") // all are read
				if n, err := Mark(target); err != nil || n != 5 {
					t.Fatalf("Mark = %d, %v; want 5", n, err)
				}
				if n, err := Mark(target); err != nil || n != 0 {
					t.Errorf("a second Mark = %d, %v; want 0", n, err)
				}
				if _, err := builddir.Scan(target, t.TempDir(), nil); err != nil {
					t.Error(err)
				}
				if got, err := Asked(target, begun); err != nil || len(got) > 0 {
					t.Errorf("nobody has asked, and Asked = %v, %v", got, err)
				}
				out := cargotest.Run(t, dir, toolchain, nil, "build", "-p", "top", "--message-format=json")
				if strings.Contains(string(out), `"fresh":false`) {
					t.Errorf("after a mark cargo builds:\n%s", out)
				}
				got, err := Asked(target, begun)
				if want := map[string]int{"top": 1, "base": 3}; err != nil || fmt.Sprint(packages(got)) != fmt.Sprint(want) {
					t.Errorf("after a build of top: Asked = %v, %v; want %v", packages(got), err, want)
				}
				cargotest.Edit(t, filepath.Join(dir, "apart/src/lib.rs"), "pub fn apart() -> u32 { 2 }\n")
				now := time.Now()
				if err := os.Chtimes(filepath.Join(dir, "apart/src/lib.rs"), now, now); err != nil {
					t.Fatal(err)
				}
				cargotest.Run(t, dir, toolchain, nil, "build", "-p", "apart")
				if got, err := Asked(target, begun); err != nil || len(got) != 5 {
					t.Errorf("after building apart: Asked = %v, %v; want all", got, err)
				}
			})
		}
	}
}

// made is a build directory of n units as cargo leaves it, in the classic layout.
func made(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		unit := filepath.Join(dir, "debug/.fingerprint", fmt.Sprintf("unit%d-%016x", i, i))
		if err := os.MkdirAll(unit, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, size := range map[string]int{"lib-unit": 16, "lib-unit.json": 900, "dep-lib-unit": 120, "invoked.timestamp": 48} {
			if err := os.WriteFile(filepath.Join(unit, name), make([]byte, size), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestUnitsOddities(t *testing.T) {
	dir := t.TempDir()
	made(t, dir, 2)
	record := filepath.Join(dir, "debug/.fingerprint/odd-0123456789abcdef")
	if err := os.MkdirAll(filepath.Join(record, "lib-dir"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lib-dir.json", "lib-gone.json", "lib-link.json"} {
		if err := os.WriteFile(filepath.Join(record, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(record, "lib-link")); err != nil {
		t.Fatal(err)
	}
	units, err := Units(dir)
	var keys []string
	for _, u := range units {
		keys = append(keys, u.Key)
	}
	want := []string{"debug/.fingerprint/unit0-0000000000000000/lib-unit", "debug/.fingerprint/unit1-0000000000000001/lib-unit"}
	if err != nil || !slices.Equal(keys, want) {
		t.Errorf("Units = %v, %v; want %v", keys, err, want)
	}
	if _, err := Units(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Mark(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	// Far in the future, and before 1970: no time that overflows anything.
	for _, at := range []time.Time{time.Unix(1<<33, 0), time.Unix(-1, 5)} {
		path := filepath.Join(dir, want[0])
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if n, err := Mark(dir); err != nil || n == 0 {
			t.Errorf("%v: Mark = %d, %v", at, n, err)
		}
		if units, err := Units(dir); err != nil || !units[0].Asked.IsZero() || !units[0].Built.Equal(at) {
			t.Errorf("%v: Units = %v, %v", at, units[0], err)
		}
	}
}

// What a mark takes from what a snapshot shares, beside what the next build takes anyway.
func TestMarkCosts(t *testing.T) {
	mount := loopfs.Btrfs(t, loopfs.MountOptions("atime,relatime"))
	dir, layer := filepath.Join(mount, "target"), filepath.Join(mount, "layer")
	loopfs.Subvolume(t, dir)
	made(t, dir, 200)
	units, err := Units(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units { // all were asked for
		if _, err := os.ReadFile(filepath.Join(dir, u.Key)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot(t, dir, layer)
	before := metadata(t, mount)
	n, err := Mark(dir)
	if err != nil || n != 200 {
		t.Fatalf("Mark = %d, %v", n, err)
	}
	took := metadata(t, mount) - before
	t.Logf("marking 200 units takes %d bytes of metadata from what a layer shares", took)
	if took <= 0 || took > 1<<20 {
		t.Errorf("it takes %d bytes", took)
	}
}

func snapshot(t *testing.T, dir, to string) {
	t.Helper()
	if out, err := exec.Command("btrfs", "subvolume", "snapshot", "-r", dir, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// metadata is how much of it is in use on a Btrfs.
func metadata(t *testing.T, mount string) (n int64) {
	t.Helper()
	if out, err := exec.Command("btrfs", "filesystem", "sync", mount).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("btrfs", "filesystem", "df", "-b", mount).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if _, used, ok := strings.Cut(line, "used="); ok && strings.HasPrefix(line, "Metadata,") {
			if _, err := fmt.Sscan(used, &n); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}
