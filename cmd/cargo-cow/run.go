package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

type runOptions struct {
	label string
	wait  bool
}

func newRun(a *app) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] [--] CMD [ARG]...",
		Short: "Run a command, and snapshot when it succeeds",
		Long: `Runs CMD in the foreground and passes its output and exit code through (128+N for
a signal, 127 if there is no such program). If the code is 0, the build directory
is sealed in the background, after run has returned; ` + "`cargo cow status`" + ` says if
that failed. With --wait, run returns only when the snapshot is taken, and with
exit code 3 if the snapshot fails.`,
		Example:               "  cargo cow run -- cargo test",
		DisableFlagsInUseLine: true,
		Args:                  exit.AtLeastOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := record.CheckLabel(o.label); err != nil {
				return exit.Usage(err)
			}
			return a.run(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // flags after CMD are the command's
	f.StringVar(&o.label, "label", "", "give the layer the name `LABEL`")
	f.BoolVar(&o.wait, "wait", false, "return only when the snapshot is taken")
	return cmd
}

func (a *app) run(ctx context.Context, o runOptions, args []string) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	// Cargo fails where a roll-back has left only the name of its directory.
	_ = driver.ClearStub(filepath.Join(s.Dir(), "target"))
	code, err := a.runChild(s.Dir(), args)
	if err != nil {
		return err
	}
	// ^C during a command that survives it means the user is done.
	if code != 0 || ctx.Err() != nil {
		return exit.Silently(code)
	}
	p, err := a.open(ctx)
	if o.wait {
		if err == nil {
			err = a.sealAfterRun(ctx, p, o)
		}
		if err != nil {
			return exit.Partly(err)
		}
		return nil
	}
	// What is wrong already is said now: nobody hears what is said in the background.
	if err == nil {
		err = p.Store.Writable()
	}
	if err == nil {
		err = p.Store.Usable(p.Checkout)
	}
	if err == nil {
		err = spawn.Snapshot(a.environ, s.Dir(), a.store, o.label)
	}
	if err != nil { // the command's own success stands
		a.term.Warn("no snapshot taken: %v%s", err, exit.Suffix(err))
		return nil
	}
	a.term.Detail("Sealing", "in the background")
	return nil
}

// sealAfterRun takes the snapshot that run waits for.
func (a *app) sealAfterRun(ctx context.Context, p *open.Project, o runOptions) error {
	rep, err := p.Snapshot(ctx, layers.SnapshotOptions{Label: o.label, Notify: a.term.Blocking})
	if err == nil {
		report.Snapshot(a.term, rep)
		pruning.Begin(a.environ, p.Session, p.Store)
	}
	return err
}
