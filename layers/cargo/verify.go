package cargo

import (
	"context"
	"os"
)

// Verify compares everything the manifest's units were built from with what
// lies in the place, by content. It reads only. What is edited after Verify
// began is for Cargo to see: the caller makes sure that the time given to Apply
// is older than any such edit.
func Verify(ctx context.Context, m *Manifest, r *Reader, strict bool) (*Plan, error) {
	p, s := r.place, r.settings
	v := &verifier{
		plan: &Plan{manifest: m, place: p, settings: s, reasons: make([]*Reason, len(m.Units))}, strict: strict,
		reader: r, comparison: newComparison(m, r),
	}
	for i := range m.Origins {
		v.plan.atHome = append(v.plan.atHome, m.Origins[i].is(p))
	}
	if p.Fingerprint != nil && s.Rules.On(RuleFingerprint) {
		v.unseen = m.Fingerprint.differsUnseen(p.Fingerprint)
	}
	v.comparison.warm()
	for i := range m.Units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.plan.reasons[i] = v.judge(i)
	}
	if s.Rules.On(RuleAbsentInput) {
		v.absent()
	}
	v.findNewest(ctx)
	v.strays()
	if err := v.nested(ctx); err != nil {
		return nil, err
	}
	return v.plan, nil
}

type verifier struct {
	plan       *Plan
	reader     *Reader
	comparison *comparison
	strict     bool
	unseen     string // an ingredient that differs and that Cargo does not look at
	missing    []int  // units that lack an input
}

// judge gives the first reason against a unit.
func (v *verifier) judge(i int) *Reason {
	u := &v.plan.manifest.Units[i]
	rules := v.reader.settings.Rules
	if u.Always != nil {
		return u.Always
	}
	if v.unseen != "" && u.Mutable {
		return &Reason{RuleFingerprint, "it was built with another " + v.unseen}
	}
	if !v.plan.atHome[u.Origin] {
		if len(u.Elsewhere) > 0 {
			return &u.Elsewhere[0]
		}
		if v.strict && rules.On(RuleStrict) && !u.Run && (u.Mutable || u.Named) {
			return &Reason{RuleStrict, "it was built in " + v.plan.manifest.Origins[u.Origin].Root()}
		}
	}
	if u.Commit && rules.On(RuleGitState) {
		if text := v.comparison.commit(u.Origin, u.CommitOnly); text != "" {
			return &Reason{RuleGitState, text}
		}
	}
	for _, use := range u.Inputs {
		d := v.comparison.input(use.Index)
		if d.text == "" {
			continue
		}
		if d.lacked != "" {
			v.missing = append(v.missing, i)
			v.lack(d)
		}
		if rules.On(use.Rule) {
			return &Reason{use.Rule, d.text}
		}
	}
	for _, use := range u.Trees {
		d := v.comparison.tree(use.Index)
		v.lack(d)
		if d.text != "" && rules.On(use.Rule) {
			return &Reason{use.Rule, d.text}
		}
		if d.ignored != "" && rules.On(RuleIgnoredInputs) {
			return &Reason{RuleIgnoredInputs, d.ignored}
		}
	}
	for _, use := range u.Facts {
		if r := v.comparison.fact(use.Index, use.Rule); r != nil && rules.On(use.Rule) {
			return r
		}
	}
	return nil
}

// Root is the first name of an origin's workspace.
func (o *Origin) Root() string {
	for _, n := range o.Names {
		if n.Base == BaseRoot {
			return string(n.Text)
		}
	}
	return "another checkout"
}

// findNewest foresees the fingerprints of scripts that declare nothing. One that
// cannot be foreseen belongs to a script that Cargo runs again.
func (v *verifier) findNewest(ctx context.Context) {
	v.plan.newest = map[int]string{}
	for i := range v.plan.manifest.Units {
		u := &v.plan.manifest.Units[i]
		if !u.Newest || v.plan.reasons[i] != nil || u.Home == nil {
			continue
		}
		home, _ := v.reader.place.Abs(*u.Home)
		text, err := newestSource(ctx, v.reader.place, home)
		if err != nil {
			v.plan.reasons[i] = &Reason{RuleInDoubt, "its script declares nothing, and " + err.Error()}
			continue
		}
		v.plan.newest[i] = text
	}
}

// absent makes the scripts of a package run again when an input of one of its
// units is missing: a script may have written it.
func (v *verifier) absent() {
	for _, i := range v.missing {
		lacks := &v.plan.manifest.Units[i]
		for j := range v.plan.manifest.Units {
			u := &v.plan.manifest.Units[j]
			if u.Run && v.plan.reasons[j] == nil && u.Home != nil && lacks.Home != nil && *u.Home == *lacks.Home {
				v.plan.reasons[j] = &Reason{RuleAbsentInput, "a source of " + lacks.Package + " is missing and may be written by the script"}
			}
		}
	}
}

// strays finds links whose end is missing in the place: their scripts run again.
func (v *verifier) strays() {
	if !v.reader.settings.Rules.On(RuleLeftOutside) {
		return
	}
	for _, s := range v.plan.manifest.Strays {
		if s.Link == nil || s.Link.Base == BaseBuild || s.Link.Base == BaseOuter {
			continue
		}
		to, ok := v.reader.place.Abs(*s.Link)
		if ok {
			_, err := os.Lstat(to)
			ok = err == nil
		}
		if !ok {
			v.plan.remake(s.Units, escapePath(string(s.Path))+" would lead to "+s.Link.display()+", which is missing")
		}
	}
	v.plan.bindStrays()
}

// nested compares the build directories inside this one.
func (v *verifier) nested(ctx context.Context) error {
	for i := range v.plan.manifest.Nested {
		n := &v.plan.manifest.Nested[i]
		n.Manifest.Fingerprint = v.plan.manifest.Fingerprint
		r := *v.reader
		r.place = v.reader.place.within(string(n.Path))
		plan, err := Verify(ctx, n.Manifest, &r, v.strict)
		if err != nil {
			return err
		}
		v.plan.nests = append(v.plan.nests, nestedPlan{string(n.Path), plan})
	}
	return nil
}
