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

// Segment is a part of a compiled file of one Kind.
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

// Read takes a compiled file apart: an archive into its members, an object
// into its sections. What it does not know is data.
func Read(path string) ([]Segment, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return split(b, filepath.Ext(path) == ".rmeta"), nil
}

// split is Read for bytes; meta: they are metadata without a header.
func split(b []byte, meta bool) []Segment {
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

// splitELF takes out of an object the sections of a known meaning. The rest is
// data, also what lies in no section. Metadata is in .rmeta of an object and in
// .rustc of a library that is loaded (rustc 1.95, rustc_codegen_ssa/back/metadata.rs).
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
