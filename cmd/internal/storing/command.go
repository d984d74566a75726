package storing

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
)

// Command is the command of that name with those below it. A Storing is begun when one of them
// runs, with the store of a path, or with "" that of the session; path is where a name on the
// command line leads.
func Command(begin func(store string) (*Storing, error), path func(name string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Look at stores, move or remove them",
		Long: `A store has the layers of one user on one file system, and each file system on which
checkouts lie has its own. STORE is its directory; where none is named, the commands
are about the store that serves here.`,
		Example: `  cargo cow store list
  cargo cow store move /mnt/big
  cargo cow store remove --dry-run`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	// with begins a Storing with the first of args, if there is any.
	with := func(args []string, do func(s *Storing) error) error {
		store := ""
		if len(args) > 0 {
			store = path(args[0])
		}
		s, err := begin(store)
		if err != nil {
			return err
		}
		return do(s)
	}
	var force, dryRun bool
	move := &cobra.Command{Use: "move [STORE] DIR", Short: "Move a store to another place",
		Long: `Moves a store to DIR, or into it, if there is a directory of that name. Within a file system
that takes one step. Elsewhere it is copied, compared byte by byte, and put in its place, and
then the old one is removed. Killed at any time, the store is at the one place or the other,
whole. While somebody works in it, it is not moved (code 5).

All who knew the store at its old place find it at the new one: build directories, repositories,
the configuration. But from a store on another file system a build directory can only be restored
if the new store copies. Where one could not, the store is not moved without --force; on the
old file system a new store is then made by ` + "`cargo cow init`" + `.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exit.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			to := path(args[len(args)-1])
			return with(args[:len(args)-1], func(s *Storing) error { return s.Move(cmd.Context(), to, force) })
		}}
	move.Flags().BoolVar(&force, "force", false, "move it away from build directories that then have no store")
	remove := &cobra.Command{Use: "remove [STORE]", Short: "Remove a store with all that is in it", Args: exit.AtMostOne,
		Long: `Removes all layers, the warehouse, and the directory itself, which rm -rf cannot remove where
layers are read-only. Build directories stay as they are. Where there are build directories
that use the store, or layers in it that somebody has labelled or pinned, it only says so,
unless --force is given. While somebody works in it, it is never removed (code 5).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(args, func(s *Storing) error { return s.Remove(cmd.Context(), force, dryRun) })
		}}
	remove.Flags().BoolVar(&force, "force", false, "remove it though it is used")
	remove.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "say what would be lost, and change nothing")
	cmd.AddCommand(move, remove,
		&cobra.Command{Use: "list", Short: "List the stores of this user, on all file systems", Args: exit.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return with(nil, func(s *Storing) error { return s.List(cmd.Context()) })
			}},
		&cobra.Command{Use: "show [STORE]", Short: "Show a store: where it is, what it holds, who uses it", Args: exit.AtMostOne,
			RunE: func(cmd *cobra.Command, args []string) error {
				return with(args, func(s *Storing) error { return s.Show(cmd.Context()) })
			}},
	)
	return cmd
}
