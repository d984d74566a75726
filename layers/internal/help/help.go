// Package help has errors that say what mends them, and tells apart the causes that decide
// what does. It holds no state and may be used from anywhere at once.
package help

import (
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// Error carries the one command, or change, that mends Err.
type Error struct {
	Err  error
	Help string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ShellWord writes text as one word for a shell, as it is where nothing in it is special.
func ShellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 0x80 || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("/._-+,:@%=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// IsReadOnly reports whether err says that something cannot be written here, by
// whatever forbids it: mount, mode, Landlock.
func IsReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

// IsFull reports whether err says that there is no room on the disk, or for this user.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
