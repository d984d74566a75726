package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// The exit codes. They are part of the interface: docs/cli/cargo-cow.md.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitPart        = 3 // some of what was asked for is done
	exitNotFound    = 4 // no such layer, record or call, no layer that fits, nothing to undo
	exitBusy        = 5
	exitInterrupted = 130
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

// commandError is a usageError of one command, which has a help of its own.
type commandError struct {
	error
	command *cobra.Command
}

func (e commandError) Unwrap() error { return e.error }

func (e usageError) help() string {
	path := "cargo cow"
	var own commandError
	if errors.As(e.error, &own) {
		// CommandPath begins with the name of the program.
		_, rest, _ := strings.Cut(own.command.CommandPath(), " ")
		path = strings.TrimSpace(path + " " + rest)
	}
	return "see `" + path + " --help`"
}

func (e usageError) Unwrap() error { return e.error }

// partError is the failure of a later step, when the main one is done.
type partError struct{ error }

func (e partError) Unwrap() error { return e.error }

// silentExit ends the program with a code and says nothing: all was said.
type silentExit int

func (e silentExit) Error() string { return "exit with code " + strconv.Itoa(int(e)) }

// exit says what is to be said of err and returns the exit code.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	var silent silentExit
	if errors.As(err, &silent) {
		return int(silent)
	}
	code := exitCode(err)
	// A helper program killed by the same ^C fails in its own words.
	if ctx.Err() != nil {
		code, err = exitInterrupted, errors.New("interrupted")
	}
	a.term.Error(err, help(err), code)
	return code
}

func exitCode(err error) int {
	var usage usageError
	var part partError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &part):
		return exitPart
	case errors.Is(err, layers.ErrNoLayer), errors.Is(err, layers.ErrNotFound), errors.Is(err, layers.ErrNoUndo),
		errors.Is(err, warehouse.ErrNotFound), errors.Is(err, errNoCall), errors.Is(err, errNoUnit):
		return exitNotFound
	case errors.Is(err, layers.ErrBusy), errors.Is(err, layers.ErrInUse):
		return exitBusy
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitError
}

const noSpace = "make room: `cargo cow prune --max-age 7d --dry-run` says which layers were not used for long"

// help returns what to do about err, "" when there is nothing general to say.
// What the error itself carries goes first.
func help(err error) string {
	var own *layers.HelpError
	if errors.As(err, &own) {
		return own.Help
	}
	var hook *git.HookError
	if errors.As(err, &hook) {
		return hook.Help
	}
	var usage usageError
	if errors.As(err, &usage) {
		return usage.help()
	}
	for _, h := range []struct {
		err  error
		text string
	}{
		{layers.ErrNoStore, "run `cargo cow init`"},
		{layers.ErrNoTarget, "build first, with `cargo build`"},
		{layers.ErrBusy, "wait for cargo to end, or leave out --no-wait"},
		{layers.ErrNoLayer, "build here and run `cargo cow snapshot`, or take one of `cargo cow list` with --from"},
		{layers.ErrNotFound, "see `cargo cow list`"},
		{warehouse.ErrNotFound, "see `cargo cow warehouse list`"},
		{warehouse.ErrAmbiguous, "give more characters of its key, see `cargo cow warehouse list`"},
		{rustc.ErrFormat, "run `cargo cow warehouse verify --repair`"},
		{errNoUnit, "see `cargo cow explain --all` for what was"},
		{unix.ENOSPC, noSpace},
		{unix.EDQUOT, noSpace},
		{errNoCall, "see `cargo cow stats`, and `cargo cow wrapper status` for whether cargo uses the wrapper"},
		{layers.ErrAmbiguous, "give more characters of its id, see `cargo cow list`"},
		{cargo.ErrNoPackage, "name a cargo project with -C DIR"},
		{cargo.ErrNoLockfile, "run `cargo generate-lockfile`"},
		{cargo.ErrNoCargo, "install Rust, or put cargo on the PATH"},
		{git.ErrNotRepository, "run this in a checkout of git"},
		{git.ErrNoGit, "install git"},
	} {
		if errors.Is(err, h.err) {
			return h.text
		}
	}
	return foreign.PermissionHelp(err)
}
