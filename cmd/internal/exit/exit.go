// Package exit decides what becomes of an error: the exit code, and what is said with
// it, help included. The commands only say which kind of failure theirs is.
//
// It is the one place that maps errors of the packages below to codes and to help. Its
// functions may be called by any number of goroutines.
package exit

import (
	"context"
	"errors"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/relocate"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// The exit codes. They are part of the interface: docs/cli/cargo-cow.md.
const (
	Done        = 0
	Failed      = 1
	Misused     = 2
	InPart      = 3 // some of what was asked for is done
	NotFound    = 4 // no such layer, unit, record or call, no layer that fits, nothing to undo
	Busy        = 5
	Interrupted = 130
)

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
	case errors.Is(err, layers.ErrNoLayer), errors.Is(err, layers.ErrNotFound), errors.Is(err, layers.ErrNoUndo), errors.Is(err, layers.ErrNoUnit),
		errors.Is(err, warehouse.ErrNotFound), errors.As(err, &missing):
		return NotFound
	case errors.Is(err, layers.ErrBusy), errors.Is(err, layers.ErrInUse), errors.Is(err, relocate.ErrInUse):
		return Busy
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Failed
}
