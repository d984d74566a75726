package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

const (
	// mostMemory is what one command may have in memory at most, in KiB, where its manifest
	// is small. Half of it is the program itself, which all share. Fifty at once then take
	// less than 1 GiB, a tenth of what fifty compilers want.
	mostMemory = 24 << 10
	// mostFiles is how many descriptors a command may have at most: those of a few
	// goroutines that read, and of its locks; not one for each file or layer.
	mostFiles = 32
)

// crowdSize is how many worktrees are at work at once: 50, or CARGO_COW_TEST_CROWD.
func crowdSize(t testing.TB) int {
	t.Helper()
	text := os.Getenv("CARGO_COW_TEST_CROWD")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 6 {
		t.Fatalf("CARGO_COW_TEST_CROWD=%s: want a number, 6 or more", text)
	}
	return n
}

// A member is one worktree of a crowd.
type member struct {
	*checkout
	own   string       // what its program says, other than the origin's; "" where nothing differs
	edits atomic.Int64 // how often it was edited; none of the others is
	layer string       // what it was sealed as
}

// A crowd is worktrees of one origin in which the same is done at once.
type crowd struct {
	*world
	members []*member
	edited  []*member // those of them that somebody edits all the time
}

func newCrowd(t *testing.T, size int) *crowd {
	t.Helper()
	c := &crowd{world: newWorld(t, loopfs.Btrfs(t, loopfs.Size(16<<30))).sealed()}
	for i := range size {
		m := &member{checkout: c.checkout(fmt.Sprint("crowd-", i))}
		switch {
		case i < 2:
			c.edited = append(c.edited, m)
		case i%3 == 0:
			m.own = fmt.Sprint("own ", i)
			m.Write("app/src/main.rs", mainRS(m.own))
		}
		c.members = append(c.members, m)
	}
	return c
}

// start starts a command in every worktree.
func (c *crowd) start(command func(*member) *fixture.Process) []*fixture.Process {
	var all []*fixture.Process
	for _, m := range c.members {
		all = append(all, command(m))
	}
	return all
}

// halted starts a command of ours in every worktree and returns when all of them have
// stopped at the crash point, near the end of their work, or have ended since there was
// nothing to do. There each is checked for what it takes, while the others are there as
// well.
func (c *crowd) halted(point, command string) []*fixture.Process {
	c.T.Helper()
	all := c.start(func(m *member) *fixture.Process {
		return m.With("CARGO_COW_CRASHPOINT=" + point + "=stop").StartCow(command)
	})
	together(c.T, command+" at once", all, func(p *fixture.Process) bool { return !p.Running() || p.IsStopped() })
	memory, files, stopped := 0, 0, 0
	for _, p := range all {
		if p.IsStopped() {
			memory, files, stopped = max(memory, peakMemory(c.T, p)), max(files, openFiles(c.T, p)), stopped+1
		}
	}
	c.T.Logf("%d × %s, at most %d KiB and %d descriptors each", stopped, command, memory, files)
	if stopped < len(all)/3 {
		c.T.Errorf("%d of %d have stopped at %s: this shows nothing", stopped, len(all), point)
	}
	if memory > mostMemory || files > mostFiles {
		c.T.Errorf("%s takes %d KiB and %d descriptors, want at most %d and %d", command, memory, files, mostMemory, mostFiles)
	}
	return all
}

func (c *crowd) goOn(what string, all []*fixture.Process) []fixture.Result {
	c.T.Helper()
	for _, p := range all {
		if p.IsStopped() {
			p.Signal(unix.SIGCONT)
		}
	}
	return ends(c.T, what, all)
}

// peakMemory is the most that a process has had in memory, in KiB. What wait4(2) tells
// counts the process that it was forked from, too.
func peakMemory(t testing.TB, p *fixture.Process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	n := 0
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatalf("read the memory of %s: %v\n%s", p, err, status)
	}
	return n
}

func openFiles(t testing.TB, p *fixture.Process) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A bustle is what goes on beside a crowd: layers that come and are pruned, and edits.
type bustle struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	prunes atomic.Int64
	doomed []string // layers that were made to be pruned
}

func (c *crowd) bustle() *bustle {
	b := &bustle{stop: make(chan struct{})}
	b.wg.Go(func() {
		for n := 0; b.goesOn(); n++ {
			id := c.label(fmt.Sprint("doomed-", n))
			c.age(id, 48*time.Hour)
			b.doomed = append(b.doomed, id)
			if r := c.origin.TryCow("prune", "--labelled", "--max-age=1d"); r.Code != 0 {
				c.T.Errorf("prune: %v", r)
				return
			}
			b.prunes.Add(1)
		}
	})
	for i, m := range c.edited {
		b.wg.Go(func() {
			next := filepath.Join(c.Dir, fmt.Sprint("next-", i))
			for b.goesOn() {
				// In one step, and then with the time of now: a compiler that has read the old
				// file is older than the new one.
				now := time.Time{}
				err := os.WriteFile(next, []byte(mainRS(m.said(m.edits.Load()+1))), 0o666)
				if err == nil {
					err = os.Rename(next, m.Path("app/src/main.rs"))
				}
				if now = time.Now(); err == nil {
					err = os.Chtimes(m.Path("app/src/main.rs"), now, now)
				}
				if err != nil {
					c.T.Error(err)
					return
				}
				m.edits.Add(1)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return b
}

func (b *bustle) goesOn() bool {
	select {
	case <-b.stop:
		return false
	default:
		return true
	}
}

func (b *bustle) end() {
	close(b.stop)
	b.wg.Wait()
}

// said is what the program of an edited worktree says after so many edits.
func (m *member) said(edit int64) string { return fmt.Sprint("edit ", edit) }

// says is what the program of the worktree has to say now.
func (m *member) says() string {
	switch {
	case m.edits.Load() > 0:
		return m.said(m.edits.Load())
	case m.own != "":
		return m.own
	}
	return "first"
}

// holdsRustc is a wrapper of rustc that holds the compiler of the program at a gate.
const holdsRustc = `case " $* " in
*" --crate-name app "*)
	: > "$HELD.reached"
	until [ -e "$HELD.open" ]; do sleep 0.05; done
esac
exec "$@"
`

// compiling starts a build in a new worktree that hangs in rustc until the gate is open.
func (c *crowd) compiling(name string) (*checkout, *fixture.Process, gate) {
	c.T.Helper()
	p := c.checkout(name)
	p.cow("restore")
	p.Write("app/src/main.rs", mainRS("held"))
	c.Script("holds.sh", holdsRustc)
	g := gate{c.T, filepath.Join(c.Dir, "held")}
	c.T.Cleanup(g.open)
	q := p.with("RUSTC_WRAPPER="+c.Path("holds.sh"), "HELD="+g.path).Start("cargo", "build", "--offline")
	g.reached()
	return p, q, g
}

// Fifty worktrees are restored at once, built at once and sealed at once, while layers are
// pruned, two of the worktrees are edited, and the build of one more hangs in rustc all the
// time. Whatever waited for that build would never end.
func TestCrowd(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, crowdSize(t))
	held, build, gate := c.compiling("held")
	waiting := held.StartCow("snapshot")
	waiting.Says(blocking)
	b := c.bustle()
	var once sync.Once
	end := func() { once.Do(b.end) }
	t.Cleanup(end)

	restores := c.halted("restore.done", "restore")
	// All fifty have leases and claims now.
	c.others(held)
	c.goOn("restore", restores)
	c.buildAll()
	snapshots := c.halted("snapshot.recorded", "snapshot")
	c.others(held)
	for i, r := range c.goOn("snapshot", snapshots) {
		a := r.Line(t, "snapshot")
		m := c.members[i]
		m.layer, _ = a["layer"].(string)
		if built := m.own != "" || m.edits.Load() > 0; a["created"] != built {
			t.Errorf("%s: something was built: %t; the snapshot says %v", m.Name(), built, a)
		}
	}
	end()

	if !build.Running() || !waiting.Running() {
		t.Fatal("the build that hangs has ended, or did not keep a snapshot of its worktree: this shows nothing")
	}
	gate.open()
	build.Ends()
	if a := waiting.Ends().Line(t, "snapshot"); a["created"] != true {
		t.Errorf("the snapshot that waited for the build says %v", a)
	}
	held.builds(nil, "held")
	c.judge(b)
}

// others runs what goes on beside all that is held: nothing waits for a compile.
func (c *crowd) others(held *checkout) {
	c.T.Helper()
	// The worktree of the build says so, also where another command waits there already.
	busy := []*fixture.Process{held.StartCow("snapshot", "--no-wait"), held.StartCow("restore", "--no-wait")}
	late := c.checkout(fmt.Sprint("late-", time.Now().UnixNano()))
	ends(c.T, "beside a build that hangs", []*fixture.Process{
		late.StartCow("restore"), c.origin.StartCow("list"), c.origin.StartCow("prune", "--max-age=30d"),
		c.origin.StartCow("snapshot"), held.StartCow("list"), held.StartCow("status"), held.StartCow("check"),
	})
	late.builds(nil, "first")
	together(c.T, "beside a build that hangs", busy, func(p *fixture.Process) bool { return !p.Running() })
	for _, p := range busy {
		fails(c.T, p.Wait(), 5, "in use")
	}
}

// buildAll builds in all worktrees at once. Cargo finds everything fresh where nothing
// differs, and rebuilds the program alone where that does.
func (c *crowd) buildAll() {
	c.T.Helper()
	builds := c.start(func(m *member) *fixture.Process {
		return m.Start("cargo", "build", "--offline", "--message-format=json")
	})
	for i, r := range ends(c.T, "build", builds) {
		m := c.members[i]
		var want []string
		if m.own != "" || m.edits.Load() > 0 {
			want = []string{"app"}
		}
		var compiled []string
		for _, a := range fixture.Messages(r.Stdout) {
			if a.Reason == "compiler-artifact" && !a.Fresh {
				compiled = append(compiled, a.Target.Name)
			}
		}
		if !slices.Equal(compiled, want) {
			c.T.Errorf("%s: cargo compiled %q, want %q", m.Name(), compiled, want)
		}
	}
}

// judge looks at what is there after all of it.
func (c *crowd) judge(b *bustle) {
	c.T.Helper()
	for _, m := range c.members {
		var want []string
		if m.edits.Load() > 0 {
			want = []string{"bin app"} // the last edit
		}
		compiled, says := m.build()
		if says != m.says()+" cow" || len(want) == 0 && len(compiled) > 0 {
			c.T.Errorf("%s: cargo compiled %q, want %q, and the program says %q, want %q", m.Name(), compiled, want, says, m.says())
		}
		m.tidy()
	}
	// What was sealed while somebody edited is never stale.
	for i, m := range c.edited {
		p := c.checkout(fmt.Sprint("after-edits-", i))
		p.Write("app/src/main.rs", mainRS("after"))
		p.cow("restore", "--from="+m.layer)
		if _, says := p.build(); says != "after cow" {
			c.T.Errorf("restored from the layer of %s the program says %q", m.Name(), says)
		}
	}
	if n := b.prunes.Load(); n < 3 {
		c.T.Errorf("%d prunes have come to their end beside the crowd, want 3 at least", n)
	}
	c.origin.Cow("prune", "--labelled", "--max-age=1d")
	for _, id := range b.doomed {
		// One that a restore or a snapshot has used meanwhile stays.
		if fixture.Exists(filepath.Join(c.store, "layers", id)) && time.Since(c.used(id)) > time.Hour {
			c.T.Errorf("layer %s should have been pruned", id)
		}
	}
	c.free()
	c.origin.checks()
}

// used is when a layer was last used.
func (w *world) used(id string) time.Time {
	w.T.Helper()
	fi, err := os.Stat(filepath.Join(w.store, "lastuse", id))
	if err != nil {
		w.T.Fatal(err)
	}
	return fi.ModTime()
}

// free checks that no process is left, and nobody has a lock of the store any more.
func (w *world) free() {
	w.T.Helper()
	fixture.Eventually(w.T, "all processes have ended", func() bool { return len(w.processes()) == 0 })
	locks, err := filepath.Glob(filepath.Join(w.store, "leases", "*"))
	if err != nil {
		w.T.Fatal(err)
	}
	if len(locks) == 0 {
		w.T.Error("there are no leases: this shows nothing")
	}
	for _, path := range append(locks, filepath.Join(w.store, "lock")) {
		f, err := os.Open(path)
		if err != nil {
			w.T.Fatal(err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			w.T.Errorf("%s is still locked: %v", path, err)
		}
		f.Close()
	}
}

// Commands of one worktree have their turn in the order in which they come: while one
// waits, no other is done more than a few times.
func TestCommandsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	const (
		loops, rounds = 4, 12
		// A command that waits may have all others in front of it once, and one of them twice
		// or three times while it is being started.
		most = 3
	)
	var (
		done [loops]atomic.Int64
		wg   sync.WaitGroup
	)
	for i := range loops {
		wg.Go(func() {
			for range rounds {
				var before [loops]int64
				for j := range done {
					before[j] = done[j].Load()
				}
				if r := w.origin.TryCow("snapshot"); r.Code != 0 {
					t.Errorf("snapshot: %v", r)
					return
				}
				for j := range done {
					if n := done[j].Load() - before[j]; j != i && n > most {
						t.Errorf("while a command of loop %d waited, loop %d was done %d times, want at most %d", i, j, n, most)
					}
				}
				done[i].Add(1)
			}
		})
	}
	wg.Wait()
	w.free()
	w.origin.checks()
}

// What a command has in memory grows with its manifest, by a factor: a package with 20,000
// files that its script may read has a manifest of megabytes.
func TestMemoryOfALargeManifest(t *testing.T) {
	t.Parallel()
	const (
		files = 20_000
		// factor is what a byte of the manifest may cost at most: it is read, decoded, and
		// compared with as much that is listed in the worktree; and the collector lets garbage
		// grow to five times of that (cmd/cargo-cow/main.go).
		factor = 36
	)
	w := newWorld(t, loopfs.Btrfs(t, loopfs.Size(4<<30)))
	w.origin.Write("liba/build.rs", "fn main() {}\n") // declares nothing: it may read all of its package
	for i := range files {
		name := fmt.Sprintf("liba/data/%02d/a-file-of-a-length-that-is-usual-%05d.txt", i%100, i)
		w.origin.Write(name, strconv.Itoa(i))
	}
	w.origin.Commit("data")
	w.sealed()
	snapshot := w.origin.StopCow("snapshot.recorded", "snapshot", "--label=again")
	p := w.checkout("b")
	restore := p.StopCow("restore.done", "restore")
	fi, err := os.Stat(p.Target(".cargo-cow/manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Size() < 1<<20 {
		t.Errorf("the manifest has %d bytes: this shows nothing", fi.Size())
	}
	limit := mostMemory + factor*int(fi.Size()>>10)
	for _, q := range []*fixture.Process{snapshot, restore} {
		n := peakMemory(t, q)
		t.Logf("%s: %d KiB for a manifest of %d", q, n, fi.Size()>>10)
		if n > limit {
			t.Errorf("%s has had %d KiB in memory, want at most %d for a manifest of %d", q, n, limit, fi.Size()>>10)
		}
		if r := q.Continue(); r.Code != 0 {
			t.Errorf("%s: %v", q, r)
		}
	}
	p.builds(nil, "first")
}
