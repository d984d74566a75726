// Package chain lets one wrapper of rustc run another that was configured before
// it. A link is a directory of its own with a symlink to our wrapper and, beside
// it, a note of the other. Cargo calls a wrapper by the path it is configured by,
// so the path tells which note holds: nothing is read from the environment, and
// nothing that Cargo hashes changes.
//
// Every call of the compiler uses Next, which costs one open(2). So links are only read
// here; package wrapper makes them. All functions may be called concurrently, by several
// processes as well.
package chain

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Program is the name of our wrapper, and of the symlink in every link.
const Program = paths.WrapperProgram

// NoteName is the name of the note, which lies beside the symlink. The wrapper itself may
// lie among all the programs of a system, so no other program may use that name.
const NoteName = paths.WrapperNext

const noteHead = "cargo-cow wrapper 1\n"

// Link says what is run after our wrapper.
type Link struct {
	// Next is the other wrapper: an absolute path, or a name to look up in PATH;
	// "" for none.
	Next string
	// Former is what the configuration file said before, as its text; "" if it
	// said nothing.
	Former string
}

// Next returns the wrapper that ours, called as argv0, is to run around the compiler; ""
// if there is none, or if that cannot be told.
func Next(argv0 string) string {
	if !strings.Contains(argv0, "/") {
		return ""
	}
	l, err := Read(argv0)
	if err != nil {
		return ""
	}
	return l.Next
}

// Read reads the link whose symlink is path. The error matches fs.ErrNotExist if
// path is no link.
func Read(path string) (Link, error) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), NoteName))
	if err != nil {
		return Link{}, fmt.Errorf("read chained wrapper: %w", err)
	}
	l, ok := Parse(string(text))
	if !ok {
		return Link{}, fmt.Errorf("read chained wrapper: %s is not a note of ours", filepath.Join(filepath.Dir(path), NoteName))
	}
	return l, nil
}

// Text returns the content of the note, the file NoteName beside the symlink.
func (l Link) Text() string {
	text := noteHead
	if l.Next != "" {
		text += "next " + strconv.Quote(l.Next) + "\n"
	}
	if l.Former != "" {
		text += "former " + strconv.Quote(l.Former) + "\n"
	}
	return text
}

// Parse reads what Text writes. Lines that it does not know, as of later versions, are
// ignored.
func Parse(text string) (l Link, ok bool) {
	rest, ok := strings.CutPrefix(text, noteHead)
	if !ok || !strings.HasSuffix(text, "\n") {
		return Link{}, false
	}
	for line := range strings.Lines(rest) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name != "next" && name != "former" {
			continue
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return Link{}, false
		}
		if name == "next" {
			l.Next = value
		} else {
			l.Former = value
		}
	}
	return l, l != (Link{})
}
