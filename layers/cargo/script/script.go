// Package script reads and rewrites what a build script printed: the file
// named output, or run/stdout in the one-directory-per-unit layout, from which
// Cargo takes the script's instructions again whenever the run is fresh.
//
// Nothing is lost: the Raw parts of the lines, joined, are the input. Bytes
// that are not UTF-8 are kept and, as in Cargo, carry no instruction.
//
// The functions keep no state and may be called concurrently.
package script

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Line is one line of output.
type Line struct {
	// Raw is the whole line with its newline, sharing memory with the input.
	Raw []byte
	// Directive tells that Cargo takes an instruction from the line.
	Directive bool
	// Key and Value of a directive, as Cargo reads them. For a metadata line,
	// of either syntax, Key is "metadata" and Value is "KEY=VALUE".
	Key   string
	Value string

	// at is where Value begins in Raw.
	at int
}

const (
	keyChanged    = "rerun-if-changed"
	keyEnvChanged = "rerun-if-env-changed"
	keyMetadata   = "metadata"
)

// reserved are the keys that the syntax with one colon has; any other key is
// metadata there (cargo 1.95, compiler/custom_build.rs: BuildOutput::parse,
// RESERVED_PREFIXES).
var reserved = map[string]bool{
	"rustc-flags":             true,
	"rustc-link-lib":          true,
	"rustc-link-search":       true,
	"rustc-link-arg-cdylib":   true,
	"rustc-cdylib-link-arg":   true,
	"rustc-link-arg-bins":     true,
	"rustc-link-arg-bin":      true,
	"rustc-link-arg-tests":    true,
	"rustc-link-arg-benches":  true,
	"rustc-link-arg-examples": true,
	"rustc-link-arg":          true,
	"rustc-cfg":               true,
	"rustc-check-cfg":         true,
	"rustc-env":               true,
	"warning":                 true,
	keyChanged:                true,
	keyEnvChanged:             true,
}

// Parse splits output into lines (cargo 1.95, custom_build.rs:
// BuildOutput::parse). A line that Cargo would refuse, since it has the prefix
// but no "=", is not a directive: no build that ended well has one.
func Parse(output []byte) []Line {
	var lines []Line
	for raw := range bytes.Lines(output) {
		lines = append(lines, parseLine(raw))
	}
	return lines
}

func parseLine(raw []byte) Line {
	line := Line{Raw: raw}
	if !utf8.Valid(raw) {
		return line
	}
	text := strings.TrimSpace(string(raw))
	data, ok := strings.CutPrefix(text, "cargo::")
	old := false
	if !ok {
		data, old = strings.CutPrefix(text, "cargo:")
	}
	if !ok && !old {
		return line
	}
	key, value, ok := strings.Cut(data, "=")
	if !ok {
		return line
	}
	if old && !reserved[key] {
		key, value = keyMetadata, data
	}
	line.Directive = true
	line.Key = key
	line.Value = value
	// Value is a suffix of text, since text has no white space at its end.
	line.at = bytes.Index(raw, []byte(text)) + len(text) - len(value)
	return line
}

// WatchPaths returns the paths of the rerun-if-changed directives in order, as
// written: absolute or relative to the package root, and naming the output
// directory of the run itself where they lie in it.
func WatchPaths(lines []Line) []string {
	var list []string
	for _, l := range lines {
		if l.Directive && l.Key == keyChanged {
			list = append(list, l.Value)
		}
	}
	return list
}

// Rewrite returns the output with the values of directives replaced for which
// replace returns true; every other byte stays. It fails if a new value would
// not be read back as it is, because it holds a newline or has white space at
// an end.
func Rewrite(lines []Line, replace func(key, value string) (string, bool)) ([]byte, error) {
	var b bytes.Buffer
	for _, l := range lines {
		if !l.Directive {
			b.Write(l.Raw)
			continue
		}
		value, ok := replace(l.Key, l.Value)
		if !ok {
			b.Write(l.Raw)
			continue
		}
		rewritten := bytes.Join([][]byte{l.Raw[:l.at], []byte(value), l.Raw[l.at+len(l.Value):]}, nil)
		if got := parseLine(rewritten); got.Key != l.Key || got.Value != value || strings.Contains(value, "\n") {
			return nil, fmt.Errorf("rewrite script output: value %q of %s cannot be written on a line", value, l.Key)
		}
		b.Write(rewritten)
	}
	return b.Bytes(), nil
}
