package exit

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers"
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
