package main

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/doctor"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
)

func newDoctor(a *app) *cobra.Command {
	probe := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works here, what does not, and what would mend it",
		Long: `Looks at the disk, the pool, the store, cargo, rustc and git, the wrapper, what keeps
rustc's state from moving, and git's hook, here and for this user. Each thing that is
not as it should be has one command that mends it. With --probe a small package is
built, sealed, restored and built again, in a directory that is made here and removed.

The exit code is 3 if something does not work.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			d := doctor.Doctor{Environ: a.environ, Term: a.term, Session: s}
			return d.Run(cmd.Context(), probe)
		},
	}
	cmd.Flags().BoolVar(&probe, "probe", false, "also try it")
	return cmd
}
