// Package freshness predicts Cargo's verdict on the units of a build directory: which of them the next
// build leaves alone, and why it builds the others. It makes the checks that Cargo makes on the file
// system, and reads only. Calls share nothing, and may be made at the same time.
package freshness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Explain says of every unit in the build directory of co what the next build
// will do with it, by the checks that Cargo makes on the file system (cargo
// 1.95, fingerprint/mod.rs:check_filesystem). Changes of manifests, features,
// profiles or the toolchain, which Cargo finds by hash, are not predicted. noted are
// the reasons that the last restore found.
func Explain(ctx context.Context, co *checkout.Checkout, noted []Noted) ([]Verdict, error) {
	bd, err := builddir.Scan(co.Workspace.BuildDir, co.Workspace.CargoHome, nil)
	if err != nil {
		return nil, err
	}
	e := newExplainer(ctx, co, bd, noted)
	replaced := e.superseded()
	var list []Verdict
	for _, u := range bd.Units {
		if replaced[u] {
			continue
		}
		v := Verdict{UnitName: u.UnitName, Reason: e.judge(u), Irreproducible: u.Irreproducible()}
		v.Fresh = v.Reason == nil
		for _, d := range u.Deps {
			if d != nil && e.judge(d) != nil {
				v.Because = append(v.Because, d.Unit)
			}
		}
		list = append(list, v)
	}
	return list, nil
}

func (e *explainer) judge(u *builddir.Unit) *rule.Reason {
	if r, ok := e.reasons[u]; ok {
		return r
	}
	e.reasons[u] = nil
	r := e.check(u)
	e.reasons[u] = r
	return r
}

func (e *explainer) check(u *builddir.Unit) *rule.Reason {
	if u.Broken != nil {
		if n, ok := e.noted[u.Key]; ok {
			return &n
		}
		return u.Broken
	}
	if u.Overridden() {
		return nil
	}
	if len(u.Outputs) == 0 {
		if n, ok := e.noted[u.Key]; ok {
			return &n
		}
		return rule.Because(rule.Cargo, "its outputs are missing")
	}
	if e.ofOtherCheckout(u) {
		return rule.Because(rule.Cargo, "its package is another one here, as it lies elsewhere")
	}
	if r := e.moved(u); r != nil {
		return r
	}
	if r := e.relinked(u); r != nil {
		return r
	}
	newest := u.NewestOutput(false)
	for i, d := range u.Deps {
		switch {
		case d == nil:
			return rule.Because(rule.Cargo, u.Needs[i].Name+" was rebuilt with other settings since")
		case e.judge(d) != nil:
			return rule.Because(rule.Dependency, d.Unit+" will be rebuilt")
		case d.NewestOutput(u.NeedsMetadataOnly(d)) > newest:
			return rule.Because(rule.Cargo, d.Unit+" was rebuilt since")
		}
	}
	if u.Fingerprint == nil {
		return nil
	}
	for _, l := range u.Fingerprint.Local {
		if r := e.local(u, l); r != nil {
			return r
		}
	}
	return nil
}

func (e *explainer) local(u *builddir.Unit, l fingerprint.Local) *rule.Reason {
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
			if r := e.stale(p, u.Started); r != nil {
				return r
			}
		}
	}
	return nil
}

// newest compares the newest file of a package whose script declares nothing
// with the one that its last run saw.
func (e *explainer) newest(u *builddir.Unit, was string) *rule.Reason {
	home := e.home(u)
	if !u.Run || home == "" || u.Source == builddir.SourceVendored {
		return nil
	}
	now, err := inputs.NewestSource(e.ctx, e.checkout, home)
	if err != nil {
		return nil // only Cargo knows; a rebuild that was not foreseen does no harm
	}
	if now != was {
		return rule.Because(rule.Cargo, "the newest file of its package is now "+now)
	}
	return nil
}

func (e *explainer) depInfo(u *builddir.Unit) *rule.Reason {
	home := e.home(u)
	for _, f := range u.DepInfo.Files {
		path := f.Path
		switch {
		case f.Kind == depinfo.PackageRoot && home == "":
			continue
		case f.Kind == depinfo.PackageRoot:
			path = filepath.Join(home, path)
		case !filepath.IsAbs(path):
			path = filepath.Join(e.dir.Path, path)
		}
		if r := e.stale(path, u.Started); r != nil {
			return r
		}
	}
	return e.variables(u)
}

// home is the directory of the package a unit belongs to.
func (e *explainer) home(u *builddir.Unit) string {
	p := e.from.PackageOf(u)
	if p == nil {
		return ""
	}
	if u.Source != builddir.SourceVendored {
		return p.Root
	}
	loc, _ := e.from.Origins[e.from.OriginOf(u)].Locate(p.Root)
	here, _ := e.checkout.Abs(loc)
	return here
}

// stale compares a file's time, or the latest in a directory, with that of a
// build.
func (e *explainer) stale(path string, built int64) *rule.Reason {
	if e.checkout.Workspace.Immutable(path) {
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
	if rel, ok := paths.Under(path, e.checkout.Workspace.Root); ok {
		name = rel
	}
	switch {
	case t < 0:
		return rule.Because(rule.Cargo, name+" is missing")
	case t > built:
		return rule.Because(rule.Cargo, fmt.Sprintf("%s changed at %s", name, time.Unix(0, t).Format(time.DateTime)))
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
