// Package embedded finds paths in what rustc wrote, and tells those that matter to
// the program from names of source files and from what debuggers read.
//
// It keeps no state, accepts any bytes, and may be used concurrently as long as
// nobody changes what it was given.
package embedded

import (
	"bytes"
	"cmp"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Segment is a part of a compiled file with one meaning.
type Segment struct {
	Kind Kind
	Data []byte
}

// Kind is what a segment means.
type Kind int

const (
	// Data ends up in the program, or decides what does.
	Data Kind = iota
	// Metadata is rustc's crate metadata: values of constants, and names.
	Metadata
	// Debug is read by debuggers only.
	Debug
)

// rustc ends every string that it writes into metadata with this byte, and the
// bytes of a constant's value with none (rustc 1.95, rustc_serialize/src/
// opaque.rs:STR_SENTINEL). The working directory and source file names are
// strings.
const stringEnd = 0xc1

// Read takes a compiled file apart: an archive into its members, an object
// into its sections. What it does not know is data.
func Read(path string) ([]Segment, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Split(b, filepath.Ext(path) == ".rmeta"), nil
}

// Split is Read of bytes; meta tells that they are metadata without a head.
func Split(b []byte, meta bool) []Segment {
	if bytes.HasPrefix(b, []byte("!<arch>\n")) {
		return splitArchive(b)
	}
	return splitMember(b, meta)
}

// splitArchive reads the common ar format: 60-byte headers, members padded to
// even length. An archive in an archive is data like any other.
func splitArchive(b []byte) []Segment {
	const header = 60
	var all []Segment
	at := 8
	for at+header <= len(b) {
		size, err := strconv.Atoi(strings.TrimSpace(string(b[at+48 : at+58])))
		if err != nil || size < 0 || at+header+size > len(b) {
			break
		}
		all = append(all, Segment{Data, b[at : at+header]})
		all = append(all, splitMember(b[at+header:at+header+size], false)...)
		at += header + size + size%2
	}
	if at < len(b) {
		all = append(all, Segment{Data, b[at:]})
	}
	return all
}

func splitMember(b []byte, meta bool) []Segment {
	switch {
	case bytes.HasPrefix(b, []byte(elf.ELFMAG)):
		return splitELF(b)
	case meta || bytes.HasPrefix(b, []byte("rust\x00")):
		return []Segment{{Metadata, b}}
	}
	return []Segment{{Data, b}}
}

// Metadata is in .rmeta of an object and in .rustc of a library that is loaded
// (rustc 1.95, rustc_codegen_ssa/back/metadata.rs).

// splitELF takes out of an object the sections of a known meaning. The rest is
// data, also what lies in no section.
func splitELF(b []byte) []Segment {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return []Segment{{Data, b}}
	}
	slices.SortStableFunc(f.Sections, func(a, b *elf.Section) int { return cmp.Compare(a.Offset, b.Offset) })
	var all []Segment
	at := uint64(0)
	for _, s := range f.Sections {
		if s.Type == elf.SHT_NOBITS || s.FileSize == 0 || s.Offset < at || s.Offset+s.FileSize > uint64(len(b)) {
			continue
		}
		kind := Debug
		switch {
		case strings.HasPrefix(s.Name, ".debug_"), strings.HasPrefix(s.Name, ".zdebug_"):
		case s.Name == ".rmeta", s.Name == ".rustc":
			kind = Metadata
		default:
			continue
		}
		all = append(all, Segment{Data, b[at:s.Offset]}, Segment{kind, b[s.Offset : s.Offset+s.FileSize]})
		at = s.Offset + s.FileSize
	}
	return append(all, Segment{Data, b[at:]})
}

// Outputs are the files that one run of rustc wrote.
type Outputs struct {
	Parts []Segment
	// Sources are the absolute names of the crate's sources, as they were spelt.
	Sources []string
	// WorkDirs are the names that rustc's working directory has.
	WorkDirs []string
}

// Add takes in a file.
func (o *Outputs) Add(path string) error {
	parts, err := Read(path)
	o.Parts = append(o.Parts, parts...)
	return err
}

// Embed reports whether text stands in the outputs other than as the front of
// a source file's name, as the working directory in metadata, or in debug
// information; around is what stands there.
func (o *Outputs) Embed(text string) (around string, found bool) {
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

// Holds reports whether text stands anywhere but in debug information.
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
