// Package chain lets one wrapper of rustc run another that was configured before
// it. A link is a directory of its own with a symlink to our wrapper and, beside
// it, a note of the other. Cargo calls a wrapper by the path it is configured by,
// so the path tells which note holds: nothing is read from the environment, and
// nothing that Cargo hashes changes.
//
// Next is on the wrapper's hot path and costs one open(2). Links are made once and
// never changed but for where the symlink leads; all functions may be called
// concurrently, by several processes as well.
package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Program is the name of our wrapper, and of the symlink in every link.
const Program = paths.WrapperProgram

// noteName lies beside the symlink. The wrapper itself may lie among all the
// programs of a system, so the name must be nobody else's.
const noteName = paths.WrapperNext

const noteHead = "cargo-cow wrapper 1\n"

// A Link says what is run after our wrapper.
type Link struct {
	// Next is the other wrapper: an absolute path, or a name to look up in PATH;
	// "" for none.
	Next string
	// Former is what the configuration file said before, as its text; "" if it
	// said nothing.
	Former string
}

// Next returns what the wrapper that was called as argv0 is to run around the
// compiler; "" if nothing, or if that cannot be told.
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
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), noteName))
	if err != nil {
		return Link{}, fmt.Errorf("read chained wrapper: %w", err)
	}
	l, ok := parse(string(text))
	if !ok {
		return Link{}, fmt.Errorf("read chained wrapper: %s is not a note of ours", filepath.Join(filepath.Dir(path), noteName))
	}
	return l, nil
}

// Make makes the link l below dir, which is made if need be, to program, and
// returns the path of its symlink. Equal links have one path. A link that is there
// already leads to program afterwards.
func (l Link) Make(dir, program string) (string, error) {
	if l == (Link{}) {
		return "", errors.New("make link: nothing to note")
	}
	h := fnv.New128a() // against chance; the note is compared, too
	h.Write([]byte(l.text()))
	dir = filepath.Join(dir, hex.EncodeToString(h.Sum(nil)))
	path := filepath.Join(dir, Program)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("make link: %w", err)
	}
	if err := l.note(filepath.Join(dir, noteName)); err != nil {
		return "", fmt.Errorf("make link %s: %w", path, err)
	}
	if err := point(path, program); err != nil {
		return "", fmt.Errorf("make link %s: %w", path, err)
	}
	return path, nil
}

func (l Link) note(path string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if string(old) == l.text() {
		return nil
	}
	if _, ok := parse(string(old)); ok {
		return fmt.Errorf("%s is of another wrapper", path)
	}
	return beside(path, func(temp string) error { return os.WriteFile(temp, []byte(l.text()), 0o666) })
}

// point makes path a symlink to program; a build that runs meanwhile finds the
// old one or the new one.
func point(path, program string) error {
	if to, err := os.Readlink(path); err == nil && to == program {
		return nil
	}
	return beside(path, func(temp string) error { return os.Symlink(program, temp) })
}

// beside has something made beside path and takes it there in one step.
func beside(path string, do func(temp string) error) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, filepath.Base(path))
	if err := do(temp); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

func (l Link) text() string {
	text := noteHead
	if l.Next != "" {
		text += "next " + strconv.Quote(l.Next) + "\n"
	}
	if l.Former != "" {
		text += "former " + strconv.Quote(l.Former) + "\n"
	}
	return text
}

// parse accepts what text writes, and lines of later versions that it does not
// know.
func parse(text string) (l Link, ok bool) {
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
