package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A gate holds the build script of a project until it is opened.
type gate struct {
	t    testing.TB
	path string
}

// gated is the checkout with a gate in its environment, closed. It opens when the
// test ends, for a script whose cargo is no more.
func (c *checkout) gated() (*checkout, gate) {
	g := gate{c.T, filepath.Join(c.w.Dir, "gate")}
	c.T.Cleanup(g.open)
	return c.with("GATE=" + g.path), g
}

func (g gate) reached() {
	g.t.Helper()
	fixture.Eventually(g.t, "the build script runs", func() bool { return fixture.Exists(g.path + ".reached") })
}

func (g gate) open() {
	g.t.Helper()
	if err := os.WriteFile(g.path+".open", nil, 0o666); err != nil {
		g.t.Fatal(err)
	}
}

func TestInitsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	w.origin.Must("cargo", "build", "--quiet")
	w.origin.mark("mine")
	var all []*fixture.Process
	for range 6 {
		all = append(all, w.origin.StartCow("init"))
	}
	for _, q := range all {
		q.Ends()
	}
	w.origin.builds(nil, "first")
	if !isTree(t, w.origin.Target()) || w.origin.marked() != "mine" {
		t.Error("the build directory was not taken over")
	}
	w.origin.tidy()
	w.origin.checks()
}

func TestSnapshotsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	w.origin.cow("init")
	w.origin.Must("cargo", "build", "--quiet")
	var all []*fixture.Process
	for range 8 {
		all = append(all, w.origin.StartCow("snapshot"))
	}
	created, layers := 0, map[any]bool{}
	for _, q := range all {
		a := q.Ends().Line(t, "snapshot")
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
	var checkouts []*checkout
	for i := range 6 {
		checkouts = append(checkouts, w.checkout(fmt.Sprint("at-once-", i)))
	}
	var all []*fixture.Process
	for i, p := range checkouts {
		all = append(all, p.StartCow("restore"))
		if i == 0 { // and several in one checkout
			all = append(all, p.StartCow("restore"), p.StartCow("restore"))
		}
	}
	for _, q := range all {
		q.Ends()
	}
	for _, p := range checkouts {
		p.builds(nil, "first")
		p.tidy()
	}
	w.origin.checks()
}

// Builds, snapshots and restores in many checkouts, with nobody waiting for the
// others' ends.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	done := make(chan *checkout)
	const checkouts = 3
	for i := range checkouts {
		p := w.checkout(fmt.Sprint("busy-", i))
		go func() {
			defer func() { done <- p }()
			for round := range 3 {
				says := fmt.Sprint("place ", i, " round ", round)
				p.Write("app/src/main.rs", mainRS(says))
				if r := p.TryCow("restore"); r.Code != 0 {
					t.Errorf("restore: %v", r)
				}
				if r := p.Run("cargo", "build", "--offline", "--quiet"); r.Code != 0 {
					t.Errorf("build: %v", r)
				}
				if r := p.TryCow("snapshot"); r.Code != 0 {
					t.Errorf("snapshot: %v", r)
				}
				if r := p.Run(p.Target("debug/app")); r.Stdout != says+" cow\n" {
					t.Errorf("the program says %q, want %q", r.Stdout, says)
				}
			}
		}()
	}
	var all []*checkout
	for range checkouts {
		all = append(all, <-done)
	}
	for _, p := range all {
		p.tidy()
	}
	w.origin.checks()
	if n := strings.Count(w.origin.TryCow("list").Stdout, `"reason":"layer"`); n != 1+3*checkouts {
		t.Errorf("%d layers, want %d", n, 1+3*checkouts)
	}
}

const blocking = "Blocking waiting for file lock on build directory"

func TestSnapshotWhileCargoBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p, g := w.origin.gated()
	edited(p)
	cargo := p.Start("cargo", "build", "--offline")
	g.reached()
	fails(t, p.TryCow("snapshot", "--no-wait"), 5, "in use")

	interrupted := p.StartCow("snapshot")
	interrupted.Says(blocking)
	interrupted.Signal(syscall.SIGINT)
	fails(t, interrupted.Wait(), 130, "interrupted")

	snapshot := p.StartCow("snapshot")
	snapshot.Says(blocking)
	g.open()
	cargo.Ends()
	if a := snapshot.Ends().Line(t, "snapshot"); a["created"] != true {
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
	cargo := p.Start("cargo", "build", "--offline")
	g.reached()
	fails(t, p.TryCow("restore", "--no-wait"), 5, "in use")
	fails(t, p.TryCow("undo"), 4)

	restore := p.StartCow("restore")
	restore.Says(blocking)
	if !restore.Running() || p.marked() != "mine" {
		t.Error("the build directory was replaced while cargo was building in it")
	}
	g.open()
	cargo.Ends()
	restore.Ends()
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
func refused(p *checkout, restore *fixture.Process) {
	p.T.Helper()
	fails(p.T, restore.Wait(), 5, "in use")
	if p.marked() != "mine" {
		p.T.Errorf("the build directory is marked %q: it was replaced", p.marked())
	}
	p.tidy()
}

// waits returns when a process waits for the lock of a profile. Cargo waits for
// others too, such as the one of its package cache.
func waits(p *checkout, pid int) {
	p.T.Helper()
	fi, err := os.Stat(p.Target("debug/.cargo-lock"))
	if err != nil {
		p.T.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", fi.Sys().(*syscall.Stat_t).Ino)
	fixture.Eventually(p.T, "somebody waits for the lock", func() bool {
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
func ready(w *world) *checkout {
	p := w.checkout("b")
	built(p)
	return p
}

// A cargo that waits for the lock has opened its file in the old directory, but
// would build in the new one.
func TestRestoreWhileCargoWaits(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.StopCow("restore.staged", "restore", "--from=first")
	cargo := p.Start("cargo", "build", "--offline")
	waits(p, cargo.Pid())
	restore.Signal(syscall.SIGCONT)
	refused(p, restore)
	cargo.Ends()
	p.builds(nil, "second")
}

// The same, with one that has opened the lock file and is about to ask.
func TestRestoreWhileCargoOpensItsLock(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.StopCow("restore.staged", "restore", "--from=first")
	lock, err := os.OpenFile(p.Target("debug/.cargo-lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	restore.Signal(syscall.SIGCONT)
	refused(p, restore)
	lock.Close()
	p.builds(nil, "second")
}

// The same, with one whose open was on its way into the old directory when that
// was exchanged.
func TestRestoreWhileCargoComes(t *testing.T) {
	t.Parallel()
	p := ready(newScenarioWorld(t))
	restore := p.StopCow("replace.exchanged", "restore", "--from=first")
	opened := make(chan error)
	go func() {
		lock, err := os.OpenFile(filepath.Join(p.Path(".target.cargo-cow-tmp.swap"), "debug/.cargo-lock"), os.O_RDWR, 0)
		if err == nil {
			err = lock.Close()
		}
		opened <- err
	}()
	fixture.Eventually(t, "the open waits", func() bool {
		table, err := os.ReadFile("/proc/locks")
		return err == nil && strings.Contains(string(table), "LEASE  BREAKING")
	})
	restore.Signal(syscall.SIGCONT)
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
	restore := p.StopCow("restore.staged", "restore", "--from=first")
	cargo := p.Start("cargo", "build", "--offline", "--release")
	g.reached()
	restore.Signal(syscall.SIGCONT)
	refused(p, restore)
	g.open()
	cargo.Ends()
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
	snapshot := p.StopCow("snapshot.inspected", "snapshot", "--label=second")
	p.build("--release")
	snapshot.Signal(syscall.SIGCONT)
	snapshot.Ends()
	w.origin.checks()
	// Sources that are older than anything built, but others.
	old := w.checkout("c")
	old.Write("app/src/main.rs", mainRS("third"))
	old.Must("touch", "-d", "2020-01-01", old.Path("app/src/main.rs"))
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
	cargo := p.Start("cargo", "build", "--offline")
	g.reached()
	cargo.Signal(syscall.SIGKILL)
	cargo.Wait()
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
	elsewhere := filepath.Join(w.Dir, "elsewhere")
	for name, c := range map[string]struct {
		prepare func(p *checkout)
		says    string
	}{
		"link":  {func(p *checkout) { p.Must("ln", "-s", elsewhere, p.Target()) }, "symbolic link"},
		"file":  {func(p *checkout) { p.Write("target", "mine") }, "no directory"},
		"owner": {func(p *checkout) { p.mark("mine"); p.Must("chown", "12345", p.Target()) }, "belongs to user 12345"},
		"mount": {func(p *checkout) {
			if err := os.Mkdir(p.Target(), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("tmpfs", p.Target(), "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Unmount(p.Target(), 0) })
		}, "mount point"},
	} {
		p := w.checkout("unsuitable-" + name)
		if err := os.MkdirAll(elsewhere, 0o777); err != nil {
			t.Fatal(err)
		}
		c.prepare(p)
		before := p.Must("stat", "--format=%F %d:%i %u", p.Target()).Stdout
		for _, args := range [][]string{{"init"}, {"snapshot"}, {"restore"}} {
			fails(t, p.TryCow(args...), 1, c.says)
		}
		if after := p.Must("stat", "--format=%F %d:%i %u", p.Target()).Stdout; after != before {
			t.Errorf("%s: it was %q, now it is %q", name, before, after)
		}
		p.tidy()
	}
}
