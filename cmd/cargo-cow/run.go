package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/driver"
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
		Long: `Runs CMD in the foreground, passes its output and exit code through (128+N for
a signal, 127 when there is no such program), and seals the build directory when
the code is 0. The snapshot is taken after the prompt is back; ` + "`cargo cow status`" + `
tells when it failed. With --wait it is taken first, and a failure of it is exit
code 3.`,
		Example:               "  cargo cow run -- cargo test",
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactArgs(1)(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLabel(o.label); err != nil {
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
	if o.wait {
		if err := a.snapshot(ctx, snapshotOptions{label: o.label}); err != nil {
			return exit.Partly(err)
		}
		return nil
	}
	// What is wrong already is said now: nobody hears what is said in the background.
	w, err := a.open(ctx)
	if err == nil {
		err = w.store.Writable()
	}
	if err == nil {
		err = w.store.Usable(w.place)
	}
	if err == nil {
		err = a.startSnapshot(s, o.label)
	}
	if err != nil { // the command's own success stands
		a.term.Warn("no snapshot taken: %v%s", err, exit.Suffix(err))
		return nil
	}
	a.term.Detail("Sealing", "in the background")
	return nil
}

// startSnapshot starts a snapshot in a process of its own.
func (a *app) startSnapshot(s *open.Session, label string) error {
	args := []string{"--directory", s.Dir(), "snapshot", "--background"}
	if a.store != "" {
		args = append(args, "--store", a.store)
	}
	if label != "" {
		args = append(args, "--label", label)
	}
	if err := spawn.Detached(a.environ, args...); err != nil {
		return fmt.Errorf("start snapshot: %w", err)
	}
	return nil
}

// runChild runs a command on our streams and returns its exit code. One that cannot be
// started is told of here, as the shell would do.
func (a *app) runChild(dir string, args []string) (code int, err error) {
	cmd := spawn.Command{Args: args, Dir: dir, Environ: a.environ, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}
	code, err = cmd.Run()
	var start *spawn.StartError
	if errors.As(err, &start) {
		a.term.Error(start, "", start.Code)
		return 0, exit.Silently(start.Code)
	}
	return code, err
}
