package cargo

import (
	"context"
	"os"

	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Verify compares everything that the manifest's units were built from with what lies in
// the checkout of r, by content. With strict, a unit that was compiled in another
// checkout stays only if it cannot name that. Verify reads only. Cargo has to see what is edited after Verify began:
// the caller makes sure that the time given to Apply is older than any such edit.
func Verify(ctx context.Context, m *manifest.Manifest, r *Reader, strict bool) (*Plan, error) {
	co, s := r.checkout, r.settings
	v := &verifier{
		plan: &Plan{Manifest: m, Checkout: co, settings: s, reasons: make([]*rule.Reason, len(m.Units))}, strict: strict,
		reader: r, comparison: newComparison(m, r),
	}
	for i := range m.Origins {
		v.plan.atHome = append(v.plan.atHome, m.Origins[i].IsAt(co))
	}
	if co.Fingerprint != nil && s.Rules.On(rule.Fingerprint) {
		v.unseen = m.Fingerprint.DiffersUnseen(co.Fingerprint)
	}
	v.comparison.prefetch()
	for i := range m.Units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.plan.reasons[i] = v.judge(i)
	}
	if s.Rules.On(rule.AbsentInput) {
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
func (v *verifier) judge(i int) *rule.Reason {
	u := &v.plan.Manifest.Units[i]
	rules := v.reader.settings.Rules
	if u.Always != nil {
		return u.Always
	}
	if v.unseen != "" && u.Mutable {
		return rule.Because(rule.Fingerprint, "it was built with another "+v.unseen)
	}
	if !v.plan.atHome[u.Origin] {
		if len(u.Elsewhere) > 0 {
			return &u.Elsewhere[0]
		}
		if v.strict && rules.On(rule.Strict) && !u.Run && (u.Mutable || u.Named) {
			return rule.Because(rule.Strict, "it was built in "+v.plan.Manifest.Origins[u.Origin].Root())
		}
	}
	if u.Commit && rules.On(rule.GitState) {
		if text := v.comparison.commit(u); text != "" {
			return rule.Because(rule.GitState, text)
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
			return rule.Because(use.Rule, d.text)
		}
	}
	for _, use := range u.Trees {
		d := v.comparison.tree(use.Index)
		v.lack(d)
		if d.text != "" && rules.On(use.Rule) {
			return rule.Because(use.Rule, d.text)
		}
		if d.ignored != "" && rules.On(rule.IgnoredInputs) {
			return rule.Because(rule.IgnoredInputs, d.ignored)
		}
	}
	for _, use := range u.Facts {
		if r := v.comparison.fact(use.Index, use.Rule); r != nil && rules.On(use.Rule) {
			return r
		}
	}
	return nil
}

// findNewest predicts the fingerprints of scripts that declare no inputs. If that is not
// possible, the script runs again.
func (v *verifier) findNewest(ctx context.Context) {
	v.plan.newest = map[int]string{}
	for i := range v.plan.Manifest.Units {
		u := &v.plan.Manifest.Units[i]
		if !u.Newest || v.plan.reasons[i] != nil || u.Home == nil {
			continue
		}
		home, _ := v.reader.checkout.Abs(*u.Home)
		text, err := inputs.NewestSource(ctx, v.reader.checkout, home)
		if err != nil {
			v.plan.reasons[i] = rule.Because(rule.InDoubt, "its script declares nothing, and "+err.Error())
			continue
		}
		v.plan.newest[i] = text
	}
}

// absent makes the scripts of a package run again when an input of one of its
// units is missing: a script may have written it.
func (v *verifier) absent() {
	for _, i := range v.missing {
		lacks := &v.plan.Manifest.Units[i]
		for j := range v.plan.Manifest.Units {
			u := &v.plan.Manifest.Units[j]
			if u.Run && v.plan.reasons[j] == nil && u.Home != nil && lacks.Home != nil && *u.Home == *lacks.Home {
				v.plan.reasons[j] = rule.Because(rule.AbsentInput, "a source of "+lacks.Package+" is missing and may be written by the script")
			}
		}
	}
}

// strays finds links to what is missing in the checkout: their scripts run again.
func (v *verifier) strays() {
	if !v.reader.settings.Rules.On(rule.LeftOutside) {
		return
	}
	for _, s := range v.plan.Manifest.Strays {
		if s.Link == nil || s.Link.Root == rooted.Build || s.Link.Root == rooted.OuterBuild {
			continue
		}
		to, ok := v.reader.checkout.Abs(*s.Link)
		if ok {
			_, err := os.Lstat(to)
			ok = err == nil
		}
		if !ok {
			v.plan.remake(s.Units, paths.Escape(string(s.Path))+" would lead to "+s.Link.Display()+", which is missing")
		}
	}
	v.plan.bindStrays()
}

// nested compares the build directories inside this one.
func (v *verifier) nested(ctx context.Context) error {
	for i := range v.plan.Manifest.Nested {
		n := &v.plan.Manifest.Nested[i]
		n.Manifest.Fingerprint = v.plan.Manifest.Fingerprint
		r := *v.reader
		r.checkout = v.reader.checkout.Within(string(n.Path))
		plan, err := Verify(ctx, n.Manifest, &r, v.strict)
		if err != nil {
			return err
		}
		v.plan.nests = append(v.plan.nests, nestedPlan{string(n.Path), plan})
	}
	return nil
}

// maxLacked bounds how many missing files are remembered. A few suffice: files that come
// later, as those of a submodule, come together.
const maxLacked = 64

func (v *verifier) lack(d *diff) {
	if d.lacked == "" || len(v.plan.lacked) >= maxLacked {
		return
	}
	if v.plan.lacked == nil {
		v.plan.lacked = map[string]bool{}
	}
	v.plan.lacked[d.lacked] = true
}
