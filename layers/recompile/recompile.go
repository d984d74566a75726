// Package recompile compiles units of a build directory again, where they were made, and says whether what is there is
// what the compiler makes.
//
// It works on a clone of the build directory, which nobody else uses. In a view the clone is seen at the path that the
// build directory had when a unit was made, and around it the checkout, read-only, at the path of the unit's origin.
// There cargo is asked how it makes each unit (package calls), and each of these calls is made once more, into an empty
// directory and without incremental state. So all that decides an output is what it was: compiler, arguments,
// environment, paths, the dependencies as they lie; and what is written is read by nobody.
//
// What two compilations make differently cannot be compared with anything, so a unit that is not as it was made again
// is made a third time: it is different where the compiler agrees with itself and not with what is there.
//
// Nothing but the clone is written to. A Run is for one goroutine; several may be at work in several clones.
package recompile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
)

// Run compiles the wanted units again and returns a verdict on each, in the order in which units lie in the build
// directory. The error matches ErrUnavailable where no views can be made.
func Run(ctx context.Context, o Options) ([]*Verdict, error) {
	if err := alias.Probe(); err != nil {
		return nil, fmt.Errorf("show the build directory's copy in its place: %w", err)
	}
	r := &run{Options: o}
	var err error
	if r.temp, err = os.MkdirTemp(o.Temp, "cargo-cow-verify-"); err != nil {
		return nil, fmt.Errorf("compile again: %w", err)
	}
	defer os.RemoveAll(r.temp)
	if r.dir, err = builddir.Scan(o.Clone, o.Checkout.Workspace.CargoHome, nil); err != nil {
		return nil, err
	}
	if r.sites, err = newSites(&r.Options, r.dir); err != nil {
		return nil, err
	}
	for _, u := range r.dir.Units {
		if o.Wanted[u.UnitName] {
			r.jobs = append(r.jobs, &job{unit: u, verdict: Verdict{UnitName: u.UnitName}})
		}
	}
	r.findSites()
	if err := r.askAll(ctx); err != nil {
		return nil, err
	}
	if err := r.makeAll(ctx); err != nil {
		return nil, err
	}
	var all []*Verdict
	for _, j := range r.jobs {
		all = append(all, &j.verdict)
	}
	return all, nil
}

// findSites finds out where each unit was made.
func (r *run) findSites() {
	for _, j := range r.jobs {
		j.calls = map[*site]*calls.Call{}
		if j.ways, j.unsure = r.sites.of(j.unit); len(j.ways) == 0 {
			r.unknown(j, j.unsure)
		}
	}
}

// makeAll makes the units again that are not decided yet, as many at once as there are processors.
func (r *run) makeAll(ctx context.Context) error {
	var open []*job
	for _, j := range r.jobs {
		if j.verdict.Result == "" {
			open = append(open, j)
		}
	}
	// Those that took long go first, so that none of them is left running alone at the end.
	slices.SortStableFunc(open, func(a, b *job) int { return int(b.unit.Cost - a.unit.Cost) })
	failed := make([]error, len(open))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(open), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(open)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if failed[i] = r.judge(ctx, open[i]); failed[i] == nil {
					r.tell(open[i])
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(failed...)
}

// maxTries is how often a unit is made again at most. What changes from one compilation to the next does so mostly at
// the second; the third is for a choice between two.
const maxTries = 3

// judge makes a unit again, and says what came of it.
func (r *run) judge(ctx context.Context, j *job) error {
	v := &j.verdict
	var kept []*outputs
	defer func() {
		for _, o := range kept {
			o.remove()
		}
	}()
	made, found, err := r.first(ctx, j, &kept)
	if err != nil || v.Result != "" {
		return err
	}
	stays := found
	for v.Tries < maxTries && len(stays) > 0 {
		next, why, err := r.try(ctx, j, made.way, &kept)
		if err != nil || why != "" {
			v.Result, v.Why = Failed, why
			return err
		}
		if _, equal := byNature(next.compare(r.there(j, made.way))); equal {
			stays = nil // what is there came of chance, and now the same came
		} else {
			// Where two compilations differ, a third thing there says nothing.
			stays = without(stays, next.compare(made))
		}
	}
	switch {
	case len(stays) == 0:
		v.Result, v.Differs = Varies, parts(found)
	case j.unsure != "":
		v.Result, v.Differs, v.Why = Unknown, parts(stays), j.unsure
	default:
		v.Result, v.Differs = Different, parts(stays)
	}
	return nil
}

// first makes a unit in each way in which it may have been made, until one gives what is there: then the verdict is that.
// It returns what differs least.
func (r *run) first(ctx context.Context, j *job, kept *[]*outputs) (least *outputs, found []difference, err error) {
	v := &j.verdict
	failed := ""
	for _, w := range j.ways {
		made, why, err := r.try(ctx, j, w, kept)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			failed = why
			continue
		}
		differs := made.compare(r.there(j, w))
		names, equal := byNature(differs)
		if equal || least == nil || len(differs) < len(found) {
			least, found = made, differs
			if v.At = ""; w.at != r.sites.here {
				v.At = w.at.root
			}
		}
		if equal {
			v.But, v.Result = names, Equal
			if len(names) > 0 {
				v.Result = EqualBut
			}
			return made, nil, nil
		}
	}
	if least == nil {
		v.Result, v.Why = Failed, failed
	}
	v.Tries = 1 // in the way that counts
	return least, found, nil
}

// try makes a unit once more.
func (r *run) try(ctx context.Context, j *job, w way, kept *[]*outputs) (made *outputs, why string, err error) {
	j.verdict.Tries++
	made, why, err = r.make(ctx, j, w)
	if made != nil {
		*kept = append(*kept, made)
	}
	if err != nil {
		return nil, "", fmt.Errorf("compile %s again: %w", j.verdict.Unit, err)
	}
	return made, why, nil
}

// there is what the build directory has of a unit, to be compared with what was made in a way.
func (r *run) there(j *job, w way) *outputs {
	u := j.unit
	if u.Run {
		output, outDir, _ := u.Dir.ScriptFiles()
		return &outputs{job: j, way: w, sites: r.sites, said: filepath.Join(r.Clone, output), tree: filepath.Join(r.Clone, outDir), kept: true}
	}
	o := &outputs{job: j, way: w, sites: r.sites, kept: true}
	for _, f := range u.Outputs {
		o.files = append(o.files, filepath.Join(r.Clone, f.Path))
	}
	if u.SourceListFile != "" {
		o.files = append(o.files, filepath.Join(r.Clone, u.SourceListFile))
	}
	return o
}
