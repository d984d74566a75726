package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

func newPrune(a *app) *cobra.Command {
	var o pruneOptions
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what is not worth its space any more",
		Long: `Chooses layers, and records of the warehouse with their files, prints which and
why, and removes them. At least one flag must say what to choose.

Of layers, --max-age and --gone-worktrees each choose some. --keep-last N keeps
the N most recently used layers of each dependency set, whatever the other flags
say; alone, it chooses all other layers. --free and --size then choose as many of the
rest as it takes: those that would cost least to compile again, and were not used for
long, for each byte that they free. What several layers hold is freed with the last of
them, and what a build directory holds is not freed. --size counts what layers hold
together, whatever else holds it. Small files do not count.

Of the warehouse, --max-age chooses records. --warehouse-size and --min-free choose
as many as it takes, the least recently used first.

What counts is use, not age: each snapshot, each restore and each call of rustc
that is answered is a use.

Never removed are: what was used within the last hour, a layer that is being
restored, and, unless --labelled is given, a layer with a label. ` + "`cargo cow rm`" + `
removes what it is told to. Every prune also removes what is of no use in the
warehouse: records whose files are gone, files that no record names, and what
killed writers have left.

FREES is what removing a record frees, before compression: a file that a build
directory or a layer shares frees nothing, and no goal of space chooses it. Where the
file system does not tell, FREES is "up to" the size of the files. With --verbose,
prune also prints what is kept, and why.`,
		Example: `  cargo cow prune --max-age 30d --dry-run      what was not used for 30 days
  cargo cow prune --gone-worktrees             what removed worktrees have left
  cargo cow prune --free 20GB                  until so much more is free
  cargo cow prune --size 50GB                  until the layers take no more than that
  cargo cow prune --warehouse-size 20GB        until the warehouse takes no more than that`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("keep-last") && o.keepLast < 1 {
				return exit.Usage(fmt.Errorf("keep the last %d: want 1 or more", o.keepLast))
			}
			if o.policy().Empty() && o.warehouseSize == 0 && o.minFree == 0 {
				return exit.Usage(&layers.HelpError{
					Err:  errors.New("choose what to remove: give --max-age, --gone-worktrees, --keep-last, --free, --size, --warehouse-size or --min-free"),
					Help: "cargo cow prune --max-age 30d --dry-run",
				})
			}
			return a.prune(cmd.Context(), o, time.Now())
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.keepLast, "keep-last", 0, "keep the `N` layers of each dependency set that were used last")
	f.Var(&o.maxAge, "max-age", "remove what was not used for `DURATION`, such as 30d, 2w or 12h; a number alone means days")
	f.BoolVar(&o.gone, "gone-worktrees", false, "remove layers that were built in a directory that no longer exists and that nothing uses")
	f.BoolVar(&o.labelled, "labelled", false, "choose among labelled layers too")
	f.Var(&o.free, "free", "remove layers, and then records, until `SIZE` more is free, such as 20GB")
	f.Var(&o.size, "size", "remove layers until all of them take no more than `SIZE` together, such as 50GB")
	f.Var(&o.warehouseSize, "warehouse-size", "remove records until the files of the warehouse take no more than `SIZE`, such as 20GB")
	f.Var(&o.minFree, "min-free", "remove records until `SIZE` is free on the disk of the warehouse")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be removed, and change nothing")
	return cmd
}

func (a *app) prune(ctx context.Context, o pruneOptions, now time.Time) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	if err := st.Writable(); !o.dryRun && layers.IsReadOnly(err) {
		return err
	}
	uses, err := st.LayerUses(ctx, a.buildDirHere(ctx, o.gone)...)
	if err != nil {
		return err
	}
	plan := prune.New(candidates(uses), o.policy(), now)
	comes, err := a.fit(ctx, st, &plan, o, now)
	if err != nil {
		return err
	}
	ofWarehouse, err := planWarehouse(ctx, st, plan, o, comes.Frees, now)
	if err != nil {
		return err
	}
	byID := map[string]*layers.LayerUse{}
	for i := range uses {
		byID[uses[i].ID] = &uses[i]
	}
	a.planTable("REMOVE", plan.Victims, byID, o, now)
	if a.term.Verbose() {
		a.planTable("KEEP", plan.Kept, byID, o, now)
	}
	for _, c := range plan.Victims {
		a.planJSON(c, byID[c.ID], true)
	}
	for _, c := range plan.Kept {
		a.planJSON(c, byID[c.ID], false)
	}
	ofWarehouse.show(a, o, now)
	return a.carryOut(ctx, st, plan, comes, byID, ofWarehouse, o.dryRun)
}

// fit makes the plan meet the goals of space, and finds what comes of it.
func (a *app) fit(ctx context.Context, st *layers.Store, plan *prune.Plan, o pruneOptions, now time.Time) (prune.Outcome, error) {
	goal := o.size > 0 || o.free > 0
	if !goal && len(plan.Victims) == 0 {
		return prune.Outcome{}, nil
	}
	found, err := st.Survey(ctx, a.buildDirHere(ctx, true)...)
	if err != nil && !goal && ctx.Err() == nil {
		return prune.Outcome{}, nil // what goes is known all the same
	} else if err != nil {
		return prune.Outcome{}, err
	}
	comes := plan.Fit(found.OfLayers(), o.policy(), now)
	if o.size > 0 && comes.Size > int64(o.size) {
		a.term.Warn("what must be kept takes more than %s: %s are left", &o.size, phrase.Size(comes.Size))
	}
	return comes, nil
}

// buildDirHere is the build directory of the checkout that the command is given in, if it
// is given in one: nobody may have worked there since it was moved.
func (a *app) buildDirHere(ctx context.Context, gone bool) []string {
	if !gone {
		return nil
	}
	s, err := a.session()
	if err != nil {
		return nil
	}
	checkout, err := s.Unresolved(ctx)
	if err != nil {
		return nil
	}
	return []string{checkout.Workspace.BuildDir}
}

func candidates(uses []layers.LayerUse) []prune.Layer {
	list := make([]prune.Layer, len(uses))
	for i, u := range uses {
		list[i] = prune.Layer{
			ID: u.ID, Fingerprint: u.Fingerprint, Created: u.Created, LastUse: u.LastUse,
			Label: u.Label, Parent: u.Parent, Leased: u.Leased, OriginGone: u.OriginGone,
		}
	}
	return list
}

// carryOut removes the victims. One that somebody has begun to use, or removed,
// since the plan was made is no failure.
func (a *app) carryOut(ctx context.Context, st *layers.Store, plan prune.Plan, comes prune.Outcome, byID map[string]*layers.LayerUse, ofWarehouse *warehousePlan, dryRun bool) error {
	r := removal{term: a.term, store: st, dryRun: dryRun, say: a.term.Detail}
	kept := len(plan.Kept)
	for _, c := range plan.Victims {
		switch err := r.remove(ctx, &byID[c.ID].Record); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, layers.ErrInUse):
			kept++
			a.term.Status("Kept", "%s: it is in use now", phrase.ID(c.ID))
		case err != nil && !errors.Is(err, layers.ErrNotFound):
			r.failed(err)
		}
	}
	a.term.JSON("prune", struct {
		Removed int   `json:"removed"`
		Kept    int   `json:"kept"`
		Failed  int   `json:"failed"`
		Frees   int64 `json:"frees"`   // what the plan frees
		Cost    int64 `json:"cost_ms"` // of the units that it loses
		DryRun  bool  `json:"dry_run,omitempty"`
	}{r.removed, kept, len(r.codes), comes.Frees, comes.Costs, dryRun})
	removed, and := phrase.Count(r.removed, "layer"), ""
	if r.removed == 0 {
		removed = "nothing"
	} else if r.removed == len(plan.Victims) && comes != (prune.Outcome{}) {
		and = "; that " + phrase.Loss(comes.Frees, comes.Costs)
	}
	if dryRun {
		a.term.Status("Would", "remove %s, keep %s%s", removed, phrase.Count(kept, "layer"), and)
	} else {
		a.term.Status("Removed", "%s, kept %s%s", removed, phrase.Count(kept, "layer"), and)
	}
	if err := ofWarehouse.carryOut(ctx, &r); err != nil {
		return err
	}
	return r.end()
}

func (a *app) planTable(head string, list []prune.Choice, byID map[string]*layers.LayerUse, o pruneOptions, now time.Time) {
	tab := ui.NewTable(head, "CREATED", "LAST USE", "WHY", "ORIGIN")
	for i := range list {
		c := &list[i]
		tab.Row(phrase.ID(c.ID), phrase.Ago(c.Created, now), phrase.Ago(c.Used(), now), o.why(c), byID[c.ID].Origin)
	}
	a.term.Table(tab)
}

func (a *app) planJSON(c prune.Choice, u *layers.LayerUse, remove bool) {
	a.term.JSON("plan", struct {
		*layers.LayerUse
		Remove bool         `json:"remove"`
		Why    prune.Reason `json:"why"`
	}{u, remove, c.Why})
}
