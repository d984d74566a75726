// Package embedded finds paths in what rustc wrote, and tells those that matter to
// the program from names of source files and from what debuggers read. It also tells
// which content of a native library decides the program that it is linked into.
//
// It keeps no state, accepts any bytes, and may be used concurrently as long as
// nobody changes what it was given.
package embedded

import (
	"bytes"
	"slices"
)

// rustc ends every string that it writes into metadata with this byte, and the
// bytes of a constant's value with none (rustc 1.95, rustc_serialize/src/
// opaque.rs:STR_SENTINEL). The working directory and source file names are
// strings.
const stringEnd = 0xc1

// Outputs are the files that one run of rustc wrote, and what it was told.
type Outputs struct {
	Parts []Segment
	// Sources are the absolute names of the crate's sources, as they were spelt.
	Sources []string
	// WorkDirs are the names that rustc's working directory has.
	WorkDirs []string
}

// Add reads a file.
func (o *Outputs) Add(path string) error {
	parts, err := Read(path)
	o.Parts = append(o.Parts, parts...)
	return err
}

// Embed reports whether text occurs in the outputs other than as the front of a source
// file's name, as the working directory in metadata, or in debug information; excerpt is
// what stands around it.
func (o *Outputs) Embed(text string) (excerpt string, found bool) {
	if text == "" {
		return "", false
	}
	needle := []byte(text)
	for _, part := range o.Parts {
		if part.Kind == Debug {
			continue
		}
		for rest := part.Data; ; {
			i := bytes.Index(rest, needle)
			if i < 0 {
				break
			}
			if at := rest[i:]; !o.isSource(at) && !(part.Kind == Metadata && o.isWorkDir(at)) {
				return printable(at, len(text)+40), true
			}
			rest = rest[i+len(needle):]
		}
	}
	return "", false
}

func (o *Outputs) isSource(at []byte) bool {
	for _, s := range o.Sources {
		if bytes.HasPrefix(at, []byte(s)) {
			return true
		}
	}
	return false
}

// Holds reports whether text occurs anywhere but in debug information.
func (o *Outputs) Holds(text string) bool {
	return slices.ContainsFunc(o.Parts, func(p Segment) bool { return p.Kind != Debug && bytes.Contains(p.Data, []byte(text)) })
}

// isWorkDir reports whether a whole string in metadata is the working directory.
func (o *Outputs) isWorkDir(at []byte) bool {
	for _, d := range o.WorkDirs {
		if bytes.HasPrefix(at, []byte(d)) && len(d) < len(at) && at[len(d)] == stringEnd {
			return true
		}
	}
	return false
}

func printable(b []byte, n int) string {
	b = b[:min(n, len(b))]
	for i, c := range b {
		if c < 0x20 || c >= 0x7f {
			b = b[:i]
			break
		}
	}
	return string(b)
}
