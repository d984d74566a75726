// Package rooted has paths that can be found again in another checkout: a root, which is a directory
// that moves with the checkout, and what lies below. A Path is plain data. Its text form holds any
// file name, whatever bytes that has, and Parse gives back the same Path.
package rooted

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Root says what a Path is relative to.
type Root byte

// The roots. Everything that a build names lies below one of the directories that
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
func (r Root) MarshalText() ([]byte, error) { return []byte{byte(r)}, nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Root) UnmarshalText(text []byte) error {
	if len(text) != 1 || !strings.ContainsRune(roots, rune(text[0])) {
		return fmt.Errorf("parse base %q: not a known one", text)
	}
	*r = Root(text[0])
	return nil
}

// Path is a path that can be found again in another checkout: a root and the
// rest. It prints as "w:src/lib.rs"; bytes that are not UTF-8, control
// characters and '%' print as %XX, so that any file name survives JSON.
type Path struct {
	Root Root
	Rel  string // relative and uncleaned, or absolute for Absolute
}

// String returns the form that Parse reads.
func (p Path) String() string { return string(p.Root) + ":" + paths.Escape(p.Rel) }

// MarshalText implements encoding.TextMarshaler.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Path) UnmarshalText(b []byte) error {
	parsed, err := Parse(string(b))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// Parse reads what Path.String wrote. Anything else is an error.
func Parse(s string) (Path, error) {
	if len(s) < 2 || s[1] != ':' || !strings.ContainsRune(roots, rune(s[0])) {
		return Path{}, fmt.Errorf("parse location %q: no known base", s)
	}
	path, err := paths.Unescape(s[2:])
	if err != nil {
		return Path{}, fmt.Errorf("parse location %q: %w", s, err)
	}
	p := Path{Root(s[0]), path}
	if strings.IndexByte(path, 0) >= 0 || (p.Root == Absolute) != filepath.IsAbs(path) {
		return Path{}, fmt.Errorf("parse location %q: not a path of that base", s)
	}
	return p, nil
}

// Join returns the path of rel, which is relative to p.
func (p Path) Join(rel string) Path {
	if p.Rel == "" {
		return Path{p.Root, rel}
	}
	return Path{p.Root, p.Rel + "/" + rel}
}

// Display names p for a person, relative to the workspace root.
func (p Path) Display() string {
	switch {
	case p.Root == Workspace && p.Rel == "":
		return "the workspace"
	case p.Root == Workspace, p.Root == Absolute:
		return paths.Escape(p.Rel)
	case p.Root == GitDir, p.Root == CommonDir:
		return ".git/" + paths.Escape(p.Rel)
	}
	return p.String()
}
