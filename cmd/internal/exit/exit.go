// Package exit decides what becomes of an error: the exit code, and what is said with
// it, help included. The commands only say which kind of failure theirs is.
//
// It is the one place that maps errors of the packages below to codes and to help. Its
// functions may be called by any number of goroutines.
package exit

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// The exit codes. They are part of the interface: docs/cli/cargo-cow.md.
const (
	Done        = 0
	Failed      = 1
	Misused     = 2
	InPart      = 3 // some of what was asked for is done
	NotFound    = 4 // no such layer, record or call, no layer that fits, nothing to undo
	Busy        = 5
	Interrupted = 130
)

// usageError is a command line that makes no sense. Its command is nil until the root
// knows which one it was.
type usageError struct {
	error
	command *cobra.Command
}

func (e usageError) Unwrap() error { return e.error }

// Usage makes err one of a command line that makes no sense.
func Usage(err error) error { return usageError{error: err} }

// UsageOf says which command's help tells more of a usage error, if it is one and
// names none yet. Other errors are returned as they are.
func UsageOf(cmd *cobra.Command, err error) error {
	if usage, ok := err.(usageError); ok && usage.command == nil {
		usage.command = cmd
		return usage
	}
	return err
}

// partError is the failure of a later step, when the main one is done.
type partError struct{ error }

func (e partError) Unwrap() error { return e.error }

// Partly makes err the failure of a later step, when the main one is done.
func Partly(err error) error { return partError{err} }

// notFoundError is that something is not there that was asked for by its name.
type notFoundError struct{ error }

func (e notFoundError) Unwrap() error { return e.error }

// Missing makes err one of what is not there though it was asked for by its name. Help
// says where to see what there is.
func Missing(err error, help string) error {
	return notFoundError{&layers.HelpError{Err: err, Help: help}}
}

// silent ends the program with a code and says nothing.
type silent int

func (e silent) Error() string { return "exit with code " + strconv.Itoa(int(e)) }

// Silently ends the program with a code and says nothing: all was said.
func Silently(code int) error { return silent(code) }

// With says what is to be said of err and returns the exit code.
func With(ctx context.Context, term *ui.Terminal, err error) int {
	if err == nil {
		return Done
	}
	var s silent
	if errors.As(err, &s) {
		return int(s)
	}
	code := Code(err)
	// A helper program killed by the same ^C fails in its own words.
	if ctx.Err() != nil {
		code, err = Interrupted, errors.New("interrupted")
	}
	term.Error(err, Help(err), code)
	return code
}

// Code is the exit code for an error.
func Code(err error) int {
	var usage usageError
	var part partError
	var missing notFoundError
	switch {
	case errors.As(err, &usage):
		return Misused
	case errors.As(err, &part):
		return InPart
	case errors.Is(err, layers.ErrNoLayer), errors.Is(err, layers.ErrNotFound), errors.Is(err, layers.ErrNoUndo),
		errors.Is(err, warehouse.ErrNotFound), errors.As(err, &missing):
		return NotFound
	case errors.Is(err, layers.ErrBusy), errors.Is(err, layers.ErrInUse):
		return Busy
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Failed
}
