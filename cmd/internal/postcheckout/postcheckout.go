// Package postcheckout does what git's post-checkout hook is there for: it gives a
// working tree that never had any its build directories, and makes those it has follow
// what is checked out.
//
// A checkout never fails for its sake: errors end here, as one line each. One run looks
// after one checkout; those of several processes may go on at once, as commands may.
package postcheckout

import (
	"errors"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// A Hook is the command that git's hook has started.
type Hook struct {
	Environ []string
	Term    *ui.Terminal
	// Session begins a session in a directory; "" is where the command was started.
	Session func(dir string) (*open.Session, error)
}

// failed says an error in one line.
func (h *Hook) failed(err error) {
	if errors.Is(err, layers.ErrRolledBack) {
		return // a cold start, like any without a layer; status tells of it
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	h.Term.HookLine(line + exit.Suffix(err))
}
