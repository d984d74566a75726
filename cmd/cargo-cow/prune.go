package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/inside"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

const pruneHelp = `Chooses layers, what undo would bring back, abandoned build directories, and records
of the warehouse with their files; prints which and why, what that frees, and what it
costs to compile again; and removes them. At least one flag must say what to choose.

--max-age, --gone-worktrees, --gone-projects, --removed-toolchains and --unreferenced
each choose some. --superseded chooses, of the layers that were sealed by themselves,
all but the last two of a checkout, the last eight of a dependency set, and what was
restored once more within a week; no margin keeps them.

--keep-last N keeps the N most recently used layers of each
dependency set, whatever the other flags say; alone, it chooses all other layers.

--free, --min-free and --keep-under then choose as much of the rest as it takes: what
would cost least to compile again, and was not used for long, for each byte that it
frees. What several hold is freed with the last of them, and what a build directory
in use holds is not freed. Small files do not count.

What counts is use, not age: each snapshot, each restore and each call of rustc
that is answered is a use.

Never removed are: what was used within the margin; a layer that is being restored, or
is pinned; a build directory in which cargo is at work; and, unless --labelled is
given, a layer with a label. ` + "`cargo cow rm`" + ` removes what it is told to. The margin
"usual" is an hour for layers and records and a day for directories, "careful" a
week, "none" no time. Every prune also removes what is of no use in the warehouse:
records whose files are gone, files that no record names, and what killed writers have
left.

Build directories in use stay, unless --targets offers those below a directory. With
--inside, prune goes through the build directory of this checkout instead, and removes
units of packages, lockfiles and compilers that are gone, what killed builds have left,
and old incremental state: nothing that is fresh. It needs no store.

FREES is what removing it frees after all before it. Where the file system does not
tell, it is "up to" the size of the files. With --verbose, prune also prints what is
kept, and why.

With --auto, prune removes what it removes by itself once a day after a snapshot or a
restore, but never in a CI environment: what was not used for two months, abandoned
build directories, and what it takes for the store to stay under a quarter of the disk
and a twentieth to be free; nothing that was used within a week.
` + "`cargo cow status`" + ` tells of the last time, and prune in the configuration says
otherwise.`

func newPrune(a *app) *cobra.Command {
	var o pruning.Options
	var auto, background bool
	var here inside.Options
	var within bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what is not worth its space any more",
		Long:  pruneHelp,
		Example: `  cargo cow prune --max-age 30d --dry-run      what was not used for 30 days
  cargo cow prune --gone-projects              what removed projects have left
  cargo cow prune --free 20GB                  until so much more is free
  cargo cow prune --keep-under 50GB            until the store takes no more than that
  cargo cow prune --targets ~/src --max-age 60d
  cargo cow prune --auto --dry-run             what goes by itself`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if auto {
				return a.autoPrune(cmd.Context(), o, background)
			}
			if background { // whoever opens a store deletes what is no part of it
				st, err := a.anyStore(cmd.Context())
				if err == nil && o.Superseded {
					err = pruning.Supersede(cmd.Context(), st, time.Now())
				}
				return err
			}
			if within || here.Incremental {
				here.DryRun = o.DryRun
				return a.pruneInside(cmd.Context(), here, o)
			}
			if cmd.Flags().Changed("keep-last") && o.KeepLast < 1 {
				return exit.Usage(fmt.Errorf("keep the last %d: want 1 or more", o.KeepLast))
			}
			return a.prune(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	addPruneFlags(f, &o)
	f.BoolVar(&within, "inside", false, "remove from the build directory here what no cargo command can use again, and nothing else")
	f.BoolVar(&here.Incremental, "incremental", false, "remove all incremental state from the build directory here, and nothing else")
	f.BoolVar(&auto, "auto", false, "remove what is removed by itself once a day, now")
	f.BoolVar(&background, "background", false, "")
	f.Lookup("background").Hidden = true
	f.BoolVarP(&o.DryRun, "dry-run", "n", false, "say what would be removed, and change nothing")
	cmd.MarkFlagsMutuallyExclusive("inside", "incremental", "auto")
	return cmd
}

func addPruneFlags(f *pflag.FlagSet, o *pruning.Options) {
	f.IntVar(&o.KeepLast, "keep-last", 0, "keep the `N` layers of each dependency set that were used last")
	f.Var(&o.MaxAge, "max-age", "remove what was not used for `DURATION`, such as 30d, 2w or 12h; a number alone means days")
	f.BoolVar(&o.GoneWorktrees, "gone-worktrees", false, "remove what was built in a directory that no longer exists and that nothing uses")
	f.BoolVar(&o.GoneProjects, "gone-projects", false, "remove what was built in a repository that no longer exists, and abandoned build directories")
	f.BoolVar(&o.RemovedToolchains, "removed-toolchains", false, "remove layers that were built by a compiler that is not installed any more")
	f.BoolVar(&o.Unreferenced, "unreferenced", false, "remove layers that no build directory was made from")
	f.BoolVar(&o.Superseded, "superseded", false, "remove layers that were sealed by themselves where later ones stand for them")
	f.BoolVar(&o.Labelled, "labelled", false, "choose among labelled layers too")
	f.Var(&o.Free, "free", "remove until `SIZE` more is free, such as 20GB")
	f.Var(&o.MinFree, "min-free", "remove until `SIZE` is free on the disk of the store")
	f.Var(&o.KeepUnder, "keep-under", "remove until the store takes no more than `SIZE` that nothing else holds, such as 50GB")
	f.Var(&o.WarehouseSize, "warehouse-size", "remove records until the files of the warehouse take no more than `SIZE`, such as 20GB")
	f.StringSliceVar(&o.Targets, "targets", nil, "also choose among the target directories below `DIR`, whoever built there")
	f.BoolVar(&o.Wait, "wait", false, "return only when all is gone from the disk, where that goes file by file")
	f.StringVar(&o.Margin, "margin", "usual", "keep what was used recently: `MARGIN` is usual, careful or none")
}

// autoPrune removes what goes without being asked for, now, or in the background if it is due.
func (a *app) autoPrune(ctx context.Context, o pruning.Options, background bool) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	st, err := s.AnyStore(ctx)
	if err != nil {
		return err
	}
	settings, err := s.AutoPrune()
	if err != nil {
		return err
	}
	if background {
		return pruning.Auto(ctx, st, settings, time.Now())
	}
	w, err := pruning.AutoWish(st, settings)
	if err != nil {
		return err
	}
	w.Known, w.Tool = a.buildDirHere(ctx), a.tool()
	o.Margin = "careful"
	return pruning.Run(ctx, a.term, st, w, o, time.Now())
}

func (a *app) prune(ctx context.Context, o pruning.Options) error {
	if err := o.Check(); errors.Is(err, pruning.ErrNothingChosen) {
		return exit.Usage(&layers.HelpError{Err: err, Help: "cargo cow prune --max-age 30d --dry-run"})
	} else if err != nil {
		return exit.Usage(err)
	}
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	w := o.Wish()
	w.Known, w.Tool = a.buildDirHere(ctx), a.tool()
	for i, dir := range w.Targets {
		w.Targets[i] = a.path(dir)
	}
	return pruning.Run(ctx, a.term, st, w, o, time.Now())
}

// pruneInside removes from within the build directory of the checkout here.
func (a *app) pruneInside(ctx context.Context, o inside.Options, others pruning.Options) error {
	if others.Check() == nil {
		return exit.Usage(errors.New("prune inside a build directory: --inside and --incremental go with no flag that chooses from the store"))
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	checkout, err := s.Unresolved(ctx)
	if err != nil {
		return err
	}
	return inside.Show(ctx, a.term, checkout, o)
}

// tool is by which cargo and rustup are asked.
func (a *app) tool() project.Tool {
	return project.Tool{Cargo: "cargo", Dir: a.path("."), Environ: a.environ}
}

// buildDirHere is the build directory of the checkout that the command is given in, if it
// is given in one: nobody may have worked there since it was moved.
func (a *app) buildDirHere(ctx context.Context) []string {
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
