package cargo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Reader reads the sources of one place, each file once, for any number of
// manifests to be compared with. It is for one goroutine.
type Reader struct {
	place    *Place
	settings Settings
	digests  *digester
	trees    *treeReader
}

// NewReader returns a Reader that has read nothing yet.
func NewReader(p *Place, s Settings) *Reader {
	digests := newDigester()
	return &Reader{p, s, digests, newTreeReader(p, digests, s)}
}

// Verify compares everything the manifest's units were built from with what
// lies in the place, by content. It reads only. What is edited after Verify
// began is for Cargo to see: the caller makes sure that the time given to Apply
// is older than any such edit.
func Verify(ctx context.Context, m *Manifest, r *Reader, strict bool) (*Plan, error) {
	p, s := r.place, r.settings
	v := &verifier{
		plan: &Plan{manifest: m, place: p, settings: s, reasons: make([]*Reason, len(m.Units))}, strict: strict,
		reader:   r,
		treeDiff: make([]*diff, len(m.Trees)), inputDiff: make([]*diff, len(m.Inputs)),
	}
	for i := range m.Origins {
		v.plan.atHome = append(v.plan.atHome, m.Origins[i].is(p))
	}
	if p.Fingerprint != nil && s.Rules.On(RuleFingerprint) {
		v.unseen = m.Fingerprint.differsUnseen(p.Fingerprint)
	}
	v.warm()
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
	plan      *Plan
	reader    *Reader
	strict    bool
	unseen    string // an ingredient that differs and that Cargo does not look at
	inputDiff []*diff
	treeDiff  []*diff
	missing   []int // units that lack an input
}

// diff is the answer to one comparison: text is empty where nothing differs.
type diff struct {
	text    string
	missing bool
	ignored string // what differs among the files git does not list
	lacked  string // absolute name of what is missing; "" where nothing is
}

func (v *verifier) warm() {
	var paths []string
	for _, in := range v.plan.manifest.Inputs {
		if in.Kind == InputFile {
			if path, ok := v.reader.place.Abs(in.Loc); ok {
				paths = append(paths, path)
			}
		}
	}
	v.reader.digests.warm(paths, hashWorkers)
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
		if text := v.commitDiffers(u.Origin, u.CommitOnly); text != "" {
			return &Reason{RuleGitState, text}
		}
	}
	for _, use := range u.Inputs {
		d := v.input(use.Index)
		if d.text == "" {
			continue
		}
		if d.missing {
			v.missing = append(v.missing, i)
			v.lack(d)
		}
		if rules.On(use.Rule) {
			return &Reason{use.Rule, d.text}
		}
	}
	for _, use := range u.Trees {
		d := v.tree(use.Index)
		v.lack(d)
		if d.text != "" && rules.On(use.Rule) {
			return &Reason{use.Rule, d.text}
		}
		if d.ignored != "" && rules.On(RuleIgnoredInputs) {
			return &Reason{RuleIgnoredInputs, d.ignored}
		}
	}
	for _, use := range u.Facts {
		if r := v.fact(v.plan.manifest.Facts[use.Index], use.Rule); r != nil && rules.On(use.Rule) {
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

func (v *verifier) input(i int) *diff {
	if d := v.inputDiff[i]; d != nil {
		return d
	}
	d := v.compare(v.plan.manifest.Inputs[i])
	v.inputDiff[i] = d
	return d
}

func (v *verifier) compare(in Input) *diff {
	name := in.Loc.display()
	path, ok := v.reader.place.Abs(in.Loc)
	if !ok {
		return &diff{text: name + " has no counterpart here"}
	}
	switch in.Kind {
	case InputFile:
		st := v.reader.digests.file(path)
		switch {
		case errors.Is(st.err, fs.ErrNotExist):
			return &diff{text: name + " is missing", missing: true, lacked: path}
		case st.err != nil:
			return &diff{text: name + " cannot be read"}
		case st.digest != in.Value:
			return &diff{text: name + " differs"}
		}
	case InputAbsent:
		if _, err := os.Lstat(path); err == nil {
			return &diff{text: name + " is new"}
		}
	case InputLink:
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return &diff{text: name + " leads nowhere", missing: true, lacked: path}
		}
		if to, _ := newOrigin(v.reader.place).locate(real); to.String() != in.Value {
			return &diff{text: name + " leads to " + to.display()}
		}
	default:
		return &diff{text: name + " is an input of unknown kind"}
	}
	return &diff{}
}

func (v *verifier) tree(i int) *diff {
	if d := v.treeDiff[i]; d != nil {
		return d
	}
	t := v.plan.manifest.Trees[i]
	entries, _, err := v.reader.trees.read(t.Loc, t.Scope)
	d := new(diff)
	if err != nil {
		d.text = t.Loc.display() + " cannot be read"
	} else {
		compareTrees(d, t, entries)
	}
	if top, ok := v.reader.place.Abs(t.Loc); ok && (err != nil || d.lacked != "") {
		d.lacked = filepath.Join(top, d.lacked)
	}
	v.treeDiff[i] = d
	return d
}

// compareTrees walks two sorted listings together and keeps the first
// difference among the files git lists, and the first among the others.
func compareTrees(d *diff, t Tree, have []TreeEntry) {
	was := t.Entries
	note := func(e TreeEntry, what string) {
		text := t.Loc.join(string(e.Path)).display() + what
		if e.Ignored || e.Value == "/" {
			if d.ignored == "" {
				d.ignored = text
			}
		} else if d.text == "" {
			d.text = text
		}
	}
	for len(was) > 0 || len(have) > 0 {
		switch {
		case len(have) == 0 || len(was) > 0 && was[0].Path < have[0].Path:
			note(was[0], " is missing")
			if d.lacked == "" {
				d.lacked = string(was[0].Path)
			}
			was = was[1:]
		case len(was) == 0 || have[0].Path < was[0].Path:
			note(have[0], " is new")
			have = have[1:]
		default:
			if was[0].Value != have[0].Value {
				e := was[0]
				e.Ignored = e.Ignored && have[0].Ignored
				note(e, " differs")
			}
			was, have = was[1:], have[1:]
		}
	}
}

func (v *verifier) fact(f Fact, rule Rule) *Reason {
	switch f.Kind {
	case factEnv:
		if v.reader.place.Env != f.Value {
			return &Reason{rule, "the [env] table of cargo's configuration differs"}
		}
		return nil
	case factPackage:
		if path, ok := v.reader.place.Abs(f.Loc); ok {
			for _, p := range v.reader.place.Workspace.Packages {
				if p.Root == path && p.Metadata == f.Value {
					return nil
				}
			}
		}
		return &Reason{rule, "what the manifest of " + f.Loc.display() + " resolves to differs"}
	case factAbove:
		if above(v.reader.place.Workspace.Root, f.Loc.Path) != f.Value {
			return &Reason{rule, "the " + f.Loc.Path + " above the workspace differs"}
		}
		return nil
	}
	return &Reason{rule, "unknown fact " + f.Kind}
}

// commitDiffers says how the commit that a script may have seen, and unless only
// that counts the branch, differ from what it would see here.
func (v *verifier) commitDiffers(origin int, only bool) string {
	o := &v.plan.manifest.Origins[origin]
	switch here := v.reader.place.Git; {
	case o.Git.Commit != here.Commit:
		return "it reads the commit, which is another one here"
	case o.Git.Ref != here.Ref && !only:
		return "it may read the branch, " + branchName(o.Git.Ref) + ", which is " + branchName(here.Ref) + " here"
	case !o.Clean:
		return "it reads the commit, and was built with changes on top of it"
	case v.reader.place.Dirty == nil:
		return ""
	}
	if dirty, err := v.reader.place.Dirty(); err != nil || dirty {
		return "it reads the commit, and there are changes on top of it here"
	}
	return ""
}

func branchName(ref string) string {
	if ref == "" {
		return "none"
	}
	return strings.TrimPrefix(ref, "refs/heads/")
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
