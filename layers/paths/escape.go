package paths

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// Path is a file name that may hold any byte, and is escaped in JSON (Escape).
type Path string

// MarshalText implements encoding.TextMarshaler.
func (p Path) MarshalText() ([]byte, error) { return []byte(Escape(string(p))), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Path) UnmarshalText(b []byte) error {
	s, err := Unescape(string(b))
	*p = Path(s)
	return err
}

const hexDigits = "0123456789abcdef"

// Escape writes bytes that are not printable ASCII, and '%', as %XX.
func Escape(s string) string {
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

// Unescape reads what Escape wrote.
func Unescape(s string) (string, error) {
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

// IsLocal reports whether path, from a manifest, stays below the directory it is
// joined to.
func IsLocal(path string) bool { return filepath.IsLocal(path) && !strings.ContainsRune(path, 0) }

// IsFileName reports whether name, from a manifest, is one entry of the directory
// it is joined to.
func IsFileName(name string) bool {
	return name != "." && IsLocal(name) && !strings.Contains(name, "/")
}

// IsNotDir reports whether a look-up failed because something on the way is a
// file.
func IsNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
