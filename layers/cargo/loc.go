package cargo

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Base says what a Loc is relative to.
type Base byte

// The bases. Everything a build names lies under one of the directories that
// move with a checkout, or does not move at all.
const (
	BaseRoot   Base = 'w' // the workspace root
	BaseBuild  Base = 'b' // the build directory
	BaseGit    Base = 'g' // the git directory of the checkout
	BaseCommon Base = 'c' // the git directory all checkouts share
	BaseFixed  Base = 'a' // an absolute path that is the same in every checkout
	BaseOuter  Base = 'o' // the build directory that the build directory lies in
)

const bases = "wbgcao"

// MarshalText implements encoding.TextMarshaler.
func (b Base) MarshalText() ([]byte, error) { return []byte{byte(b)}, nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Base) UnmarshalText(text []byte) error {
	if len(text) != 1 || !strings.ContainsRune(bases, rune(text[0])) {
		return fmt.Errorf("parse base %q: not a known one", text)
	}
	*b = Base(text[0])
	return nil
}

// Loc is a path that can be found again in another checkout: a base and the
// rest. It prints as "w:src/lib.rs"; bytes that are not UTF-8, control
// characters and '%' print as %XX, so that any file name survives JSON.
type Loc struct {
	Base Base
	Path string // relative and uncleaned, or absolute for BaseFixed
}

// String returns the form that ParseLoc reads.
func (l Loc) String() string { return string(l.Base) + ":" + escapePath(l.Path) }

// MarshalText implements encoding.TextMarshaler.
func (l Loc) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Loc) UnmarshalText(b []byte) error {
	p, err := ParseLoc(string(b))
	if err != nil {
		return err
	}
	*l = p
	return nil
}

// ParseLoc reads what Loc.String wrote.
func ParseLoc(s string) (Loc, error) {
	if len(s) < 2 || s[1] != ':' || !strings.ContainsRune(bases, rune(s[0])) {
		return Loc{}, fmt.Errorf("parse location %q: no known base", s)
	}
	path, err := unescapePath(s[2:])
	if err != nil {
		return Loc{}, fmt.Errorf("parse location %q: %w", s, err)
	}
	l := Loc{Base(s[0]), path}
	if strings.IndexByte(path, 0) >= 0 || (l.Base == BaseFixed) != filepath.IsAbs(path) {
		return Loc{}, fmt.Errorf("parse location %q: not a path of that base", s)
	}
	return l, nil
}

// Path is a file name that may hold any byte; it is escaped in JSON like a Loc.
type Path string

// MarshalText implements encoding.TextMarshaler.
func (p Path) MarshalText() ([]byte, error) { return []byte(escapePath(string(p))), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Path) UnmarshalText(b []byte) error {
	s, err := unescapePath(string(b))
	*p = Path(s)
	return err
}

const hexDigits = "0123456789abcdef"

// escapePath writes bytes that are not printable ASCII, and '%', as %XX.
func escapePath(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '%' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '%' {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescapePath reads what escapePath wrote.
func unescapePath(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("cut escape in %q", s)
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("bad escape in %q", s)
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), nil
}

// isLocal reports whether path, from a manifest, stays below the directory it is
// joined to.
func isLocal(path string) bool { return filepath.IsLocal(path) && !strings.ContainsRune(path, 0) }

// isFileName reports whether name, from a manifest, is one entry of the directory
// it is joined to.
func isFileName(name string) bool {
	return name != "." && isLocal(name) && !strings.Contains(name, "/")
}

// join returns the location of a path below l.
func (l Loc) join(rel string) Loc {
	if l.Path == "" {
		return Loc{l.Base, rel}
	}
	return Loc{l.Base, l.Path + "/" + rel}
}

// display names l for a person who stands in the workspace root.
func (l Loc) display() string {
	switch {
	case l.Base == BaseRoot && l.Path == "":
		return "the workspace"
	case l.Base == BaseRoot, l.Base == BaseFixed:
		return escapePath(l.Path)
	case l.Base == BaseGit, l.Base == BaseCommon:
		return ".git/" + escapePath(l.Path)
	}
	return l.String()
}
