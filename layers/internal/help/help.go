// Package help has errors that say what mends them, and tells apart the causes that decide
// what does. It holds no state and may be used from anywhere at once.
package help

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Error carries the one command, or change, that mends Err.
type Error struct {
	Err  error
	Help string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ShellWord writes a name as one word for a shell; see paths.ShellWord.
func ShellWord(name string) string { return paths.ShellWord(name) }

// IsReadOnly reports whether err says that something cannot be written here, by
// whatever forbids it: mount, mode, Landlock.
func IsReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

// IsFull reports whether err says that there is no room on the disk, or for this user.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
