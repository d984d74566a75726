package warm

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// tree makes files of one byte each, or of as many as their text has, and a
// directory for each name that ends in a slash.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		name, text, ok := strings.Cut(name, "=")
		if !ok {
			text = "x"
		}
		path := filepath.Join(dir, name)
		parent := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			parent = path
		}
		if err := os.MkdirAll(parent, 0o777); err != nil {
			t.Fatal(err)
		}
		if parent == path {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func planned(t *testing.T, dir string) (names []string, bytes int64) {
	t.Helper()
	files, bytes, err := Plan(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, err := filepath.Rel(dir, f.Path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names, bytes
}

func TestPlan(t *testing.T) {
	dir := tree(t,
		"CACHEDIR.TAG", "debug/.cargo-lock", "debug/.fingerprint/", "debug/tool=program",
		"debug/deps/liba-1.rlib=rlib", "debug/deps/liba-1.rmeta=rm", "debug/deps/libm-2.so=so", "debug/deps/a-1.d", "debug/deps/tool-3=program", "debug/deps/libempty.rmeta=",
		"debug/incremental/a-x/s-h100-aaa-1/dep-graph.bin=old", "debug/incremental/a-x/s-h200-bbb-2/dep-graph.bin=new", "debug/incremental/a-x/s-h200-bbb-2/c.o=code",
		"debug/incremental/a-x/s-h300-ccc-working/dep-graph.bin=unfinished", "debug/incremental/a-x/s-h200-bbb.lock=", "debug/incremental/b-y/s-h050-ddd-3/dep-graph.bin=b",
		"release/.cargo-lock", "release/deps/liba-9.rlib=release", "release/incremental/a-x/s-h150-eee-4/dep-graph.bin=release",
		"debug/build/a-5/out/generated.so=no", "tmp/x",
	)
	// What rustc keeps is often the output under another name.
	if err := os.Link(filepath.Join(dir, "debug/incremental/a-x/s-h200-bbb-2/c.o"), filepath.Join(dir, "debug/deps/libc.rlib")); err != nil {
		t.Fatal(err)
	}
	got, bytes := planned(t, dir)
	want := []string{
		"debug/deps/liba-1.rmeta", "debug/deps/libm-2.so",
		"debug/incremental/a-x/s-h200-bbb-2/c.o", "debug/incremental/a-x/s-h200-bbb-2/dep-graph.bin", "debug/incremental/b-y/s-h050-ddd-3/dep-graph.bin",
		"debug/deps/liba-1.rlib",
	}
	if !slices.Equal(got, want) || bytes != 2+2+4+3+1+4 {
		t.Errorf("Plan = %v, %d bytes\nwant   %v", got, bytes, want)
	}
}

func TestPlanOfUnitDirectories(t *testing.T) {
	dir := tree(t, "debug/.cargo-build-lock", "debug/build/a/0123456789abcdef/out/liba.rmeta", "debug/build/a/0123456789abcdef/out/liba.rlib", "debug/build/a/0123456789abcdef/fingerprint/lib-a",
		"debug/build/a/1123456789abcdef/out/lib.so", "debug/incremental/a-x/s-h1-a-1/dep-graph.bin")
	got, _ := planned(t, dir)
	want := []string{"debug/build/a/0123456789abcdef/out/liba.rmeta", "debug/incremental/a-x/s-h1-a-1/dep-graph.bin", "debug/build/a/0123456789abcdef/out/liba.rlib"}
	if !slices.Equal(got, want) {
		t.Errorf("Plan = %v\nwant   %v", got, want)
	}
}

// A directory whose name is a pattern, one that is empty, and one that is not there.
func TestPlanOfOddDirectories(t *testing.T) {
	dir := tree(t, "[a]*/debug/.cargo-lock", "[a]*/debug/build/a/0123456789abcdef/out/liba.rmeta", "[a]*/debug/build/a/0123456789abcdef/fingerprint/lib-a", "a/")
	if got, _ := planned(t, filepath.Join(dir, "[a]*")); len(got) != 1 {
		t.Errorf("Plan = %v, want one file", got)
	}
	if got, _ := planned(t, filepath.Join(dir, "a")); len(got) != 0 {
		t.Errorf("Plan of nothing = %v", got)
	}
	if _, _, err := Plan(filepath.Join(dir, "gone")); err == nil {
		t.Error("Plan of what is not there: no error")
	}
}

// memory is a machine with so much memory available.
func memory(t *testing.T, available string, cgroup ...string) Memory {
	return Memory{tree(t, "meminfo=MemTotal: 999 kB\nMemAvailable:  "+available+" kB\n", "self/cgroup=1:name=x:/y\n0::/a/b\n"), tree(t, cgroup...)}
}

func TestAvailable(t *testing.T) {
	for name, test := range map[string]struct {
		m    Memory
		want int64
	}{
		"the machine's":         {memory(t, "100"), 100 << 10},
		"no limit":              {memory(t, "100", "a/b/memory.max=max\n", "a/b/memory.high=max\n", "a/b/memory.current=5\n"), 100 << 10},
		"the group's":           {memory(t, "100", "a/b/memory.max=4000\n", "a/b/memory.current=3000\n", "a/b/memory.stat=anon 9\ninactive_file 200\nactive_file 300\n"), 1500},
		"of the group above":    {memory(t, "100", "a/b/memory.max=4000\n", "a/b/memory.current=0\n", "a/memory.high=2000\n", "a/memory.current=1000\n"), 1000},
		"none":                  {memory(t, "100", "a/b/memory.max=1\n", "a/b/memory.current=3\n"), 0},
		"a kernel that is mute": {Memory{Proc: t.TempDir()}, 0},
	} {
		if got := test.m.Available(); got != test.want {
			t.Errorf("%s: Available = %d, want %d", name, got, test.want)
		}
	}
	if got := (Memory{}).Available(); got <= 0 || got == math.MaxInt64 {
		t.Errorf("Available here = %d", got)
	}
}

// cached returns how many pages of a file lie in memory, and of how many.
func cached(t *testing.T, path string) (in, all int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	pages := make([]byte, (len(m)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range pages {
		in += int(p & 1)
	}
	return in, len(pages)
}

// A snapshot has a page cache of its own, and Run fills it.
func TestRunFillsTheSnapshotsCache(t *testing.T) {
	mount := loopfs.Btrfs(t)
	origin, place := filepath.Join(mount, "origin"), filepath.Join(mount, "place")
	btrfs(t, "subvolume", "create", origin)
	data := make([]byte, 5<<20+123)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	if err := os.WriteFile(filepath.Join(origin, "f"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	unix.Sync()
	btrfs(t, "subvolume", "snapshot", origin, place)
	path := filepath.Join(place, "f")
	if in, _ := cached(t, path); in != 0 {
		t.Fatalf("%d pages of the snapshot's file are cached before anybody has read it", in)
	}
	rep := Run(t.Context(), []File{{path, int64(len(data))}}, Memory{})
	if rep != (Report{1, int64(len(data)), Done}) {
		t.Errorf("Run = %+v", rep)
	}
	if in, all := cached(t, path); in != all {
		t.Errorf("%d of %d pages are cached", in, all)
	}
}

func btrfs(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("btrfs", args...).CombinedOutput(); err != nil {
		t.Fatalf("btrfs %v: %v\n%s", args, err, out)
	}
}

func TestRunIsBounded(t *testing.T) {
	dir := t.TempDir()
	var files []File
	for _, name := range []string{"a", "gone", "b", "c"} {
		path := filepath.Join(dir, name)
		files = append(files, File{path, 2 * step})
		if name == "gone" {
			continue
		}
		if err := os.WriteFile(path, make([]byte, 2*step), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rep := Run(t.Context(), files, memory(t, "8192"))
	if rep.Why != NoMemory || rep.Bytes != 4*step || rep.Files != 1 && rep.Files != 2 {
		t.Errorf("with 8 MiB: %+v, want half of that", rep)
	}
	if rep := Run(t.Context(), files, memory(t, "0")); rep != (Report{0, 0, NoMemory}) {
		t.Errorf("without memory: %+v", rep)
	}
	if rep := Run(t.Context(), files, memory(t, "999999")); rep != (Report{3, 6 * step, Done}) {
		t.Errorf("with plenty: %+v", rep)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if rep := Run(ctx, files, memory(t, "999999")); rep != (Report{0, 0, Cancelled}) {
		t.Errorf("cancelled: %+v", rep)
	}
}

// The idle priorities are those of Run's thread and end with it.
func TestGiveWay(t *testing.T) {
	type priority struct {
		io, nice int
		policy   uint32
	}
	mine := func() priority {
		class, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		attr, erra := unix.SchedGetAttr(0, 0)
		if err != nil || erra != nil {
			t.Fatal(err, erra)
		}
		return priority{int(class >> 13), 20 - nice, attr.Policy}
	}
	before := mine()
	seen := make(chan priority)
	go func() {
		giveWay() // as Run does
		seen <- mine()
	}()
	if got := <-seen; got != (priority{3, 19, unix.SCHED_IDLE}) {
		t.Errorf("after giveWay: %+v", got)
	}
	for range 100 {
		wait := make(chan priority)
		go func() { wait <- mine() }()
		if got := <-wait; got != before {
			t.Fatalf("another goroutine has %+v, want %+v", got, before)
		}
	}
}

func TestIdleEndsWhenALockIsOpened(t *testing.T) {
	for _, lock := range []string{".cargo-lock", ".cargo-build-lock"} {
		dir := tree(t, "debug/.cargo-lock=", "debug/.cargo-build-lock=", "x/release/.cargo-lock=")
		ctx, free, err := Idle(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		select {
		case <-ctx.Done():
			t.Fatalf("ended before anything happened")
		case <-time.After(50 * time.Millisecond):
		}
		f, err := os.OpenFile(filepath.Join(dir, "debug", lock), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		<-ctx.Done()

		// A build that is under way.
		ctx, free, err = Idle(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		<-ctx.Done()
	}
}

// Looking whether a build is under way does not get in the way of one.
func TestIdleTakesNoLock(t *testing.T) {
	dir := tree(t, "debug/.cargo-lock=")
	_, free, err := Idle(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	f, err := os.OpenFile(filepath.Join(dir, "debug/.cargo-lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("cargo's lock: %v", err)
	}
}
