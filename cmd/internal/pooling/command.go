package pooling

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
)

// Command is the command of that name with those below it. A Pooling is begun when one of them
// runs; path is where a name on the command line leads.
func Command(begin func() Pooling, path func(name string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pool",
		Short: "Keep checkouts on Btrfs where the disk is something else",
		Long: `A pool is a Btrfs file system in a file, for machines whose disk is ext4 or anything
else that cannot share what is equal. It is a place for worktrees and clones: there a
restore takes the same short time whatever its size, and the space of what differs.
A repository outside keeps its place: what is built there is sealed into the pool by
copying it once, and its worktrees in the pool are warm.

Making it takes root once; all daily work does not. Its file takes what is used of it,
and gives back what was deleted. CARGO_COW_POOL names another place for it.`,
		Example: `  sudo "$(command -v cargo-cow)" pool create
  git worktree add $(cargo cow pool path)/fix
  cargo cow fork 3                         puts them there by itself`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var image, user string
	var size quantity.Volume
	var print, force bool
	create := &cobra.Command{Use: "create", Short: "Make the pool, or a user's directory in it", Args: exit.NoArgs,
		Long: `Makes the pool of this machine, mounted at /var/lib/cargo-cow/pool now and whenever
the machine starts, with a directory for the user who has called sudo, or calls. If there is a
pool, that user gets a directory in it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if image != "" {
				image = path(image)
			}
			return begin().Create(cmd.Context(), image, user, size, print)
		}}
	create.Flags().Var(&size, "size", "let it grow to `SIZE` (default: half of what is free on the disk, at most 256GB)")
	create.Flags().StringVar(&image, "path", "", "put it into the file `PATH`, or in that directory (default: /var/lib/cargo-cow/pool.img)")
	create.Flags().StringVar(&user, "user", "", "make a directory for the user `NAME` (default: who has called sudo)")
	create.Flags().BoolVar(&print, "print", false, "print the commands, and do nothing")
	grow := &cobra.Command{Use: "grow SIZE", Short: "Let the pool grow to a larger size", Args: exit.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := size.Set(args[0]); err != nil {
				return exit.Usage(err)
			}
			return begin().Grow(cmd.Context(), size)
		}}
	remove := &cobra.Command{Use: "remove", Short: "Remove the pool", Args: exit.NoArgs,
		Long: `Removes the pool, its file, and what mounts it. If there is anything in it, --force is
needed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return begin().Remove(cmd.Context(), force) }}
	remove.Flags().BoolVar(&force, "force", false, "remove it with all that is in it")
	cmd.AddCommand(create, grow, remove,
		&cobra.Command{Use: "path", Short: "Print the directory for this user's worktrees and clones", Args: exit.NoArgs,
			RunE: func(*cobra.Command, []string) error { return begin().Path() }},
		&cobra.Command{Use: "status", Short: "Say how the pool is", Args: exit.NoArgs,
			RunE: func(*cobra.Command, []string) error { return begin().Status(true) }},
		&cobra.Command{Use: "mount", Short: "Mount the pool where the machine has not", Args: exit.NoArgs,
			RunE: func(*cobra.Command, []string) error { return begin().Mount() }},
		&cobra.Command{Use: "trim", Short: "Give the disk what the pool does not use at once", Args: exit.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return begin().Trim(cmd.Context()) }},
	)
	return cmd
}
