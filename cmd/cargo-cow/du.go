package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/du"
)

func newDu(a *app) *cobra.Command {
	var o du.Options
	cmd := &cobra.Command{
		Use:   "du [flags] [LAYER|DIRECTORY...]",
		Short: "Show what takes space, what is shared, and what removing it would free",
		Long: `Shows layers, build directories, what undo would bring back, and the warehouse of
a store. They share most of what they take on the disk, so that does not add up.

TOTAL is all data of one, FREES what becomes free when it alone is removed, and COST
what compiling took of the units that no other layer has, added up. The file system
tells, of compressed data to about one in a hundred; small files among Btrfs's own data
are not counted.

With names, and with --by, shows what removing several together frees: two layers
that share only with each other free nothing alone. A project is a repository, with all
of its worktrees; where there is none, it is the directory of a workspace.

With --by package and --by profile, shows what is in the layers. A unit counts once,
whatever number of layers has it, as it is in the newest of them, by the length of its
files; what belongs to no unit, such as incremental state, does not count. LAYERS is how
many have any of the units, and COST what compiling all of them took. Nothing is said
of what removing a package frees: layers are removed, not what is in them.

With --html, writes a page for a browser: a map, these tables, the lineage of layers,
and what removing together frees, of whatever is selected there.

What something else holds, such as a copy by cp --reflink, is not in FREES; but where
two of them share it, the file system does not tell, and FREES is the most.`,
		Example: "  cargo cow du green 1a2b3c4d ./target\n  cargo cow du --by project",
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.anyStore(cmd.Context())
			if err != nil && !o.Home {
				return err
			}
			o.Dir, o.Names, o.Known, o.Environ = a.dir, args, a.buildDirHere(cmd.Context()), a.environ
			return du.Show(cmd.Context(), a.term, st, o, time.Now())
		},
	}
	cmd.Flags().StringVar(&o.By, "by", "", "show by `WHAT`: layer (each tree, as without it), project, worktree, toolchain, kind, package or profile")
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(du.Groups, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.Flags().StringVar(&o.HTML, "html", "", "write a page of all trees to `FILE`")
	cmd.Flags().BoolVar(&o.Home, "home", false, "show what Cargo and rustup keep instead: caches, toolchains, and who uses those; it removes nothing")
	return cmd
}
