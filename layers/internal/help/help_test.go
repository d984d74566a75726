package help

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{"/a/b-c_1.d": "/a/b-c_1.d", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "": "''", "/ä": "/ä", "/$x": "'/$x'"} {
		if got := ShellWord(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestIsReadOnly(t *testing.T) {
	for _, err := range []error{unix.EROFS, unix.EACCES, unix.EPERM, &fs.PathError{Op: "open", Path: "x", Err: unix.EROFS}} {
		if !IsReadOnly(fmt.Errorf("write: %w", err)) {
			t.Errorf("%v: got false", err)
		}
	}
	for _, err := range []error{nil, unix.ENOSPC, fs.ErrNotExist, errors.New("busy")} {
		if IsReadOnly(err) {
			t.Errorf("%v: got true", err)
		}
	}
}
