package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A gate holds the build script of a project until it is opened.
type gate struct {
	t    *testing.T
	path string
}

// gated is the place with a gate in its environment, closed. It opens when the
// test ends, for a script whose cargo is no more.
func (p *place) gated() (*place, gate) {
	g := gate{p.t, filepath.Join(p.w.dir, "gate")}
	p.t.Cleanup(g.open)
	return p.with("GATE=" + g.path), g
}

func (g gate) reached() {
	g.t.Helper()
	eventually(g.t, "the build script runs", func() bool { return exists(g.path + ".reached") })
}

func (g gate) open() {
	g.t.Helper()
	if err := os.WriteFile(g.path+".open", nil, 0o666); err != nil {
		g.t.Fatal(err)
	}
}

// ends waits for a command that has to succeed.
func (q *process) ends() result {
	q.t.Helper()
	r := q.wait()
	if r.code != 0 {
		q.t.Fatalf("%s: %v", q.cmd, r)
	}
	return r
}

func TestInitsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	w.origin.must("cargo", "build", "--quiet")
	w.origin.mark("mine")
	var all []*process
	for range 6 {
		all = append(all, w.origin.startCow("init"))
	}
	for _, q := range all {
		q.ends()
	}
	w.origin.builds(nil, "first")
	if !isTree(t, w.origin.target()) || w.origin.marked() != "mine" {
		t.Error("the build directory was not taken over")
	}
	w.origin.tidy()
	w.origin.checks()
}

func TestSnapshotsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	w.origin.cow("init")
	w.origin.must("cargo", "build", "--quiet")
	var all []*process
	for range 8 {
		all = append(all, w.origin.startCow("snapshot"))
	}
	created, layers := 0, map[any]bool{}
	for _, q := range all {
		a := answer(t, q.ends(), "snapshot")
		layers[a["layer"]] = true
		if a["created"] == true {
			created++
		}
	}
	if created != 1 || len(layers) != 1 {
		t.Errorf("%d snapshots made a layer, and there are %d: want one", created, len(layers))
	}
	w.origin.tidy()
	w.origin.checks()
}

func TestRestoresAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	var places []*place
	for i := range 6 {
		places = append(places, w.checkout(fmt.Sprint("at-once-", i)))
	}
	var all []*process
	for i, p := range places {
		all = append(all, p.startCow("restore"))
		if i == 0 { // and several in one place
			all = append(all, p.startCow("restore"), p.startCow("restore"))
		}
	}
	for _, q := range all {
		q.ends()
	}
	for _, p := range places {
		p.builds(nil, "first")
		p.tidy()
	}
	w.origin.checks()
}

// Builds, snapshots and restores in many places, with nobody waiting for the
// others' ends.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	done := make(chan *place)
	const places = 3
	for i := range places {
		p := w.checkout(fmt.Sprint("busy-", i))
		go func() {
			defer func() { done <- p }()
			for round := range 3 {
				says := fmt.Sprint("place ", i, " round ", round)
				p.write("app/src/main.rs", mainRS(says))
				if r := p.tryCow("restore"); r.code != 0 {
					t.Errorf("restore: %v", r)
				}
				if r := p.exec("cargo", "build", "--offline", "--quiet"); r.code != 0 {
					t.Errorf("build: %v", r)
				}
				if r := p.tryCow("snapshot"); r.code != 0 {
					t.Errorf("snapshot: %v", r)
				}
				if r := p.exec(p.target("debug/app")); r.stdout != says+" cow\n" {
					t.Errorf("the program says %q, want %q", r.stdout, says)
				}
			}
		}()
	}
	var all []*place
	for range places {
		all = append(all, <-done)
	}
	for _, p := range all {
		p.tidy()
	}
	w.origin.checks()
	if n := strings.Count(w.origin.tryCow("list").stdout, `"reason":"layer"`); n != 1+3*places {
		t.Errorf("%d layers, want %d", n, 1+3*places)
	}
}

const blocking = "Blocking waiting for file lock on build directory"

func TestSnapshotWhileCargoBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p, g := w.origin.gated()
	edited(p)
	cargo := p.start("cargo", "build", "--offline")
	g.reached()
	fails(t, p.tryCow("snapshot", "--no-wait"), 5, "in use")

	interrupted := p.startCow("snapshot")
	interrupted.says(blocking)
	interrupted.signal(syscall.SIGINT)
	fails(t, interrupted.wait(), 130, "interrupted")

	snapshot := p.startCow("snapshot")
	snapshot.says(blocking)
	g.open()
	cargo.ends()
	if a := answer(t, snapshot.ends(), "snapshot"); a["created"] != true {
		t.Errorf("the snapshot did not take what cargo built meanwhile: %v", a)
	}
	b := w.checkout("b").with("GATE=" + g.path)
	edited(b)
	b.cow("restore")
	b.builds(nil, "second")
	w.origin.checks()
}

func TestRestoreWhileCargoBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p, g := w.checkout("b").gated()
	p.cow("restore")
	p.mark("mine")
	edited(p)
	cargo := p.start("cargo", "build", "--offline")
	g.reached()
	fails(t, p.tryCow("restore", "--no-wait"), 5, "in use")
	fails(t, p.tryCow("undo"), 4)

	restore := p.startCow("restore")
	restore.says(blocking)
	if !restore.running() || p.marked() != "mine" {
		t.Error("the build directory was replaced while cargo was building in it")
	}
	g.open()
	cargo.ends()
	restore.ends()
	if p.marked() != "layer" {
		t.Errorf("the build directory is marked %q after the restore", p.marked())
	}
	p.tidy()
	p.cow("undo")
	p.builds(nil, "second")
	if p.marked() != "mine" {
		t.Errorf("the build directory is marked %q after the undo", p.marked())
	}
}

// refused checks that a restore found somebody in the build directory and left
// it alone.
func refused(p *place, restore *process) {
	p.t.Helper()
	fails(p.t, restore.wait(), 5, "in use")
	if p.marked() != "mine" {
		p.t.Errorf("the build directory is marked %q: it was replaced", p.marked())
	}
	p.tidy()
}

// waits returns when a process waits for the lock of a profile. Cargo waits for
// others too, such as the one of its package cache.
func waits(p *place, pid int) {
	p.t.Helper()
	fi, err := os.Stat(p.target("debug/.cargo-lock"))
	if err != nil {
		p.t.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", fi.Sys().(*syscall.Stat_t).Ino)
	eventually(p.t, "somebody waits for the lock", func() bool {
		table, err := os.ReadFile("/proc/locks")
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(table)) {
			if strings.Contains(line, fmt.Sprintf("-> FLOCK  ADVISORY  WRITE %d ", pid)) && strings.Contains(line, inode) {
				return true
			}
		}
		return false
	})
}

// ready is a checkout with a build directory of its own.
func ready(w *world) *place {
	p := w.checkout("b")
	built(p)
	return p
}

// A cargo that waits for the lock has opened its file in the old directory, but
// would build in the new one.
func TestRestoreWhileCargoWaits(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.stopCow("restore.staged", "restore", "--from=first")
	cargo := p.start("cargo", "build", "--offline")
	waits(p, cargo.cmd.Process.Pid)
	restore.signal(syscall.SIGCONT)
	refused(p, restore)
	cargo.ends()
	p.builds(nil, "second")
}

// The same, with one that has opened the lock file and is about to ask.
func TestRestoreWhileCargoOpensItsLock(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.stopCow("restore.staged", "restore", "--from=first")
	lock, err := os.OpenFile(p.target("debug/.cargo-lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	restore.signal(syscall.SIGCONT)
	refused(p, restore)
	lock.Close()
	p.builds(nil, "second")
}

// The same, with one whose open was on its way into the old directory when that
// was exchanged.
func TestRestoreWhileCargoComes(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.stopCow("replace.exchanged", "restore", "--from=first")
	opened := make(chan error)
	go func() {
		lock, err := os.OpenFile(filepath.Join(p.path(".target.cargo-cow-tmp.swap"), "debug/.cargo-lock"), os.O_RDWR, 0)
		if err == nil {
			err = lock.Close()
		}
		opened <- err
	}()
	eventually(t, "the open waits", func() bool {
		table, err := os.ReadFile("/proc/locks")
		return err == nil && strings.Contains(string(table), "LEASE  BREAKING")
	})
	restore.signal(syscall.SIGCONT)
	if err := <-opened; err != nil {
		t.Error(err)
	}
	refused(p, restore)
	p.builds(nil, "second")
}

// A profile that was never built before has no lock yet that a restore could
// take.
func TestRestoreWhileCargoBeginsAProfile(t *testing.T) {
	t.Parallel()
	p, g := ready(newScenarioWorld(t)).gated()
	restore := p.stopCow("restore.staged", "restore", "--from=first")
	cargo := p.start("cargo", "build", "--offline", "--release")
	g.reached()
	restore.signal(syscall.SIGCONT)
	refused(p, restore)
	g.open()
	cargo.ends()
	if compiled, says := p.build("--release"); len(compiled) > 0 || says != "second cow" {
		t.Errorf("cargo compiled %q, the program says %q", compiled, says)
	}
}

// What is built in a new profile after the snapshot has looked is in the layer,
// but nothing is known of it.
func TestSnapshotWhileCargoBuildsAProfile(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	p := w.checkout("b")
	built(p)
	snapshot := p.stopCow("snapshot.inspected", "snapshot", "--label=second")
	p.build("--release")
	snapshot.signal(syscall.SIGCONT)
	snapshot.ends()
	w.origin.checks()
	// Sources that are older than anything built, but others.
	old := w.checkout("c")
	old.write("app/src/main.rs", mainRS("third"))
	old.must("touch", "-d", "2020-01-01", old.path("app/src/main.rs"))
	old.cow("restore", "--from=second")
	for _, args := range [][]string{nil, {"--release"}} {
		if _, says := old.build(args...); says != "third cow" {
			t.Errorf("after build %q the program says %q, which is stale", args, says)
		}
	}
	// Nor is it lost where it was built.
	if compiled, says := p.build("--release"); len(compiled) > 0 || says != "second cow" {
		t.Errorf("cargo compiled %q, the program says %q", compiled, says)
	}
}

// A build that was killed leaves units that are half written.
func TestSnapshotAfterCargoWasKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p, g := w.origin.gated()
	edited(p)
	cargo := p.start("cargo", "build", "--offline")
	g.reached()
	cargo.signal(syscall.SIGKILL)
	cargo.wait()
	g.open() // for the script, which goes on alone
	p.cow("snapshot", "--label=torn")
	b := w.checkout("b")
	edited(b)
	b.cow("restore", "--from=torn")
	if _, says := b.build(); says != "second cow" {
		t.Errorf("the program says %q", says)
	}
	w.origin.checks()
}

// Another user's store, or one whose build directory is a link or a mount, is
// not touched.
func TestUnsuitableBuildDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	elsewhere := filepath.Join(w.dir, "elsewhere")
	for name, c := range map[string]struct {
		prepare func(p *place)
		says    string
	}{
		"link":  {func(p *place) { p.must("ln", "-s", elsewhere, p.target()) }, "symbolic link"},
		"file":  {func(p *place) { p.write("target", "mine") }, "no directory"},
		"owner": {func(p *place) { p.mark("mine"); p.must("chown", "12345", p.target()) }, "belongs to user 12345"},
		"mount": {func(p *place) {
			if err := os.Mkdir(p.target(), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("tmpfs", p.target(), "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Unmount(p.target(), 0) })
		}, "mount point"},
	} {
		p := w.checkout("unsuitable-" + name)
		if err := os.MkdirAll(elsewhere, 0o777); err != nil {
			t.Fatal(err)
		}
		c.prepare(p)
		before := p.must("stat", "--format=%F %d:%i %u", p.target()).stdout
		for _, args := range [][]string{{"init"}, {"snapshot"}, {"restore"}} {
			fails(t, p.tryCow(args...), 1, c.says)
		}
		if after := p.must("stat", "--format=%F %d:%i %u", p.target()).stdout; after != before {
			t.Errorf("%s: it was %q, now it is %q", name, before, after)
		}
		p.tidy()
	}
}
