package cargo

import (
	"errors"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// retag rewrites the fingerprints of units that would be built again in the checkout
// for no other reason than where and when its files were written: the time of the
// newest file of a package found equal, the new name of a watched path or of a
// vendored crate's root. What depends on such a unit records its hash, so the new
// hash is carried upwards.
//
// A fingerprint is rewritten only if its present hash is reproduced from its
// present content; otherwise this version of Cargo computes it in a way nobody
// knows, and the unit is rebuilt.
func (a *applier) retag() (int, error) {
	units := a.plan.Manifest.Units
	r := &retagger{a: a, changed: map[uint64]uint64{}, done: make([]bool, len(units)), touched: make([]bool, len(units))}
	for i := range units {
		if err := r.visit(i); err != nil {
			return 0, err
		}
	}
	n := 0
	for _, t := range r.touched {
		if t {
			n++
		}
	}
	return n, nil
}

type retagger struct {
	a       *applier
	changed map[uint64]uint64 // hashes, from old to new
	done    []bool            // by unit
	touched []bool            // those rewritten
}

// visit handles a unit after all it depends on.
func (r *retagger) visit(i int) error {
	if r.done[i] {
		return nil
	}
	r.done[i] = true
	u := &r.a.plan.Manifest.Units[i]
	below := false
	for _, d := range u.Deps {
		if err := r.visit(d); err != nil {
			return err
		}
		below = below || r.touched[d]
	}
	moved := r.a.plan.reasons[i] == nil &&
		(u.Root != nil || u.Linker != nil || u.Run && (u.Newest || u.Rewatch && !r.a.plan.atHome[u.Origin] || len(u.Moved) > 0))
	if !moved && !below || u.Doc {
		return nil
	}
	err := r.one(i, u, moved)
	if in, ok := errors.AsType[doubt](err); ok {
		if r.a.plan.reasons[i] == nil {
			r.a.plan.reasons[i] = rule.Because(rule.InDoubt, string(in))
		}
		return nil
	}
	return err
}

// doubt is why a unit has to be rebuilt whose fingerprint would have to be rewritten.
type doubt string

func (d doubt) Error() string { return string(d) }

func (r *retagger) one(i int, u *manifest.Unit, moved bool) error {
	record := r.a.path(string(u.Record) + "/" + u.File)
	text, err := regular.Read(record + ".json")
	if err != nil {
		return doubt("its fingerprint cannot be read")
	}
	stored, err := regular.Read(record)
	if err != nil {
		return doubt("its hash cannot be read")
	}
	hash, err := fingerprint.ParseHash(stored)
	if err != nil {
		return nil // Cargo rebuilds it anyway
	}
	f, err := fingerprint.Parse(text)
	if err != nil {
		return doubt("its fingerprint cannot be read")
	}
	known := f.Reproducible() && f.Hash() == hash
	for d := range f.Deps {
		if to, ok := r.changed[f.Deps[d].Hash]; ok {
			f.Deps[d].Hash = to
		}
	}
	if moved {
		if err := r.move(i, u, f); err != nil {
			return err
		}
	}
	if f.Hash() == hash {
		return nil
	}
	if !known {
		return doubt("its fingerprint is of an unknown form and would have to be rewritten")
	}
	if err := atomicfile.Replace(record+".json", f.Encode()); err != nil {
		return err
	}
	if err := atomicfile.Replace(record, []byte(fingerprint.FormatHash(f.Hash()))); err != nil {
		return err
	}
	r.changed[hash] = f.Hash()
	r.touched[i] = true
	return nil
}

// move changes a fingerprint, and what else Cargo reads, to what they are in the
// checkout.
func (r *retagger) move(i int, u *manifest.Unit, f *fingerprint.Fingerprint) error {
	plan := r.a.plan
	if u.Root != nil {
		if !plan.moveRoot(u, f) {
			return doubt("where its sources were is not what its fingerprint says")
		}
		if err := plan.watchSources(r.a.dir, u, f); err != nil {
			return doubt("its dependency information cannot be rewritten: " + err.Error())
		}
	}
	if u.Linker != nil && !plan.relink(u, f) {
		return doubt("the linker in its fingerprint is none of the checkout's")
	}
	if !u.Run {
		return nil
	}
	ok, err := r.local(i, u, f)
	if err != nil {
		return doubt(err.Error())
	}
	if !ok {
		return doubt("what its script watches is not what its fingerprint says")
	}
	return nil
}

// local changes the part of a fingerprint that is about the script's own inputs to what
// Cargo will compute in the checkout.
func (r *retagger) local(i int, u *manifest.Unit, f *fingerprint.Fingerprint) (bool, error) {
	if u.Newest {
		for l := range f.Local {
			if f.Local[l].Kind == fingerprint.Precalculated {
				f.Local[l].Text = r.a.plan.newest[i]
			}
		}
		return true, nil
	}
	lines, err := r.a.rewriteOutput(u)
	if err != nil {
		return false, err
	}
	watched := script.WatchPaths(lines)
	for l := range f.Local {
		if f.Local[l].Kind != fingerprint.RerunIfChanged {
			continue
		}
		if len(f.Local[l].Paths) != len(watched) {
			return false, nil
		}
		if u.Home != nil {
			home, _ := r.a.plan.Checkout.Abs(*u.Home)
			for i := range watched {
				// Cargo strips the package's directory (fingerprint/mod.rs:
				// local_fingerprints_deps).
				if rest, ok := paths.Under(watched[i], home); ok {
					watched[i] = rest
				}
			}
		}
		for i, have := range f.Local[l].Paths {
			// Only an absolute path can have moved.
			if have != watched[i] && len(have) > 0 && have[0] == '/' {
				f.Local[l].Paths[i] = watched[i]
			}
		}
		return true, nil
	}
	return !slices.ContainsFunc(f.Local, func(l fingerprint.Local) bool { return l.Kind == fingerprint.Unknown }), nil
}
