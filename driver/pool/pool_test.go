package pool

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

const gib = 1 << 30

// host is a machine with a disk of ext4, and the pool that it could have.
func host(t testing.TB, size int64) (dir string, p Pool) {
	t.Helper()
	dir = loopfs.Ext4(t, loopfs.Size(size))
	etc := filepath.Join(dir, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	p = At(filepath.Join(dir, "lib/cargo cow/pool")).With(etc)
	t.Cleanup(func() {
		m, mounted := mountedAt(p.Mount)
		err := p.Detach()
		// Mount namespaces that other tests have made meanwhile have it, too, for a while.
		for end := time.Now().Add(2 * time.Minute); mounted && m.Backing() != "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			err = nil
		}
		if err != nil {
			t.Error(err)
		}
	})
	return dir, p
}

func create(t testing.TB, p Pool, q Request) *Plan {
	t.Helper()
	plan, err := p.Create(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func nobody(t testing.TB) *user.User {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestPool(t *testing.T) {
	_, p := host(t, 4*gib)
	if _, err := p.State(); !errors.Is(err, ErrNone) {
		t.Errorf("before it is made: %v", err)
	}
	if _, err := p.Home(0); !errors.Is(err, ErrNone) {
		t.Errorf("before it is made: %v", err)
	}
	plan := create(t, p, Request{For: nobody(t)})
	if !plan.New || plan.Size < MinSize || plan.Keep != Fstab {
		t.Errorf("made as %+v", plan)
	}
	s, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Mounted || s.ReadOnly || !s.Direct || len(s.Wants) > 0 || s.Keep != Fstab || s.Image != p.Mount+".img" || s.Size != plan.Size || s.Takes > s.Size/10 || s.Errors > 0 {
		t.Errorf("it is %+v", s)
	}
	home, err := p.Home(65534)
	if err != nil || home != filepath.Join(p.Mount, "nobody") || home != plan.Home {
		t.Errorf("home %q, %v", home, err)
	}
	if _, err := p.Home(12345); !errors.Is(err, ErrNoHome) {
		t.Errorf("of nobody's: %v", err)
	}
	// Once more is no more, with another user's directory besides.
	again := create(t, p, Request{For: &user.User{Uid: "12345", Gid: "12345", Username: "other"}})
	if again.New || again.Image != plan.Image {
		t.Errorf("made again as %+v", again)
	}
	if home, err := p.Home(12345); err != nil || home != again.Home {
		t.Errorf("home %q, %v", home, err)
	}
	// What was taken away comes back as it was when it is mounted again.
	if err := os.WriteFile(filepath.Join(home, "file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Home(65534); !errors.Is(err, ErrNotMounted) {
		t.Errorf("unmounted: %v", err)
	}
	if s, err := p.State(); err != nil || s.Mounted || s.Image != plan.Image || s.Size != plan.Size {
		t.Errorf("unmounted it is %+v, %v", s, err)
	}
	if err := p.Attach(""); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(home, "file")); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}

// Nobody but root puts anything in the place of a pool that is not mounted.
func TestEmptyMountPoint(t *testing.T) {
	dir, p := host(t, 4*gib)
	create(t, p, Request{})
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(p.Mount, &st); err != nil || st.Uid != 0 || st.Mode&0o222 != 0 {
		t.Errorf("mode %o of %d, %v", st.Mode, st.Uid, err)
	}
	// What somebody has put there all the same is not hidden.
	if err := os.WriteFile(filepath.Join(p.Mount, "lost"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), Request{}); err == nil || !strings.Contains(err.Error(), "there is something in") {
		t.Errorf("mounted over a file: %v", err)
	}
	_ = dir
}

// A file that is none of ours is never written to.
func TestForeignImage(t *testing.T) {
	dir, p := host(t, 4*gib)
	image := filepath.Join(dir, "image")
	for name, text := range map[string]string{"text": "mine", "empty": "", "long": strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(image, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Create(t.Context(), Request{Image: image}); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(image); err != nil || string(got) != text {
			t.Errorf("%s: it has become %d bytes, %v", name, len(got), err)
		}
	}
	if err := os.Remove(image); err != nil {
		t.Fatal(err)
	}
	// Another Btrfs is somebody else's.
	if err := os.Truncate(touch(t, image), gib); err != nil {
		t.Fatal(err)
	}
	loopfs.Format(t, "btrfs", image)
	if _, err := p.Create(t.Context(), Request{Image: image}); !errors.Is(err, ErrForeign) {
		t.Errorf("a Btrfs: %v", err)
	}
	if _, err := p.Create(t.Context(), Request{Size: MinSize - 1}); !errors.Is(err, ErrTooSmall) {
		t.Errorf("small: %v", err)
	}
}

func touch(t testing.TB, path string) string {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is killed at any step is gone on with by the same call.
func TestCreateGoesOn(t *testing.T) {
	dir, p := host(t, 4*gib)
	image := filepath.Join(dir, "disk.img")
	q := Request{Image: image, Size: gib, For: nobody(t)}
	steps := []func() error{
		func() error { return makeImage(t.Context(), image, gib) },
		p.makeMountPoint,
		func() error { return p.keep(t.Context(), image) },
		func() error { return p.Attach(image) },
	}
	for n := range len(steps) + 1 {
		for _, step := range steps[:n] {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		create(t, p, q)
		fstab, err := os.ReadFile(filepath.Join(dir, "etc/fstab"))
		if err != nil || strings.Count(string(fstab), image) != 1 {
			t.Errorf("after %d steps fstab has %q, %v", n, fstab, err)
		}
		if _, err := p.Home(65534); err != nil {
			t.Errorf("after %d steps: %v", n, err)
		}
		if err := p.Remove(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		for _, left := range []string{image, p.Mount} {
			if _, err := os.Lstat(left); err == nil {
				t.Errorf("%s is left over", left)
			}
		}
	}
}

func TestRemove(t *testing.T) {
	dir, p := host(t, 4*gib)
	fstab := filepath.Join(dir, "etc/fstab")
	const others = "# mine\nUUID=1 / ext4 defaults 0 1"
	if err := os.WriteFile(fstab, []byte(others), 0o640); err != nil {
		t.Fatal(err)
	}
	plan := create(t, p, Request{For: nobody(t)})
	file := touch(t, filepath.Join(plan.Home, "file"))
	if err := p.Remove(t.Context(), false); !errors.Is(err, ErrHolds) || !strings.Contains(err.Error(), "nobody/file") {
		t.Errorf("with a file in it: %v", err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(t.Context(), true); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	f.Close()
	if _, err := os.Lstat(file); err != nil {
		t.Fatal(err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(t.Context(), false); !errors.Is(err, ErrNotMounted) {
		t.Errorf("not mounted: %v", err)
	}
	if err := p.Remove(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(fstab); err != nil || string(text) != others+"\n" {
		t.Errorf("fstab is %q, %v", text, err)
	}
	if fi, err := os.Stat(fstab); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", fi.Mode(), err)
	}
	if err := p.Remove(t.Context(), true); !errors.Is(err, ErrNone) {
		t.Errorf("once more: %v", err)
	}
}

func TestGrowAndTrim(t *testing.T) {
	_, p := host(t, 6*gib)
	create(t, p, Request{Size: gib})
	before, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Grow(t.Context(), gib/2); !errors.Is(err, ErrTooSmall) {
		t.Errorf("smaller: %v", err)
	}
	if err := p.Grow(t.Context(), 3*gib); err != nil {
		t.Fatal(err)
	}
	after, err := p.State()
	if err != nil || after.Size != 3*gib || after.Free < before.Free+gib {
		t.Errorf("%d bytes, %d free before; %d bytes, %d free, %v", before.Size, before.Free, after.Size, after.Free, err)
	}
	file := filepath.Join(p.Mount, "file")
	noise, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for len(all) < 300<<20 {
		all = append(all, noise...)
	}
	if err := os.WriteFile(file, all, 0o644); err != nil {
		t.Fatal(err)
	}
	loopfs.Free(t, p.Mount)
	full, err := p.State()
	if err != nil || full.Takes < after.Takes+50<<20 {
		t.Fatalf("with a file of %d bytes it takes %d, %v", len(all), full.Takes, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := p.State(); err != nil || s.Takes > after.Takes+20<<20 {
		t.Errorf("it takes %d after the file has gone, %d before it came, %v", s.Takes, after.Takes, err)
	}
}

// The driver of Btrfs keeps its word in a pool.
func TestConformance(t *testing.T) {
	_, p := host(t, 8*gib)
	home := create(t, p, Request{Size: 6 * gib, For: nobody(t)}).Home
	drivertest.Run(t, drivertest.Factory{Driver: btrfs.New(), Dir: func(t testing.TB) string {
		dir, err := os.MkdirTemp(home, "")
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}})
}

// So it does for a user of the pool, who deletes a tree in one call.
func TestConformanceUnprivileged(t *testing.T) {
	home := func(t testing.TB) string {
		_, p := host(t, 8*gib)
		return create(t, p, Request{Size: 6 * gib, For: nobody(t)}).Home
	}
	drivertest.AsUser(t, 65534, home, func(t *testing.T, dir string) {
		tree := filepath.Join(dir, "tree")
		if err := errors.Join(btrfs.New().Create(t.Context(), tree), btrfs.New().Destroy(t.Context(), tree)); err != nil {
			t.Error(err)
		}
		drivertest.Run(t, drivertest.Factory{Driver: btrfs.New(), Dir: func(testing.TB) string { return dir }})
	})
}

// Where the host's disk is full under a pool, the pool says so before, fails then, and has all
// that was committed when it is mounted again.
func TestHostFull(t *testing.T) {
	dir, p := host(t, 3*gib)
	create(t, p, Request{Size: 2 * gib})
	d := btrfs.New()
	work, layer := filepath.Join(p.Mount, "work"), filepath.Join(p.Mount, "layer")
	if err := d.Create(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 8<<20)
	rand.Read(noise)
	if err := errors.Join(os.WriteFile(filepath.Join(work, "file"), noise, 0o644), d.Seal(t.Context(), layer, work)); err != nil {
		t.Fatal(err)
	}
	if s, err := p.State(); err != nil || !s.Short() && s.HostFree < Shortage || s.Free > s.HostFree {
		t.Errorf("%+v %v", s, err)
	}
	free, err := freeIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if out, err := exec.Command("fallocate", "-l", fmt.Sprint(free-20<<20), filler).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if s, err := p.State(); err != nil || !s.Short() || s.Free > 20<<20 {
		t.Errorf("with a full host it is %+v, %v", s, err)
	}
	failed := false
	for n := 0; n < 100 && !failed; n++ {
		rand.Read(noise)
		err := os.WriteFile(filepath.Join(work, fmt.Sprint(n)), noise, 0o644)
		if err == nil {
			err = d.Seal(t.Context(), fmt.Sprint(layer, n), work)
		}
		failed = err != nil
		if _, there := os.Lstat(fmt.Sprint(layer, n)); failed && there == nil {
			if got, err := os.ReadFile(filepath.Join(fmt.Sprint(layer, n), fmt.Sprint(n))); err == nil && !bytes.Equal(got, noise) {
				t.Error("a seal that failed has left half a tree")
			}
		}
	}
	if !failed {
		t.Fatal("nothing fails on a disk that is full: this looks at the wrong thing")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := p.Attach(""); err != nil {
		t.Fatal(err)
	}
	if s, err := p.State(); err != nil || s.ReadOnly || s.Short() && s.HostFree > Shortage {
		t.Errorf("mounted again it is %+v, %v", s, err)
	}
	if fi, err := os.Stat(filepath.Join(layer, "file")); err != nil || fi.Size() != int64(len(noise)) {
		t.Errorf("what was sealed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(work, "after"), noise, 0o644); err != nil {
		t.Error(err)
	}
}

// What is copied into a pool is not begun where it would fill the disk under it, though the pool itself has room.
func TestHostHasNoRoomForACopy(t *testing.T) {
	dir, p := host(t, 4*gib)
	create(t, p, Request{Size: 3 * gib})
	from, to := filepath.Join(dir, "from"), filepath.Join(p.Mount, "to")
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 64<<20)
	rand.Read(noise)
	if err := os.WriteFile(filepath.Join(from, "file"), noise, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sync", "-f", from).Run(); err != nil {
		t.Fatal(err)
	}
	free, err := freeIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if room, err := reflink.Free(to); err != nil || room > free-gib || room < free-gib-128<<20 {
		t.Errorf("with %d free under the pool there is room for %d, %v", free, room, err)
	}
	filler := filepath.Join(dir, "filler")
	if out, err := exec.Command("fallocate", "-l", fmt.Sprint(free-gib-32<<20), filler).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var room *reflink.RoomError
	if _, err := reflink.CopyTree(t.Context(), to, from, reflink.Options{Mode: reflink.Never}); !errors.As(err, &room) || room.Free > 32<<20 {
		t.Errorf("64 MiB are copied where the disk has 32 to spare: %v", err)
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("and there is something: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if _, err := reflink.CopyTree(t.Context(), to, from, reflink.Options{Mode: reflink.Never}); err != nil {
		t.Error(err)
	}
}

// An image that was cut off, or has gone, is told of, and nothing is mounted.
func TestImageDamaged(t *testing.T) {
	_, p := host(t, 6*gib)
	plan := create(t, p, Request{Size: 2 * gib})
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(plan.Image, gib); err != nil {
		t.Fatal(err)
	}
	if err := p.Attach(""); err == nil {
		t.Error("half an image is mounted")
	}
	if err := os.Truncate(plan.Image, 2*gib); err != nil {
		t.Fatal(err)
	}
	if err := p.Attach(""); err != nil {
		t.Errorf("what was cut off was not written to: %v", err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(plan.Image); err != nil {
		t.Fatal(err)
	}
	if err := p.Attach(""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the image: %v", err)
	}
	if _, err := p.Home(0); !errors.Is(err, ErrNotMounted) {
		t.Errorf("without the image: %v", err)
	}
	if err := p.Remove(t.Context(), false); err != nil {
		t.Error(err)
	}
}

func TestUnits(t *testing.T) {
	p := At("/var/lib/cargo-cow/pool")
	if p.unit() != `var-lib-cargo\x2dcow-pool.mount` {
		t.Errorf("the unit is %s", p.unit())
	}
	files, commands := p.ByHand("/data/a b%/pool.img", Systemd)
	if len(files) != 2 || len(commands) != 2 || !strings.Contains(files[0].Text, `What="/data/a b%%/pool.img"`) {
		t.Errorf("%+v %v", files, commands)
	}
	etc := t.TempDir()
	p = p.With(etc)
	for _, f := range mapFiles(etc, files) {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := f.write(); err != nil {
			t.Fatal(err)
		}
	}
	if image, k := p.kept(); image != "/data/a b%/pool.img" || k != Systemd {
		t.Errorf("kept %q by %q", image, k)
	}
}

func mapFiles(etc string, files []File) []File {
	files = slices.Clone(files)
	for i := range files {
		files[i].Path = filepath.Join(etc, strings.TrimPrefix(files[i].Path, "/etc"))
	}
	return files
}
