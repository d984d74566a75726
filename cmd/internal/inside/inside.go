// Package inside shows what no cargo command can use again in the build directory of a checkout, and removes it,
// under Cargo's own locks. It keeps nothing, and a call depends on no other.
package inside

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/leftover"
)

// Options say what is removed.
type Options struct {
	// Incremental: all incremental state, and nothing else.
	Incremental bool
	DryRun      bool
}

// item is a line of prune --inside --json.
type item struct {
	Why     leftover.Reason `json:"why"`
	Unit    string          `json:"unit"`
	Detail  string          `json:"detail,omitempty"`
	Profile string          `json:"profile"`
	Paths   []string        `json:"paths"` // relative to the build directory
	Bytes   int64           `json:"bytes"` // apparent
}

// Show shows what can be removed from the build directory of a checkout, and removes it
// unless it is only to be shown. It never waits: where cargo builds, it fails with
// layers.ErrBusy.
func Show(ctx context.Context, term *ui.Terminal, co *layers.Checkout, o Options) (err error) {
	dir := co.Workspace.BuildDir
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		term.Status("Unchanged", "%s: it is not there", dir)
		return nil
	}
	known, err := learn(ctx, co, o)
	if err != nil {
		return err
	}
	locks, err := lock(ctx, co)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locks.Unlock()) }()
	plan, err := find(dir, known, o)
	if err != nil {
		return err
	}
	for _, d := range plan.Doubts {
		term.Warn("%s", d)
	}
	show(term, plan)
	if o.DryRun {
		end(term, plan, plan.Items, o)
		return nil
	}
	var removed []leftover.Item
	err = plan.Remove(ctx, func(it *leftover.Item) { removed = append(removed, *it) })
	end(term, plan, removed, o)
	if err != nil && ctx.Err() == nil {
		return exit.Partly(err)
	}
	return err
}

func learn(ctx context.Context, co *layers.Checkout, o Options) (leftover.Known, error) {
	if o.Incremental {
		return leftover.Known{}, nil
	}
	answers, err := co.Tool.Ask(ctx)
	if err != nil {
		return leftover.Known{}, err
	}
	return leftover.Learn(ctx, co.Tool, answers)
}

// lock takes Cargo's locks on all that a build here locks.
func lock(ctx context.Context, co *layers.Checkout) (*builddir.Locks, error) {
	dir := co.Workspace.BuildDir
	locks, err := builddir.Lock(ctx, nil, dir, co.Workspace.TargetDir)
	if errors.Is(err, builddir.ErrLocked) {
		return nil, &layers.HelpError{Err: fmt.Errorf("prune %s: %w: a build runs there", dir, layers.ErrBusy), Help: "run it again when cargo is done"}
	}
	if err != nil {
		return nil, err
	}
	if foreign := locks.Foreign(); len(foreign) > 0 {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", foreign[0], builddir.ErrForeign), locks.Unlock())
	}
	return locks, nil
}

func find(dir string, known leftover.Known, o Options) (*leftover.Plan, error) {
	if o.Incremental {
		return leftover.Incremental(dir)
	}
	return leftover.Find(dir, known)
}

// show prints the plan: by reason, and with --verbose each item.
func show(term *ui.Terminal, plan *leftover.Plan) {
	for i := range plan.Items {
		it := &plan.Items[i]
		term.JSON("leftover", item{it.Reason, it.Unit, it.Detail, it.Profile, it.Paths, it.Bytes})
	}
	if term.Verbose() {
		tab := ui.NewTable("REMOVE", "SIZE", "WHY", "", "PROFILE")
		tab.OmitEmpty()
		for _, it := range plan.Items {
			tab.Row(it.Unit, phrase.Size(it.Bytes), string(it.Reason), it.Detail, it.Profile)
		}
		term.Table(tab)
		return
	}
	type sum struct {
		reason leftover.Reason
		items  int
		bytes  int64
	}
	var sums []*sum
	for _, it := range plan.Items {
		i := slices.IndexFunc(sums, func(s *sum) bool { return s.reason == it.Reason })
		if i < 0 {
			i, sums = len(sums), append(sums, &sum{reason: it.Reason})
		}
		sums[i].items++
		sums[i].bytes += it.Bytes
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Compare(b.bytes, a.bytes) })
	tab := ui.NewTable("REMOVE", "SIZE", "WHY")
	for _, s := range sums {
		tab.Row(fmt.Sprint(s.items), phrase.Size(s.bytes), words[s.reason])
	}
	term.Table(tab)
}

// words say a reason in a line of the table.
var words = map[leftover.Reason]string{
	leftover.PackageGone:   "units of packages that are in no lockfile here any more",
	leftover.ToolchainGone: "made by compilers that are not installed any more",
	leftover.Outdated:      "units built with what is no longer there",
	leftover.Unfinished:    "units whose last build was not finished",
	leftover.Orphan:        "outputs that cargo has no record of, or records without outputs",
	leftover.Temporary:     "temporary files of killed compilers and linkers",
	leftover.OldSession:    "incremental sessions that rustc would not start from",
	leftover.AllSessions:   "crates with incremental state",
}

// end says what was, or would be, removed.
func end(term *ui.Terminal, plan *leftover.Plan, items []leftover.Item, o Options) {
	bytes := int64(0)
	for _, it := range items {
		bytes += it.Bytes
	}
	term.JSON("prune-inside", struct {
		Dir     string `json:"build_directory"`
		Removed int    `json:"removed"`
		Failed  int    `json:"failed"`
		Bytes   int64  `json:"bytes"` // apparent
		DryRun  bool   `json:"dry_run,omitempty"`
	}{plan.Dir, len(items), len(plan.Items) - len(items), bytes, o.DryRun})
	switch {
	case len(items) == 0 && len(plan.Items) > 0: // the error says why
	case len(items) == 0:
		term.Status("Unchanged", "%s: cargo can use all that is in it", plan.Dir)
	case o.DryRun:
		term.Status("Would", "remove %s from %s, up to %s", phrase.Count(len(items), "leftover"), plan.Dir, phrase.Size(bytes))
	default:
		term.Status("Removed", "%s from %s, up to %s", phrase.Count(len(items), "leftover"), plan.Dir, phrase.Size(bytes))
	}
}
