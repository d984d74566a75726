// Package rooted has paths that can be found again in another checkout: a root, which is a directory
// that moves with the checkout, and the rest. A Path is plain data, and reads back what it has
// written, whatever bytes a file name holds.
package rooted

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Root says what a Loc is relative to.
type Root byte

// The bases. Everything a build names lies under one of the directories that
// move with a checkout, or does not move at all.
const (
	Workspace  Root = 'w' // the workspace root
	Build      Root = 'b' // the build directory
	GitDir     Root = 'g' // the git directory of the checkout
	CommonDir  Root = 'c' // the git directory all checkouts share
	Absolute   Root = 'a' // an absolute path that is the same in every checkout
	OuterBuild Root = 'o' // the build directory that the build directory lies in
)

const roots = "wbgcao"

// MarshalText implements encoding.TextMarshaler.
func (b Root) MarshalText() ([]byte, error) { return []byte{byte(b)}, nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Root) UnmarshalText(text []byte) error {
	if len(text) != 1 || !strings.ContainsRune(roots, rune(text[0])) {
		return fmt.Errorf("parse base %q: not a known one", text)
	}
	*b = Root(text[0])
	return nil
}

// Path is a path that can be found again in another checkout: a base and the
// rest. It prints as "w:src/lib.rs"; bytes that are not UTF-8, control
// characters and '%' print as %XX, so that any file name survives JSON.
type Path struct {
	Root Root
	Rel  string // relative and uncleaned, or absolute for Absolute
}

// String returns the form that Parse reads.
func (l Path) String() string { return string(l.Root) + ":" + paths.Escape(l.Rel) }

// MarshalText implements encoding.TextMarshaler.
func (l Path) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Path) UnmarshalText(b []byte) error {
	p, err := Parse(string(b))
	if err != nil {
		return err
	}
	*l = p
	return nil
}

// Parse reads what Loc.String wrote.
func Parse(s string) (Path, error) {
	if len(s) < 2 || s[1] != ':' || !strings.ContainsRune(roots, rune(s[0])) {
		return Path{}, fmt.Errorf("parse location %q: no known base", s)
	}
	path, err := paths.Unescape(s[2:])
	if err != nil {
		return Path{}, fmt.Errorf("parse location %q: %w", s, err)
	}
	l := Path{Root(s[0]), path}
	if strings.IndexByte(path, 0) >= 0 || (l.Root == Absolute) != filepath.IsAbs(path) {
		return Path{}, fmt.Errorf("parse location %q: not a path of that base", s)
	}
	return l, nil
}

// Join returns the location of a path below l.
func (l Path) Join(rel string) Path {
	if l.Rel == "" {
		return Path{l.Root, rel}
	}
	return Path{l.Root, l.Rel + "/" + rel}
}

// Display names l for a person who stands in the workspace root.
func (l Path) Display() string {
	switch {
	case l.Root == Workspace && l.Rel == "":
		return "the workspace"
	case l.Root == Workspace, l.Root == Absolute:
		return paths.Escape(l.Rel)
	case l.Root == GitDir, l.Root == CommonDir:
		return ".git/" + paths.Escape(l.Rel)
	}
	return l.String()
}
