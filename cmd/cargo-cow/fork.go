package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/forking"
)

// mostForks bounds how many are made by one command: a number that is larger was not meant.
const mostForks = 1000

type forkOptions struct {
	forking.Options
	list, remove, force bool
}

func newFork(a *app) *cobra.Command {
	var o forkOptions
	cmd := &cobra.Command{
		Use:   "fork [flags] [N | NAME...]",
		Short: "Make worktrees with warm build directories, or remove them",
		Long: `Makes N git worktrees of what is committed here, one if N is not given, each on a
branch of its own, fork/NAME, and with a build directory that is warm: what is built
here is sealed first, as by ` + "`cargo cow snapshot`" + `, unless cargo is building. Prints the
directory of each. No init is needed before.

They are called PREFIX-1, PREFIX-2 and so on; a number is passed over where a
directory, a branch or a fork has it. They are put beside the main checkout. Changes
that are not committed, files that git ignores, and submodules are not in them, and
no hooks are run.

With --list, the forks of this repository are listed. With --remove, those that are
named, or all, are removed with build directory and branch. A fork with changes that
are not committed, or with commits that are on no other branch, stays, unless --force
is given. NAME may also be its directory.`,
		Example: `  for d in $(cargo cow -q fork 3); do (cd $d && cargo test) & done
  cargo cow fork --name fix --from v1.2.0
  cargo cow fork --remove`,
		DisableFlagsInUseLine: true,
		Args:                  func(_ *cobra.Command, args []string) error { return o.understand(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			f := forking.Forker{Environ: a.environ, Term: a.term, Session: a.sessionIn, Path: a.path}
			switch {
			case o.list:
				return f.List(cmd.Context())
			case o.remove:
				return f.Remove(cmd.Context(), args, o.force)
			}
			if o.Dir != "" {
				o.Dir = a.path(o.Dir)
			}
			return f.Make(cmd.Context(), o.Options)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Prefix, "name", "", "begin the names with `PREFIX` (default: the repository's directory, and -fork)")
	f.StringVar(&o.From, "from", "", "check out the commit `REV` (default: HEAD)")
	f.StringVar(&o.Dir, "in", "", "put them in `DIR`")
	f.BoolVar(&o.NoBranch, "no-branch", false, "check out the commit without a branch")
	f.BoolVar(&o.list, "list", false, "list the forks of this repository")
	f.BoolVar(&o.remove, "remove", false, "remove the forks that are named, or all")
	f.BoolVar(&o.force, "force", false, "with --remove, also those with something that is nowhere else")
	for _, other := range []string{"name", "from", "in", "no-branch"} {
		cmd.MarkFlagsMutuallyExclusive("list", "remove", other)
	}
	return cmd
}

// understand reads the arguments: names with --remove, else a number.
func (o *forkOptions) understand(args []string) error {
	switch {
	case o.force && !o.remove:
		return exit.Usage(errors.New("run cargo-cow fork: --force goes with --remove"))
	case o.remove:
		return nil
	case o.list && len(args) > 0, len(args) > 1:
		return exit.Usage(fmt.Errorf("run cargo-cow fork: unexpected argument %q", args[len(args)-1]))
	}
	if o.N = 1; len(args) == 0 {
		return nil
	}
	var err error
	if o.N, err = strconv.Atoi(args[0]); err != nil || o.N < 1 || o.N > mostForks {
		return exit.Usage(fmt.Errorf("make %s forks: want a number from 1 to %d", args[0], mostForks))
	}
	return nil
}
