package cargo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Noted is a reason that was found when the build directory was restored, by
// which a later Explain can say why a unit is dirty.
type Noted struct {
	Record Path   `json:"record"`
	File   string `json:"file"`
	Reason
}

// Noted lists the plan's own reasons, to be kept with the restored directory.
func (p *Plan) Noted() []Noted {
	var list []Noted
	for i, r := range p.reasons {
		if r != nil {
			u := &p.manifest.Units[i]
			list = append(list, Noted{u.Record, u.File, *r})
		}
	}
	return list
}

// Explain says of every unit in a place's build directory what the next build
// will do with it, by the checks that Cargo makes on the file system (cargo
// 1.95, fingerprint/mod.rs:check_filesystem). Changes of manifests, features,
// profiles or the toolchain, which Cargo finds by hash, are not foreseen.
func Explain(ctx context.Context, p *Place, noted []Noted) ([]Verdict, error) {
	s, err := scan(p.Workspace.BuildDir, p.Workspace.CargoHome, nil)
	if err != nil {
		return nil, err
	}
	e := newExplainer(ctx, p, s, noted)
	replaced := e.replaced()
	var list []Verdict
	for _, u := range s.units {
		if replaced[u] {
			continue
		}
		v := Verdict{UnitName: u.UnitName, Reason: e.judge(u), Strange: u.strange()}
		v.Fresh = v.Reason == nil
		for _, d := range u.deps {
			if d != nil && e.judge(d) != nil {
				v.Because = append(v.Because, d.Unit)
			}
		}
		list = append(list, v)
	}
	return list, nil
}

type explainer struct {
	dir     *scanned
	ctx     context.Context
	from    *attribution
	place   *Place
	reasons map[*built]*Reason
	noted   map[string]Reason
	times   map[string]int64
}

func newExplainer(ctx context.Context, p *Place, s *scanned, noted []Noted) *explainer {
	e := &explainer{ctx: ctx, place: p, from: newAttribution(p, s.dir), dir: s, reasons: map[*built]*Reason{}, noted: map[string]Reason{}, times: map[string]int64{}}
	for _, n := range noted {
		e.noted[string(n.Record)+"/"+n.File] = n.Reason
	}
	return e
}

func (e *explainer) judge(u *built) *Reason {
	if r, ok := e.reasons[u]; ok {
		return r
	}
	e.reasons[u] = nil
	r := e.check(u)
	e.reasons[u] = r
	return r
}

func (e *explainer) check(u *built) *Reason {
	if u.broken != nil {
		if n, ok := e.noted[u.key]; ok {
			return &n
		}
		return u.broken
	}
	if u.overridden() {
		return nil
	}
	if len(u.outputs) == 0 {
		if n, ok := e.noted[u.key]; ok {
			return &n
		}
		return &Reason{RuleCargo, "its outputs are missing"}
	}
	if e.strayed(u) {
		return &Reason{RuleCargo, "its package is another one here, as it lies elsewhere"}
	}
	if r := e.moved(u); r != nil {
		return r
	}
	if r := e.relinked(u); r != nil {
		return r
	}
	newest := u.newestOutput(false)
	for i, d := range u.deps {
		switch {
		case d == nil:
			return &Reason{RuleCargo, u.needs[i].name + " was rebuilt with other settings since"}
		case e.judge(d) != nil:
			return &Reason{RuleDependency, d.Unit + " will be rebuilt"}
		case d.newestOutput(u.needsMetadataOnly(d)) > newest:
			return &Reason{RuleCargo, d.Unit + " was rebuilt since"}
		}
	}
	if u.print == nil {
		return nil
	}
	for _, l := range u.print.Local {
		if r := e.local(u, l); r != nil {
			return r
		}
	}
	return nil
}

func (e *explainer) local(u *built, l fingerprint.Local) *Reason {
	switch l.Kind {
	case fingerprint.CheckDepInfo:
		return e.depInfo(u)
	case fingerprint.Precalculated:
		return e.newest(u, l.Text)
	case fingerprint.RerunIfEnvChanged:
		return e.variable(l.Var, l.Val, l.ValSet)
	case fingerprint.RerunIfChanged:
		home := e.home(u)
		for _, p := range l.Paths {
			if !filepath.IsAbs(p) {
				if home == "" {
					continue
				}
				p = filepath.Join(home, p)
			}
			if r := e.stale(p, u.depTime); r != nil {
				return r
			}
		}
	}
	return nil
}

// newest compares the newest file of a package whose script declares nothing
// with the one that its last run saw.
func (e *explainer) newest(u *built, was string) *Reason {
	home := e.home(u)
	if !u.run || home == "" || u.source == SourceVendored {
		return nil
	}
	now, err := newestSource(e.ctx, e.place, home)
	if err != nil {
		return nil // only Cargo knows; a rebuild that was not foreseen does no harm
	}
	if now != was {
		return &Reason{RuleCargo, "the newest file of its package is now " + now}
	}
	return nil
}

func (e *explainer) depInfo(u *built) *Reason {
	home := e.home(u)
	for _, f := range u.info.Files {
		path := f.Path
		switch {
		case f.Kind == depinfo.PackageRoot && home == "":
			continue
		case f.Kind == depinfo.PackageRoot:
			path = filepath.Join(home, path)
		case !filepath.IsAbs(path):
			path = filepath.Join(e.dir.dir, path)
		}
		if r := e.stale(path, u.depTime); r != nil {
			return r
		}
	}
	return e.variables(u.info.Env)
}

// home is the directory of the package a unit belongs to.
func (e *explainer) home(u *built) string {
	p := e.from.packageOf(u)
	if p == nil {
		return ""
	}
	if u.source != SourceVendored {
		return p.Root
	}
	loc, _ := e.from.origins[e.from.originOf(u)].locate(p.Root)
	here, _ := e.place.Abs(loc)
	return here
}

// stale compares a file's time, or the latest in a directory, with that of a
// build.
func (e *explainer) stale(path string, built int64) *Reason {
	if e.place.Workspace.immutable(path) {
		return nil
	}
	t, ok := e.times[path]
	if !ok {
		var err error
		if t, err = mtimeRecursive(path); err != nil {
			t = -1
		}
		e.times[path] = t
	}
	name := path
	if rel, ok := paths.Under(path, e.place.Workspace.Root); ok {
		name = rel
	}
	switch {
	case t < 0:
		return &Reason{RuleCargo, name + " is missing"}
	case t > built:
		return &Reason{RuleCargo, fmt.Sprintf("%s changed at %s", name, time.Unix(0, t).Format(time.DateTime))}
	}
	return nil
}

// mtimeRecursive is the latest modification time of a file, or of a directory
// and all in it, links followed (cargo-util 0.2, paths.rs:mtime_recursive).
func mtimeRecursive(path string) (int64, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	latest := fi.ModTime().UnixNano()
	if !fi.IsDir() {
		return latest, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return latest, nil
	}
	for _, entry := range entries {
		if t, err := mtimeRecursive(filepath.Join(path, entry.Name())); err == nil {
			latest = max(latest, t)
		}
	}
	return latest, nil
}
