package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

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
				return usageError{err}
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
		return silentExit(code)
	}
	if o.wait {
		if err := a.snapshot(ctx, snapshotOptions{label: o.label}); err != nil {
			return partError{err}
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
		a.term.Warn("no snapshot taken: %v%s", err, helpSuffix(err))
		return nil
	}
	a.term.Detail("Sealing", "in the background")
	return nil
}

func helpSuffix(err error) string {
	if h := help(err); h != "" {
		return " (" + h + ")"
	}
	return ""
}

// runChild runs a command on our streams and returns its exit code.
func (a *app) runChild(dir string, args []string) (code int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, a.environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr

	// The child's signals are not ours: the terminal sends ^C and ^\ to both, and
	// we stay to learn the child's code.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		a.term.Error(fmt.Errorf("run %s: %w", args[0], cause(err)), "", startCode(err))
		return 0, silentExit(startCode(err))
	}
	done := make(chan struct{})
	defer close(done)
	go forward(signals, cmd.Process, done)

	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}

// forward hands signals on to the child, except those a terminal has sent it
// already.
func forward(signals <-chan os.Signal, child *os.Process, done <-chan struct{}) {
	tty, err := os.Open("/dev/tty")
	hasTerminal := err == nil
	if hasTerminal {
		tty.Close()
	}
	for {
		select {
		case <-done:
			return
		case sig := <-signals:
			if hasTerminal && (sig == syscall.SIGINT || sig == syscall.SIGQUIT) {
				continue
			}
			child.Signal(sig)
		}
	}
}

// startCode is what a shell would return for a command it cannot start.
func startCode(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return 127
	}
	return 126
}

// cause drops the name of the program, which the caller's message has.
func cause(err error) error {
	var ee *exec.Error
	if errors.As(err, &ee) {
		return ee.Err
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
