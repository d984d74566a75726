package pruning

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/accesstime"
	"github.com/cargo-cow/cargo-cow/layers/cargo/home"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// A Wish is what is asked for.
type Wish struct {
	prune.Policy
	WarehouseSize int64 // of what the loose files of the warehouse take; 0: not asked for
	MinFree       int64 // so much is to be free in the end; 0: not asked for
	// Targets are directories: the target directories below them may go, too.
	Targets []string
	// Known are build directories of which the caller knows.
	Known []string
	// Tool is by which it is asked what compilers are installed.
	Tool project.Tool
}

// goals reports whether so much space is asked for.
func (w *Wish) goals() bool { return w.KeepUnder > 0 || w.Free > 0 || w.MinFree > 0 }

// A Plan is what becomes of everything.
type Plan struct {
	// Plan is about layers, directories and records. Of records it says which are chosen,
	// and records which go.
	prune.Plan
	Comes prune.Outcome
	// TooLarge and Lacking are by how many bytes KeepUnder and Free are missed.
	TooLarge, Lacking int64
	// Doubt is why no compiler is taken for removed.
	Doubt error

	store     *layers.Store
	survey    *holdings.Survey // nil: not looked at, or not to be had
	layers    map[string]*layers.LayerUse
	trees     map[string]whereabouts.Tree
	untidied  []string
	warehouse *warehouse.Warehouse
	records   *warehouse.Plan
}

// Make plans for a store.
func Make(ctx context.Context, st *layers.Store, w Wish, now time.Time) (*Plan, error) {
	p := &Plan{store: st, layers: map[string]*layers.LayerUse{}, trees: map[string]whereabouts.Tree{}, warehouse: warehouse.In(st.Dir())}
	offered, err := findTargets(ctx, w.Targets)
	if err != nil {
		return nil, err
	}
	found := st.BuildDirs(ctx, slices.Concat(w.Known, offered)...)
	uses, err := st.LayerUses(ctx, found)
	if err != nil {
		return nil, err
	}
	p.untidied = found.Untidied()
	items := p.layerItems(uses, p.installed(ctx, w))
	items = append(items, p.treeItems(found, offered, now)...)
	inventory, err := p.warehouse.Inventory(ctx, nil, w.goals())
	if err != nil {
		return nil, err
	}
	items = append(items, recordItems(inventory)...)
	p.Plan = prune.New(items, w.Policy, now)
	if w.goals() || slices.ContainsFunc(p.Victims, func(c prune.Choice) bool { return c.Kind != prune.Record }) {
		p.survey, err = st.Survey(ctx, found)
		if err != nil && (w.goals() || ctx.Err() != nil) {
			return nil, err
		}
	}
	if w.goals() {
		if err := p.fit(w, inventory, now); err != nil {
			return nil, err
		}
	}
	if err := p.planRecords(ctx, w, now); err != nil {
		return nil, err
	}
	return p, p.reckon(w)
}

// findTargets lists the target directories below dirs.
func findTargets(ctx context.Context, dirs []string) (list []string, err error) {
	for _, dir := range dirs {
		if err := targets.Find(ctx, dir, func(t targets.Target) { list = append(list, t.Path) }); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// installed says whether the compiler of a layer is there; nil where that does not matter.
func (p *Plan) installed(ctx context.Context, w Wish) func(*layers.Record) bool {
	if !w.RemovedToolchains {
		return nil
	}
	found := home.FindInstalled(ctx, w.Tool)
	p.Doubt = found.Doubt
	return func(r *layers.Record) bool { return found.Has(home.CompilerOf(r.Rustc, nil)) }
}

func (p *Plan) layerItems(uses []layers.LayerUse, installed func(*layers.Record) bool) []prune.Item {
	list := make([]prune.Item, len(uses))
	for i := range uses {
		u := &uses[i]
		p.layers[u.ID] = u
		list[i] = prune.Item{
			Kind: prune.Layer, ID: u.ID, Fingerprint: u.Fingerprint, Created: u.Created, LastUse: u.LastUse,
			Origin: u.Origin, Automatic: u.Automatic, Label: u.Label, Pinned: u.Pinned, Leased: u.Leased, Referenced: u.Referenced,
			OriginGone: u.OriginGone, ProjectGone: u.ProjectGone, ToolchainGone: installed != nil && !installed(&u.Record),
		}
	}
	return list
}

// treeItems are what undo would bring back, build directories in which nobody can build any
// more, and those that are offered.
func (p *Plan) treeItems(found *whereabouts.Checkouts, offered []string, now time.Time) (list []prune.Item) {
	for _, t := range found.Trees() {
		isOffered := slices.Contains(offered, t.Of)
		if t.Sealed || !(t.Undo && t.Served) && !t.Abandoned && !isOffered || !t.Undo && !targets.Solely(t.Path) {
			continue
		}
		p.trees[t.Path] = t
		i := prune.Item{Kind: prune.BuildDir, ID: t.Path, LastUse: lastUse(t, now), OriginGone: t.Abandoned}
		if t.Undo {
			i.Kind = prune.Undo
		} else if built := targets.Describe(t.Path).Used; built.After(i.LastUse) {
			i.LastUse = built
		}
		if isOffered && !i.OriginGone {
			i.OriginGone = targets.Describe(t.Of).Gone
		}
		i.ProjectGone = i.OriginGone // nothing is ever built there again
		list = append(list, i)
	}
	return list
}

// lastUse is when cargo last had to do with a unit in a directory; for undo, when a restore
// replaced it, which writes into it. That the directory was locked does not count.
func lastUse(t whereabouts.Tree, now time.Time) time.Time {
	if t.Undo {
		if info, err := os.Lstat(t.Path); err == nil {
			return info.ModTime()
		}
	}
	return accesstime.Last(t.Path, now.Add(lastuse.Interval))
}

func recordItems(v *warehouse.Inventory) []prune.Item {
	list := make([]prune.Item, len(v.Entries))
	for i := range v.Entries {
		e := &v.Entries[i]
		list[i] = prune.Item{Kind: prune.Record, ID: e.Path, LastUse: e.Used}
	}
	return list
}

// fit has the plan meet the goals of space.
func (p *Plan) fit(w Wish, inventory *warehouse.Inventory, now time.Time) error {
	goal := w.Policy
	if w.MinFree > 0 {
		free, err := reflink.Free(p.store.Dir())
		if err != nil {
			return err
		}
		goal.Free = max(goal.Free, w.MinFree-free)
	}
	items := map[string]bool{}
	for _, c := range slices.Concat(p.Victims, p.Kept) {
		items[c.ID] = true
	}
	shares := p.survey.Shares(func(id string) bool { return items[id] })
	addRecords(&shares, inventory, items)
	comes := p.Fit(shares, goal, now)
	if goal.KeepUnder > 0 {
		p.TooLarge = max(0, comes.Size-goal.KeepUnder)
	}
	p.Comes, p.Lacking = comes, max(0, goal.Free-comes.Frees)
	return nil
}

// addRecords adds what records hold: the loose files that they name, and the work that they
// spare. A layer that is there and has the files as well spares it, too. The record itself is
// small.
func addRecords(s *prune.Shares, v *warehouse.Inventory, there map[string]bool) {
	named := map[string][]string{} // records, by the digests of files
	for i := range v.Entries {
		e := &v.Entries[i]
		work := prune.Share{Amount: e.Cost.Milliseconds(), Items: []string{e.Path}}
		for _, l := range e.Layers {
			if there[l.Layer] {
				work.Items = append(work.Items, l.Layer)
			}
		}
		s.Work = append(s.Work, work)
		for _, d := range e.Digests() {
			named[d] = append(named[d], e.Path)
		}
	}
	for i := range v.Loose {
		f := &v.Loose[i]
		// What no record names goes in any case, when it is old enough.
		s.Data = append(s.Data, prune.Share{Amount: f.Frees, Items: named[f.Digest], Stays: v.Unreadable})
	}
}

// planRecords plans for the warehouse, from which the layers that are to go have gone.
func (p *Plan) planRecords(ctx context.Context, w Wish, now time.Time) error {
	var without []string
	policy := warehouse.Policy{Chosen: map[string]warehouse.Reason{}, MaxSize: w.WarehouseSize}
	for _, v := range p.Victims {
		switch v.Kind {
		case prune.Layer:
			without = append(without, v.ID)
		case prune.Record:
			policy.Chosen[v.ID] = warehouse.Reason(v.Why)
		}
	}
	inventory, err := p.warehouse.Inventory(ctx, without, true)
	if err != nil {
		return err
	}
	p.records = inventory.Plan(policy, now)
	return nil
}

// reckon finds what becomes free by all that goes together, as the file system tells.
func (p *Plan) reckon(w Wish) error {
	if p.survey == nil {
		p.Comes.Frees, p.Comes.Costs = p.records.Frees, p.costsOfRecords()
		return nil
	}
	gone := map[int]bool{}
	for _, v := range p.Victims {
		if i := p.holding(&v.Item); i >= 0 {
			gone[i] = true
		}
	}
	var files []string
	rest := p.records.Frees
	for _, f := range p.records.Files {
		files = append(files, f.Path)
		rest -= f.Frees
	}
	frees, err := p.survey.FreesWith(gone, files)
	if err != nil {
		return err
	}
	p.Comes.Frees = frees + rest
	if !w.goals() {
		p.Comes.Costs = p.survey.Costs(gone) + p.costsOfRecords()
	}
	return nil
}

// costsOfRecords is what those calls of rustc took, in ms, which no layer spares either when
// their records are gone.
func (p *Plan) costsOfRecords() (ms int64) {
	for _, v := range p.records.Victims {
		if where := v.Location(); where != warehouse.InLayer && where != warehouse.Gone {
			ms += v.Cost.Milliseconds()
		}
	}
	return ms
}

// holding is the index of what is known of an item's space, -1 if nothing is.
func (p *Plan) holding(i *prune.Item) int {
	switch i.Kind {
	case prune.Record:
		return -1
	case prune.Layer:
		return p.survey.Find("", i.ID)
	}
	return p.survey.Find(i.ID, "")
}

// losses say of each victim what removing it frees and costs after all that go before it. They
// add up to what all of them free.
func (p *Plan) losses() map[string]holdings.Loss {
	all := map[string]holdings.Loss{}
	if p.survey == nil {
		return all
	}
	var order []int
	var ids []string
	for _, v := range p.Victims {
		if i := p.holding(&v.Item); i >= 0 {
			order, ids = append(order, i), append(ids, v.ID)
		}
	}
	for n, l := range p.survey.Losses(order) {
		all[ids[n]] = l
	}
	return all
}
