// Package mounts reads what is mounted where (Linux proc(5), /proc/PID/mountinfo). It keeps nothing: what it returns was so
// when it was asked, and any number of goroutines may ask.
package mounts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Mount is a line of the table.
type Mount struct {
	ID      uint64 // as statx tells it
	Point   string
	Options []string // of the mount, and behind them of the file system
	Type    string   // as "btrfs"
	Source  string   // as "/dev/loop0"
}

// Has reports whether the mount has an option, whatever its value.
func (m Mount) Has(option string) bool {
	return slices.ContainsFunc(m.Options, func(o string) bool {
		name, _, _ := strings.Cut(o, "=")
		return name == option
	})
}

// At is the mount at a place, of several the last, which is the one that is seen.
func At(table []Mount, place string) (Mount, bool) {
	for _, m := range slices.Backward(table) {
		if m.Point == place {
			return m, true
		}
	}
	return Mount{}, false
}

// parse reads the table. The number is the first field, the place the fifth, the options of the mount are the sixth; behind
// the dash are the type, the source and the options of the file system.
func parse(text string) ([]Mount, error) {
	var table []Mount
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		f, of := strings.Fields(before), strings.Split(after, " ") // the source may be empty
		if len(f) < 6 || len(of) < 3 {
			return nil, fmt.Errorf("parse %q: too few fields", line)
		}
		id, err := strconv.ParseUint(f[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("parse %q: %w", line, err)
		}
		options := append(strings.Split(f[5], ","), strings.Split(of[2], ",")...)
		table = append(table, Mount{ID: id, Point: Unescape(f[4]), Options: options, Type: of[0], Source: Unescape(of[1])})
	}
	return table, nil
}

// Unescape undoes what the kernel escapes, and so does fstab: space, tab, newline and backslash, as three octal digits
// (Linux fs/seq_file.c, mangle_path).
func Unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
