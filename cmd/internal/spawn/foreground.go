// Package spawn starts programs: this one once more, to go on in the background, and
// those a user has run in the foreground, whose exit code and signals it passes
// through.
//
// A foreground run takes the signals of the whole process, so one at a time is run.
// The rest may be called by any number of goroutines.
package spawn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// A Command is run in the foreground.
type Command struct {
	Args           []string
	Dir            string
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// StartError is a command that could not be started, with the code that a shell would
// return for it.
type StartError struct {
	Name string
	Code int
	Err  error
}

func (e *StartError) Error() string { return fmt.Sprintf("run %s: %v", e.Name, e.Err) }
func (e *StartError) Unwrap() error { return e.Err }

// Run runs the command and returns its exit code, 128+N where signal N ended it. The
// error is a *StartError where the command could not be started.
func (c *Command) Run() (code int, err error) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr

	// The child's signals are not ours: the terminal sends ^C and ^\ to both, and
	// we stay to learn the child's code.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, &StartError{c.Args[0], startCode(err), cause(err)}
	}
	done := make(chan struct{})
	defer close(done)
	go forward(signals, cmd.Process, done)

	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run %s: %w", c.Args[0], err)
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

// cause drops the name of the program, which the StartError has.
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
