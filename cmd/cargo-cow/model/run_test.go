package model

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// A run carries out one sequence.
type run struct {
	w         *world
	seq       *sequence
	model     *state
	processes [processes]*process
	number    int // of programs so far
	count     int // operations so far
	outcomes  map[string]int
	gone      []string // layers that were there
	put       map[[3]int]bool
	swept     bool
	log       []string
}

// newRun makes everything ready for a sequence.
func newRun(w *world, seq *sequence) (*run, error) {
	model, err := w.reset()
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	r := &run{w: w, seq: seq, model: model, outcomes: map[string]int{}, put: map[[3]int]bool{}}
	for p := range r.processes {
		r.processes[p] = &process{setting: w.setting(p)}
	}
	return r, nil
}

// run carries out the whole sequence. The error tells in what the store was not as the
// model says.
func (r *run) run() error {
	defer r.end()
	for i := range r.seq.rounds {
		if err := r.round(i, &r.seq.rounds[i]); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		if i%8 == 7 {
			if err := r.readAll(); err != nil {
				return fmt.Errorf("after round %d: %w", i, err)
			}
		}
	}
	if err := r.w.keepPlans(); err != nil {
		return err
	}
	return r.judge()
}

// end ends all processes.
func (r *run) end() {
	for _, p := range r.processes {
		_ = p.end()
	}
}

func (r *run) say(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

// round carries out a round and explains it.
func (r *run) round(i int, rd *round) error {
	r.say("round %d %s", i, rd.fault)
	asked := r.named(rd)
	for _, p := range r.w.places {
		_ = os.Remove(filepath.Join(gitDir(p.Dir), "index.lock")) // of a git that was cut short
	}
	lift, err := r.begin(rd)
	if err != nil {
		return fmt.Errorf("%s: %w", rd.fault, err)
	}
	events, err := r.carryOut(asked, rd)
	if lifted := lift(); err == nil {
		err = lifted
	}
	for _, list := range events {
		for _, e := range list {
			r.say("  %v", e)
			r.tally(e)
		}
	}
	if err != nil {
		return err
	}
	if err := r.judgeAnswers(rd, events); err != nil {
		return err
	}
	var ended [processes]bool // with what they had leased
	for p := range r.processes {
		ended[p] = r.processes[p].cmd == nil
	}
	if err := r.explain(events); err != nil {
		return err
	}
	for p := range r.processes {
		if ended[p] {
			for _, id := range r.model.at[p].own {
				r.model.hold(id, -1)
			}
			r.model.at[p].own = nil
		}
	}
	return nil
}

func (r *run) tally(e *event) {
	r.count++
	switch {
	case e.killed:
		r.outcomes["killed"]++
	case e.r.Kind == "":
		r.outcomes[e.q.Op]++
	default:
		r.outcomes[e.r.Kind]++
	}
}

// named has the names of layers in a round stand for those that are there now.
func (r *run) named(rd *round) [processes][]request {
	ids := slices.SortedFunc(maps.Keys(r.model.layers), func(a, b string) int {
		x, y := r.model.layers[a], r.model.layers[b]
		if x.began != y.began {
			return int(x.began - y.began)
		}
		return strings.Compare(a, b)
	})
	const nobody = "0123456789abcdef0123456789abcdef"
	name := func(ref string, p int) string {
		var n int
		switch _, err := fmt.Sscanf(ref, "#%d", &n); {
		case ref == "#own":
			if own := r.model.at[p].own; len(own) > 0 {
				return own[0]
			}
			return nobody
		case ref == "##" && len(r.gone) > 0:
			return r.gone[len(r.gone)-1]
		case err == nil && len(ids) > 0:
			return ids[n%len(ids)]
		case strings.HasPrefix(ref, "#"):
			return nobody
		}
		return ref
	}
	var asked [processes][]request
	for p, list := range rd.ops {
		for _, q := range list {
			q.Ref, q.From = name(q.Ref, p), name(q.From, p)
			switch q.Op {
			case opBuild:
				r.number++
				q.Number = r.number
				r.w.programs[digestOf(program(q.Number))] = q.Number
			}
			asked[p] = append(asked[p], q)
		}
	}
	return asked
}

// carryOut has all processes do what they are asked for, at once.
func (r *run) carryOut(asked [processes][]request, rd *round) (events [processes][]*event, err error) {
	if len(asked[0]) > 0 && (asked[0][0].Op == opClean || asked[0][0].Op == opRebuild) {
		return r.byHand(asked[0])
	}
	var (
		wg     sync.WaitGroup
		failed [processes]error
	)
	for p := range asked {
		wg.Go(func() {
			for _, q := range asked[p] {
				time.Sleep(q.Wait)
				answer, killed, err := r.processes[p].ask(q)
				if err != nil {
					failed[p] = err
				}
				events[p] = append(events[p], &event{proc: p, q: q, r: answer, killed: killed, died: r.processes[p].cmd == nil})
				if err != nil || killed {
					return // the next round starts another
				}
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return events, fmt.Errorf("%w: %w", errViolated, err)
		}
	}
	return events, nil
}

// byHand does what a user does without the program.
func (r *run) byHand(list []request) (events [processes][]*event, err error) {
	for _, q := range list {
		began, base := ticks(), ""
		target := r.w.places[q.Place].Target()
		switch {
		case q.Op == opClean:
			err = os.RemoveAll(target)
		case !fixture.Exists(target):
			saved := r.w.saved[q.Place][q.Random%uint64(len(r.w.saved[q.Place]))]
			r.number++
			q.Number, base = r.number, saved.name
			r.w.programs[digestOf(program(q.Number))] = q.Number
			if _, err = r.w.lay(q.Place, saved, false); err == nil {
				err = r.w.written.write(target, q.Number)
			}
		}
		if err != nil {
			return events, fmt.Errorf("%v: %w", q, err)
		}
		events[0] = append(events[0], &event{q: q, r: response{Began: began, Ended: ticks(), Text: base}})
	}
	return events, nil
}

// judgeAnswers looks at what can be judged without an order.
func (r *run) judgeAnswers(rd *round, events [processes][]*event) error {
	kinds := map[string][]string{
		faultFull: {full}, faultReadOnly: {readOnly}, faultIO: {inputOut, readOnly}, faultPoint: {injected},
	}[rd.fault]
	for p, list := range events {
		for _, e := range list {
			if e.killed {
				continue
			}
			kind := e.r.Kind
			for _, f := range e.r.Fates {
				if slices.Contains(kinds, f.Kind) {
					kind = f.Kind
				}
			}
			if rd.fault == faultIO {
				// Who asks others about a broken disk gets all sorts of words: that there is no
				// project, or no repository.
				kinds = append(kinds, other)
				e.r.Problems = slices.DeleteFunc(e.r.Problems, func(p string) bool { return strings.Contains(p, "input/output error") })
			}
			e.failed = slices.Contains(kinds, kind)
			switch {
			case e.failed:
			case kind == other, kind == full, kind == readOnly, kind == inputOut, kind == injected:
				return fmt.Errorf("%w: an error that nothing explains: %v", errViolated, e)
			case e.r.Displaced && rd.fault == "":
				return fmt.Errorf("%w: a build had the lock of another directory: %v", errViolated, e)
			case len(e.r.Problems) > 0:
				return fmt.Errorf("%w: %v", errViolated, e)
			}
			for _, f := range e.r.Fates {
				for _, u := range e.r.Used {
					if why := mayGo(u, e.r, e.q.Policy); u.ID == f.ID && why != "" {
						return fmt.Errorf("%w: prune chose layer %s, and %s: %v", errViolated, short(f.ID), why, e)
					}
				}
			}
			if err := r.judgeWarehouse(p, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeWarehouse: what is got is what was put, and what was put is got.
func (r *run) judgeWarehouse(p int, e *event) error {
	key := [3]int{p, e.q.Crate, e.q.Number}
	switch e.q.Op {
	case opSweep, opTimes:
		// In the eyes of who has another time, what was just written is old.
		r.swept = r.swept || e.q.Clock != 0 || e.q.Op == opTimes
	case opPut:
		r.put[key] = r.put[key] || e.r.Kind == ""
	case opGet:
		if e.r.Kind == "" && e.r.Text != fmt.Sprintf("%x", digestOf([]byte(compiled(e.q.Crate, e.q.Number)))) {
			return fmt.Errorf("%w: the warehouse gave something else: %v", errViolated, e)
		}
		if e.r.Kind == miss && r.put[key] && !r.swept {
			return fmt.Errorf("%w: the warehouse does not have what was put: %v", errViolated, e)
		}
	}
	return nil
}

// explain reads what is there, and finds an order that explains it.
func (r *run) explain(events [processes][]*event) error {
	for _, op := range []string{opSettle, opCheck} {
		answer, _, err := r.processes[0].ask(request{Op: op})
		if err != nil {
			return fmt.Errorf("%w: %w", errViolated, err)
		}
		if answer.Kind != "" || len(answer.Problems) > 0 {
			return fmt.Errorf("%w: afterwards %s: %v", errViolated, op, answer)
		}
	}
	f, err := r.w.read(r.w.known)
	if err != nil {
		return err
	}
	if len(f.wrong) > 0 {
		return fmt.Errorf("%w: afterwards:\n  %s", errViolated, strings.Join(f.wrong, "\n  "))
	}
	x := &explanation{start: r.model, written: r.w.written, skewed: r.seq.skewed, present: map[string]bool{}}
	x.events = make([][]*event, processes)
	for p, list := range events {
		for _, e := range list {
			x.events[p] = append(x.events[p], e.parts()...)
		}
	}
	for id := range f.layers {
		x.present[id] = true
	}
	x.known = map[string]bool{}
	for id := range r.model.layers {
		x.known[id] = true
	}
	x.fresh = r.fresh(x, f)
	x.ends = func(s *state) []string { return r.differs(s, f) }
	end, err := x.explain()
	if err != nil {
		return fmt.Errorf("%w: %w\nit began with\n%sand was found with\n%s", errViolated, err, r.model.describe(), r.describe(f))
	}
	r.adopt(end, f)
	return nil
}

// fresh lists the layers that nobody has told to have made. One that was there may have
// been removed, and sealed again.
func (r *run) fresh(x *explanation, f *finding) []string {
	named := maps.Clone(x.present)
	maps.Copy(named, x.known)
	for _, list := range x.events {
		for _, e := range list {
			for _, id := range []string{e.r.Layer, e.r.Parent} {
				named[id] = true
			}
			for id := range e.r.Listed {
				named[id] = true
			}
			for _, u := range e.r.Used {
				named[u.ID] = true
			}
		}
	}
	for _, list := range x.events {
		for _, e := range list {
			if e.r.Created {
				delete(named, e.r.Layer)
			}
		}
	}
	delete(named, "")
	return slices.Sorted(maps.Keys(named))
}

// differs lists in what a state is not what was found.
func (r *run) differs(s *state, f *finding) []string {
	var why []string
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	for id := range s.layers {
		if _, ok := f.layers[id]; !ok {
			say("layer %s should be there", short(id))
		}
	}
	for id, l := range f.layers {
		switch m, ok := s.layers[id]; {
		case !ok:
			say("layer %s should not be there", short(id))
		case l.label != m.label:
			say("layer %s is called %q, should be %q", short(id), l.label, m.label)
		case l.parent != m.parent:
			say("the parent of layer %s is %s, should be %s", short(id), short(l.parent), short(m.parent))
		case l.program != m.content.program:
			say("layer %s has program %d, should have %d", short(id), l.program, m.content.program)
		}
	}
	for i := range s.places {
		for name, pair := range map[string]struct {
			m node
			f foundDir
		}{"build directory": {s.places[i].active, f.places[i].active}, "undo tree": {s.places[i].undo, f.places[i].undo}} {
			m, is := pair.m, pair.f
			switch {
			case m.there != (is.tree != nil):
				say("the %s of place %d is there: %v, should be %v", name, i, is.tree != nil, m.there)
			case !m.there:
			case m.program != is.program:
				say("the %s of place %d has program %d, should have %d", name, i, is.program, m.program)
			case m.layer != unknown && m.layer != is.layer:
				say("the %s of place %d says it is of layer %q, should be %q", name, i, short(is.layer), short(m.layer))
			}
		}
	}
	if why != nil {
		slices.Sort(why)
		return why
	}
	return r.contents(s, f)
}

// contents lists in what the content of trees is not what a state says.
func (r *run) contents(s *state, f *finding) []string {
	var why []string
	say := func(what string, found []string) {
		if len(found) > 0 {
			why = append(why, what+" is not as it should be:\n    "+strings.Join(found[:min(6, len(found))], "\n    "))
		}
	}
	var givers []tree
	for _, l := range f.layers {
		givers = append(givers, l.tree)
	}
	for id := range r.model.layers {
		givers = append(givers, r.w.trees["layer "+id])
	}
	for id, l := range f.layers {
		// One that was removed and sealed again is another one of that name.
		if content := s.layers[id].content; content == r.model.layers[id].content {
			say("layer "+short(id), l.tree.same(r.w.trees["layer "+id]))
		} else {
			say("layer "+short(id), r.w.content(l.foundDir, content, givers))
		}
	}
	for i := range s.places {
		for _, pair := range []struct {
			name string
			m    node
			f    foundDir
		}{{"the build directory", s.places[i].active, f.places[i].active}, {"the undo tree", s.places[i].undo, f.places[i].undo}} {
			if !pair.m.there {
				continue
			}
			name := fmt.Sprintf("%s of place %d", pair.name, i)
			say(name, r.w.content(pair.f, pair.m, givers))
			if l, ok := f.layers[pair.m.twin]; ok {
				say(fmt.Sprintf("%s, or layer %s, which was sealed from it,", name, short(pair.m.twin)),
					l.tree.follows(pair.f.tree, relation{lacks: pair.f.lacks}, nil))
			}
		}
	}
	return why
}

// adopt makes what was found what the next round begins with.
func (r *run) adopt(end *state, f *finding) {
	for id := range r.model.layers {
		if _, ok := f.layers[id]; !ok {
			r.gone = append(r.gone, id)
			delete(r.w.trees, "layer "+id)
		}
	}
	for id, l := range f.layers {
		r.w.trees["layer "+id] = l.tree
		m := end.layers[id]
		m.content = node{there: true, program: l.program, base: "layer " + id}
		end.layers[id] = m
	}
	for i := range end.places {
		for name, pair := range map[string]struct {
			m *node
			f foundDir
		}{"active": {&end.places[i].active, f.places[i].active}, "undo": {&end.places[i].undo, f.places[i].undo}} {
			pair.m.base = fmt.Sprintf("%s %d", name, i)
			r.w.trees[pair.m.base] = pair.f.tree
			pair.m.restored, pair.m.extended, pair.m.built = false, false, false
			if pair.m.there {
				pair.m.layer, pair.m.ordinary = pair.f.layer, pair.f.ordinary
			}
		}
	}
	for i := range end.at {
		end.at[i] = position{own: end.at[i].own}
	}
	r.model = end
}

// describe is what was found in words.
func (r *run) describe(f *finding) string {
	s := &state{layers: map[string]sealed{}, places: make([]place, len(f.places))}
	for id, l := range f.layers {
		s.layers[id] = sealed{label: l.label, parent: l.parent, content: node{there: true, program: l.program}}
	}
	for i, p := range f.places {
		s.places[i].active = node{there: p.active.tree != nil, program: p.active.program, layer: p.active.layer, ordinary: p.active.ordinary}
		s.places[i].undo = node{there: p.undo.tree != nil, program: p.undo.program, layer: p.undo.layer}
	}
	return s.describe()
}
