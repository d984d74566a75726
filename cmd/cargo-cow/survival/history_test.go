package survival

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

// A history is commands at random, one after the other, in the checkouts of a world on a
// disk that lies.
type history struct {
	t      testing.TB
	w      *world
	disk   *faultdisk.Disk // mounted
	fstype string
	book   *book
	random *rand.Rand
	seed   uint64
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// in is the history as a subtest sees it.
func (h *history) in(t testing.TB) *history {
	g, w := *h, *h.w
	w.T = t
	w.origin = w.origin.in(t)
	w.origin.w = &w
	g.t, g.w = t, &w
	return &g
}

func (h *history) place(name string) *checkout { return h.w.at(name) }

var places = []string{"a", "b", "c"}

func (h *history) chance(of float64) bool { return h.random.Float64() < of }

func (h *history) position() int { return h.disk.Status(h.t).Position }

// A step is a command of a history.
type step struct {
	kind  string
	place string
	args  []string // of cargo-cow, or of cargo for a build
	env   []string
	again []int // exit codes that are right when it is run again
	span  span
	ended [2]time.Time // when it began and ended
	// What was in the build directory when it was to be sealed: a digest of each file.
	source map[string]string
}

func (s *step) String() string { return fmt.Sprintf("%s in %s: %q", s.kind, s.place, s.args) }

// What a kind of step may do to the store: a fault if another does.
var (
	seals   = []string{"snapshot", "switch"}
	removes = []string{"rm", "prune"}
	labels  = []string{"snapshot", "label"}
)

// kinds are the commands, by the text that they are drawn with; each makes the place
// ready, and returns what is run.
var kinds = map[string]func(h *history, p *checkout) *step{
	"build": func(h *history, p *checkout) *step {
		h.edit(p)
		h.willBuild(p)
		s := &step{args: []string{"build", "--offline", "--quiet"}}
		if h.chance(0.6) {
			s.env = []string{"RUSTC_WRAPPER=" + fixture.Wrapper(h.t)}
		}
		return s
	},
	"snapshot": func(h *history, p *checkout) *step {
		if h.chance(0.7) {
			h.built(p)
		}
		s := &step{args: []string{"snapshot"}}
		if !fixture.Exists(p.Target("debug")) {
			h.built(p)
		}
		if h.chance(0.4) {
			h.book.texts++
			s.args = append(s.args, fmt.Sprintf("--label=kept-%d", h.book.texts))
		}
		return s
	},
	"restore": func(h *history, p *checkout) *step { // in the place of nothing at times
		switch {
		case h.chance(0.3):
			p.Must("rm", "-rf", p.Target(), p.Path("target.cargo-cow-undo"))
			h.gone(p)
		case h.chance(0.7):
			h.built(p)
		}
		s := &step{args: []string{"restore"}}
		if from := h.book.removable(); len(from) > 0 && h.chance(0.5) {
			s.args = append(s.args, "--from="+from[h.random.IntN(len(from))])
		}
		return s
	},
	"graft": func(h *history, p *checkout) *step {
		if !fixture.Exists(p.Target("debug")) {
			h.built(p)
		}
		h.grow(p)
		return &step{args: []string{"graft"}}
	},
	"switch": func(h *history, p *checkout) *step {
		h.built(p)
		to := "main"
		if h.chance(0.5) {
			to = "other"
		}
		return &step{args: []string{"switch", "--detach", "--", "--discard-changes", to}}
	},
	"undo": func(h *history, p *checkout) *step {
		if !fixture.Exists(p.Path("target.cargo-cow-undo")) {
			h.built(p)
			p.cow("restore", "--from=first")
			h.observe(p.Name(), "restore", h.position())
		}
		return &step{args: []string{"undo"}, again: []int{4}}
	},
	"rm": func(h *history, p *checkout) *step {
		ids := h.book.removable()
		if len(ids) == 0 {
			return nil
		}
		return &step{args: []string{"rm", ids[h.random.IntN(len(ids))]}, again: []int{4}}
	},
	"prune": func(h *history, p *checkout) *step {
		for _, id := range h.book.removable() {
			// One whose maker was killed before it noted the use counts as just used.
			if h.chance(0.4) && fixture.Exists(filepath.Join(h.w.store, "lastuse", id)) {
				h.w.age(id, 48*time.Hour)
			}
		}
		return &step{args: []string{"prune", "--labelled", "--max-age=1d", "--wait"}}
	},
	"label": func(h *history, p *checkout) *step {
		ids := h.book.removable()
		if len(ids) == 0 {
			return nil
		}
		h.book.texts++
		return &step{args: []string{"label", ids[h.random.IntN(len(ids))], fmt.Sprintf("given-%d", h.book.texts)}}
	},
	"init": func(h *history, p *checkout) *step {
		h.built(p)
		// As after cargo clean and a build: an ordinary directory.
		p.Must("cp", "-a", p.Target(), p.Path("copy"))
		p.Must("rm", "-rf", p.Target(), p.Path("target.cargo-cow-undo"), p.Path("copy/.cargo-cow"))
		p.Must("mv", p.Path("copy"), p.Target())
		h.gone(p)
		h.mark(p)
		return &step{args: []string{"init"}}
	},
}

// mostLayers bounds what a history leaves in the store, and so what judging it costs.
const mostLayers = 9

// draw makes one of the places ready for a command at random: one of these kinds, or of
// all.
func (h *history) draw(names ...string) *step {
	h.t.Helper()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(kinds))
	}
	for {
		kind := names[h.random.IntN(len(names))]
		if len(h.book.now()) > mostLayers {
			kind = "rm"
		}
		p := h.place(places[h.random.IntN(len(places))])
		if kind == "switch" && p.Name() == "a" {
			continue // its branch stays, as the repository's
		}
		s := kinds[kind](h, p)
		if s == nil {
			continue
		}
		s.kind, s.place, s.again = kind, p.Name(), append(s.again, 0)
		if slices.Contains(seals, kind) {
			s.source = h.files(p.Target())
		}
		s.span = span{h.position(), never}
		return s
	}
}

// start starts a step, in a process group of its own.
func (h *history) start(s *step) *fixture.Process {
	h.t.Helper()
	p := h.place(s.place).with(s.env...)
	if s.kind == "build" {
		return p.Start("setsid", append([]string{"cargo"}, s.args...)...)
	}
	return p.Start("setsid", append([]string{fixture.Program(h.t), "--json"}, s.args...)...)
}

// run runs a step to its end, while other programs may sync, and enters into the book
// what it did.
func (h *history) run(s *step) {
	h.t.Helper()
	s.ended[0] = time.Now()
	stop := h.stir(func() { syncs(h.w.Dir) }) // as another program does
	r := h.start(s).Wait()
	stop()
	s.span.to, s.ended[1] = h.position(), time.Now()
	if r.Code != 0 {
		h.t.Fatalf("%v: %v", s, r)
	}
	h.book.steps = append(h.book.steps, s)
	h.enter(s)
}

// stir has what is new be written by do at random instants, half of the time, until the
// returned function is called.
func (h *history) stir(do func()) (stop func()) {
	if h.chance(0.5) {
		return func() {}
	}
	random, most := newRandom(h.random.Uint64()), 1+h.random.Int64N(int64(60*time.Millisecond))
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(random.Int64N(most))):
				do()
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// writeBack has the kernel begin to write the files in a directory, as it does by itself
// after a while. Unlike syncs it is not told what comes of it, and leaves that to be told to
// others.
func writeBack(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if f, err := os.Open(path); err == nil {
			_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
			f.Close()
		}
		return nil
	})
}

// syncs has all be written that can be, and takes note of what cannot.
func syncs(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = unix.Syncfs(int(d.Fd()))
		d.Close()
	}
}

// labels are those of all layers that are listed, by id.
func (h *history) labels() map[string]string {
	h.t.Helper()
	found := map[string]string{}
	r := h.w.origin.TryCow("list")
	for line := range strings.Lines(r.Stdout) {
		var v struct{ Reason, Layer, Label string }
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Reason != "layer" {
			h.t.Fatalf("list: %v: %v", err, r)
		}
		found[v.Layer] = v.Label
	}
	if r.Code != 0 {
		h.t.Fatalf("list: %v", r)
	}
	return found
}

// files has a digest of each file in a build directory but for our own.
func (h *history) files(dir string) map[string]string {
	h.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".cargo-cow":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		found[rel], err = digestOf(path)
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
	return found
}

// content is a digest of a layer.
func (h *history) content(id string) string {
	h.t.Helper()
	sum, err := digestOf(filepath.Join(h.w.store, "layers", id))
	if err != nil {
		h.t.Errorf("layer %s: %v", id, err)
	}
	return sum
}

// enter enters into the book what a step has changed, or, for nil, what is there.
func (h *history) enter(s *step) {
	h.t.Helper()
	did, kind := already, ""
	if s != nil {
		did, kind = s.span, s.kind
		h.observe(s.place, kind, did.from)
		if slices.Contains(seals, kind) {
			h.book.events = append(h.book.events, event{s.place, did.to, true})
		}
	}
	now := h.labels()
	for id, label := range now {
		f := h.book.layers[id]
		if f == nil || f.removed != notYet {
			if s != nil && !slices.Contains(seals, kind) {
				h.t.Errorf("%v has made layer %s", s, id)
			}
			f = &fact{content: h.content(id), made: did, removed: notYet, labels: []given{{did, label}}}
			h.book.layers[id] = f
		}
		if last := f.labels[len(f.labels)-1]; last.label != label {
			if s != nil && !slices.Contains(labels, kind) {
				h.t.Errorf("%v has called layer %s %q, not %q", s, id, label, last.label)
			}
			f.labels = append(f.labels, given{did, label})
		}
	}
	for id, f := range h.book.layers {
		if _, there := now[id]; there || f.removed != notYet {
			continue
		}
		if s != nil && !slices.Contains(removes, kind) {
			h.t.Errorf("after %v layer %s is gone", s, id)
		}
		f.removed = did
	}
}

// doubt enters into the book what a step may have done that has not said that it did.
func (h *history) doubt(s *step) {
	h.t.Helper()
	switch s.kind {
	case "rm":
		h.book.layers[s.args[1]].removed = s.span
	case "prune":
		for _, id := range h.book.removable() {
			h.book.layers[id].removed = s.span
		}
	case "label":
		f := h.book.layers[s.args[1]]
		f.labels = append(f.labels, given{s.span, s.args[2]})
	}
	for _, m := range h.book.marks {
		if m.place == s.place && (m.aside || m.sealed || s.kind == "switch") {
			m.until = min(m.until, s.span.from)
		}
	}
}

// adopt has the book begin anew with what is there.
func (h *history) adopt() {
	h.t.Helper()
	now := h.labels()
	for id, label := range now {
		f := h.book.layers[id]
		if f == nil {
			f = &fact{content: h.content(id)}
			h.book.layers[id] = f
		}
		f.removed, f.labels = notYet, []given{{already, label}}
	}
	for id, f := range h.book.layers {
		if _, there := now[id]; !there {
			f.removed = already
		}
	}
	h.book.settled()
}

// edit changes the program of a place, and at times what its library says.
func (h *history) edit(p *checkout) {
	p.T.Helper()
	h.book.texts++
	p.save("app/src/main.rs", mainRS(fmt.Sprintf("text-%d", h.book.texts)))
	if h.chance(0.3) {
		p.save("name", fmt.Sprintf("cow-%d", h.book.texts))
	}
}

// grow gives a place two packages more, one of which a layer of another project has.
func (h *history) grow(p *checkout) {
	p.T.Helper()
	for name, text := range grownFiles {
		p.save(name, text)
	}
	p.save("Cargo.lock", h.book.grownLock)
}

// built edits and builds a place, and leaves a mark in what was built.
func (h *history) built(p *checkout) {
	p.T.Helper()
	h.edit(p)
	if !fixture.Exists(p.Target()) {
		fixture.Acquaint(p.T, p.Target(), p.Env)
	}
	h.willBuild(p)
	p.Must("cargo", "build", "--quiet", "--offline")
	h.mark(p)
}

// willBuild notes that cargo builds in a place.
func (h *history) willBuild(p *checkout) {
	h.book.events = append(h.book.events, event{p.Name(), h.position(), false})
}

// mark leaves a mark in a build directory, from now on to be found.
func (h *history) mark(p *checkout) {
	p.T.Helper()
	h.gone(p)
	h.book.texts++
	text := fmt.Sprintf("mine-%d", h.book.texts)
	p.save("target/debug/incremental/which", text)
	h.book.marks = append(h.book.marks, &mark{place: p.Name(), text: text, from: h.position(), until: never})
}

// gone says that the marks of a place need not be found any more.
func (h *history) gone(p *checkout) {
	for _, m := range h.book.marks {
		if m.place == p.Name() {
			m.until = min(m.until, h.position())
		}
	}
}

// observe looks where the marks of a place lie after a command of that kind, which began
// then. What was put aside, the next to replace something may delete; and a build
// directory that is a layer, the first.
func (h *history) observe(place, kind string, began int) {
	h.t.Helper()
	found := h.place(place).found()
	for _, m := range h.book.marks {
		if m.place != place || m.until != never {
			continue
		}
		at := slices.Index(found, m.text)
		if at < 0 && !m.aside && !m.sealed && kind != "switch" {
			h.t.Errorf("after %s in %s the build directory marked %s is gone", kind, place, m.text)
		}
		if at < 0 {
			m.until = began
		}
		m.aside = at > 0
		m.sealed = m.sealed || kind == "snapshot" || kind == "switch"
	}
}

// found are the marks in and beside the build directory of a place.
func (c *checkout) found() []string {
	c.T.Helper()
	var all []string
	for _, dir := range []string{"target", "target.cargo-cow-undo", ".target.cargo-cow-tmp.swap"} {
		text, err := os.ReadFile(c.Path(dir, "debug/incremental/which"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.T.Error(err)
		}
		all = append(all, string(text))
	}
	return all
}

// ended waits until no process of a step is left.
func ended(t testing.TB, group int) {
	t.Helper()
	fixture.Eventually(t, "all processes of the step have ended", func() bool {
		return errors.Is(syscall.Kill(-group, 0), syscall.ESRCH)
	})
}
