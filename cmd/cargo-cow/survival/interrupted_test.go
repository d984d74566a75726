package survival

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

// Commands at random are interrupted at any instant, and what then is looked at all that
// must hold: what was committed is there byte for byte, nothing is half there, what is
// restored and built is what a clean build makes, and the command can be run again.
func TestInterruptedAnywhere(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.fstype, func(t *testing.T) {
			t.Parallel()
			l, seed := newLyingWorld(t, g), firstSeed(t)
			t.Run("power cuts", func(t *testing.T) { l.powerCuts(t, seed, count(t, "CARGO_COW_TEST_CUTS", 5)) })
			t.Run("failing writes", func(t *testing.T) { l.failingWrites(t, seed, count(t, "CARGO_COW_TEST_FAULTS", 3)) })
			t.Run("kills", func(t *testing.T) { l.kills(t, seed, count(t, "CARGO_COW_TEST_KILLS", 5)) })
		})
	}
}

// fork mounts a fork of the world and begins a history there.
func (l *lyingWorld) fork(t testing.TB, seed uint64, keeps bool) *history {
	t.Helper()
	disk := l.disk.Fork(t, keeps)
	options := l.options[int(seed)%len(l.options)]
	disk.Mount(t, l.disk.MountPoint(), options)
	return l.history(t, disk, seed)
}

// times counts what was done how often.
type times map[string]int

func (n times) String() string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%s %d", what, n[what]))
	}
	return strings.Join(all, ", ")
}

// How many cuts are made from one history in the middle of commands, and of how many
// commands it is: a cut costs a tenth of the history that it is made from. One more in
// four is made right when a command has returned.
const cutsInHistory, stepsInHistory, moreCuts = 25, 12, 4

func (l *lyingWorld) powerCuts(t *testing.T, seed uint64, n int) {
	v, kinds := &verdict{}, times{}
	began := time.Now()
	for done := 0; done < n; {
		batch := min(cutsInHistory, n-done)
		seed := seed + uint64(done)
		t.Run(fmt.Sprint("history ", seed), func(t *testing.T) {
			h := l.fork(t, seed, true)
			for i := range max(5, min(stepsInHistory, batch)) {
				var names []string
				if i%2 == 0 { // what there is to lose
					names = []string{"snapshot", "snapshot", "switch", "label"}
				}
				h.run(h.draw(names...))
			}
			h.disk.Unmount(t)
			for i := range batch + (batch+moreCuts-1)/moreCuts {
				t.Run(fmt.Sprint("cut ", i), func(t *testing.T) {
					if s := h.cut(t, l, uint64(i), i < batch, v); i < batch {
						kinds[s.kind]++
					} else {
						kinds["after one"]++
					}
				})
			}
		})
		done += batch
	}
	t.Logf("%d power cuts on %s in %.0f s in the middle of commands: %v; %v", n, l.fstype, time.Since(began).Seconds(), kinds, v)
}

// cut cuts the power in the middle of one of the commands, after some operation of the
// disk or at some time, or when it has just returned, and judges what is left.
func (h *history) cut(t *testing.T, l *lyingWorld, seed uint64, middle bool, v *verdict) *step {
	g := h.in(t)
	g.random = newRandom(h.seed<<16 + seed)
	s := h.book.steps[g.random.IntN(len(h.book.steps))]
	at := s.span.to
	switch ops := s.span.to - s.span.from; {
	case !middle:
	case ops > 0 && g.chance(0.5):
		at = s.span.from + g.random.IntN(ops)
	default:
		at = h.disk.Position(t, s.ended[0].Add(time.Duration(g.random.Int64N(int64(s.ended[1].Sub(s.ended[0]))))))
	}
	loss := faultdisk.Loss{
		Keep: []float64{0, 0.5, 0.9, 1}[g.random.IntN(4)], Tear: []float64{0, 0.3}[g.random.IntN(2)], Seed: g.random.Uint64(),
	}
	left, cut := h.disk.Cut(t, at, loss, false)
	v.pending, v.kept, v.torn = v.pending+cut.Pending, v.kept+cut.Kept, v.torn+cut.Torn
	left.Mount(t, l.disk.MountPoint(), "")
	g.disk = left
	j := &judgement{history: g, n: at, in: s, verdict: v}
	j.judge()
	if t.Failed() {
		t.Logf("the power was cut with %+v: %+v", loss, cut)
	}
	return s
}

// failingWrites has the disk fail, or stall, while a command runs.
func (l *lyingWorld) failingWrites(t *testing.T, seed uint64, n int) {
	v, kinds := &verdict{}, times{}
	began := time.Now()
	for i := range n {
		seed := seed + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { l.failing(t, seed, v, kinds) })
	}
	t.Logf("%d disks that failed on %s in %.0f s: %v; %v", n, l.fstype, time.Since(began).Seconds(), kinds, v)
}

// newFault is what is to go wrong, and what to call it.
func newFault(random *rand.Rand) (faultdisk.Fault, string) {
	f := faultdisk.Fault{After: random.IntN(1 << random.IntN(9))}
	name := "stall"
	switch random.IntN(5) {
	case 0, 1:
		f.Errno, name = syscall.EIO, "EIO"
	case 2, 3:
		f.Errno, name = syscall.ENOSPC, "ENOSPC"
	}
	if f.Errno != 0 && random.IntN(2) == 0 {
		f.Times = 1 + random.IntN(3)
		name += " at times"
	}
	return f, name
}

func (l *lyingWorld) failing(t *testing.T, seed uint64, v *verdict, kinds times) {
	h := l.fork(t, seed, false)
	s := h.draw()
	f, name := newFault(h.random)
	h.disk.Arm(t, f)
	t.Cleanup(func() { h.disk.Disarm(t) })
	stop := h.stir(func() { writeBack(h.place(s.place).Target()) })
	q := h.start(s)
	if f.Errno == 0 {
		h.stalled(q)
	}
	r := q.Wait()
	stop()
	syncs(h.w.Dir)
	failed := h.disk.Status(t).Failed
	kinds[name]++
	if failed > 0 {
		kinds["writes failed"] += failed
	}
	switch {
	case r.Code == 0 && failed == 0:
		s.span.to = h.position()
		h.enter(s)
		h.compareWithSource(s)
	case r.Code == 0:
		h.doubt(s)
		h.committed(s, r)
		kinds["commands done all the same"]++
	default:
		h.doubt(s)
		if f.Errno != 0 {
			saysWhy(t, s, r)
		} else if r.Signal != syscall.SIGKILL {
			t.Errorf("%v on a disk that stalled: %v", s, r)
		}
		kinds["commands failed"]++
	}
	for _, args := range [][]string{{"list"}, {"status"}} { // of whatever is left
		p := h.place(s.place)
		if _, err := os.ReadDir(p.Dir); err != nil {
			continue // nobody can be there
		}
		if r := p.TryCow(args...); r.Signal != 0 || strings.Contains(r.Stderr, "goroutine ") {
			t.Errorf("%q on a disk that failed: %v", args, r)
		}
	}

	// Some have the disk mended in time, some are switched off.
	mended := h.chance(0.5)
	if mended {
		h.disk.Disarm(t)
	}
	if h.chance(0.3) {
		h.disk.Disarm(t)
		left, _ := h.disk.Cut(t, h.position(), faultdisk.Loss{Keep: 0.5, Tear: 0.3, Seed: seed}, false)
		h.disk.Unmount(t)
		h.disk = left
	} else {
		h.disk.Unmount(t)
		h.disk.Disarm(t)
	}
	h.disk.Mount(t, l.disk.MountPoint(), "")
	j := &judgement{history: h, n: never - 1, in: s, verdict: v}
	j.judge()
	if t.Failed() {
		t.Logf("%v: the disk had %+v (%s), which failed %d operations; mended before it was unmounted: %v; it had ended with %v", s, f, name, failed, mended, r)
	}
}

// compareWithSource has layers that a step has made be compared with what was there to be
// sealed, since what was read of them may be what the disk then did not write.
func (h *history) compareWithSource(s *step) {
	for _, f := range h.book.layers {
		if f.made == s.span {
			f.content = ""
		}
	}
}

// committed enters what a command has said is on the disk.
func (h *history) committed(s *step, r fixture.Result) {
	if s.kind == "label" {
		f := h.book.layers[s.args[1]]
		f.labels[len(f.labels)-1].span = already
	}
	if s.kind != "snapshot" {
		return
	}
	line := r.Line(h.t, "snapshot")
	id, _ := line["layer"].(string)
	label, _ := line["label"].(string)
	if id == "" {
		h.t.Fatalf("%v names no layer: %v", s, r)
	}
	if h.book.layers[id] == nil {
		h.book.layers[id] = &fact{made: already, removed: notYet, labels: []given{{already, label}}}
	}
}

// stalled waits until the disk stalls, or the command has ended before. Some it kills
// meanwhile. Then the disk goes on.
func (h *history) stalled(q *fixture.Process) {
	h.t.Helper()
	fixture.Eventually(h.t, "the disk stalls", func() bool { return !q.Running() || h.disk.Status(h.t).Stalled })
	time.Sleep(20 * time.Millisecond)
	if h.chance(0.5) && q.Running() {
		_ = syscall.Kill(-q.Pid(), syscall.SIGKILL)
	}
	h.disk.Disarm(h.t)
}

// saysWhy checks that a command that failed said why: that it is the disk.
func saysWhy(t *testing.T, s *step, r fixture.Result) {
	t.Helper()
	if s.kind == "build" {
		return // that is cargo's
	}
	git := s.kind == "switch" && r.Code == 128 // its words and its exit code
	if e := r.Line(t, "error"); r.Signal != 0 || e == nil && !git {
		t.Errorf("%v: want an error, got %v", s, r)
		return
	}
	all := r.Stdout + r.Stderr
	for _, cause := range []string{"input/output error", "Input/output error", "no space left", "No space left", "read-only file system", "Read-only file system", "structure needs cleaning"} {
		if strings.Contains(all, cause) {
			return
		}
	}
	t.Errorf("%v does not say that the disk failed: %v", s, r)
}

// How many commands are killed in one fork of the world.
const killsInFork = 25

// kills kills commands at random instants, alone or with all that they have started.
func (l *lyingWorld) kills(t *testing.T, seed uint64, n int) {
	v, kinds, took := &verdict{}, times{}, map[string]time.Duration{}
	began, killed := time.Now(), 0
	for round := uint64(0); killed < n; round++ {
		ok := t.Run(fmt.Sprint("seed ", seed+round), func(t *testing.T) {
			h := l.fork(t, seed+round, false)
			for of := min(n, killed+killsInFork); killed < of && !t.Failed(); {
				if h.killed(v, took, kinds) {
					killed++
				}
			}
		})
		if !ok {
			killed++ // what it would have come to
		}
	}
	t.Logf("%d commands killed on %s in %.0f s: %v; %v", killed, l.fstype, time.Since(began).Seconds(), kinds, v)
}

// killed kills one command, and reports false if it was quicker.
func (h *history) killed(v *verdict, took map[string]time.Duration, kinds times) bool {
	h.t.Helper()
	s := h.draw()
	start := time.Now()
	q := h.start(s)
	if limit, ok := took[s.kind]; ok {
		time.Sleep(time.Duration(h.random.Int64N(int64(limit))))
		if h.chance(0.5) {
			_ = syscall.Kill(-q.Pid(), syscall.SIGKILL)
		} else {
			q.Kill()
		}
	}
	r := q.Wait()
	if r.Signal != syscall.SIGKILL {
		took[s.kind] = time.Since(start)
		s.span.to = h.position()
		if r.Code != 0 {
			h.t.Errorf("%v: %v", s, r)
		}
		h.enter(s)
		return false
	}
	ended(h.t, q.Pid())
	kinds[s.kind]++
	h.doubt(s)
	j := &judgement{history: h, n: never - 1, in: s, powerOn: true, verdict: v}
	j.judge()
	if h.t.Failed() {
		h.t.Logf("%v was killed", s)
	}
	h.adopt()
	return true
}
