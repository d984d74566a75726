package embedded

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// LinkContent writes to w the content of a native library that decides the program it is
// linked into: of an archive its members; of an object its sections, except those that
// only debuggers read, which name the directory it was compiled in; of anything else, or
// what cannot be taken apart, all bytes. Libraries with equal link content are
// interchangeable. The error is w's.
func LinkContent(w io.Writer, b []byte) error {
	if rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n")); ok {
		return archiveContent(w, b, rest)
	}
	return objectContent(w, b)
}

func archiveContent(w io.Writer, whole, b []byte) error {
	const header = 60
	type member struct {
		name string
		data []byte
	}
	var members []member
	for len(b) > 0 {
		if len(b) < header {
			_, err := w.Write(whole)
			return err
		}
		size, err := strconv.Atoi(strings.TrimSpace(string(b[48:58])))
		if err != nil || size < 0 || size > len(b)-header || string(b[58:60]) != "`\n" {
			_, err := w.Write(whole)
			return err
		}
		name := strings.TrimSpace(string(b[:16]))
		// The index of symbols says where members are, and so how long all of each is.
		if name != "/" && name != "/SYM64/" {
			members = append(members, member{name, b[header : header+size]})
		}
		b = b[min(len(b), header+size+size%2):]
	}
	for _, m := range members {
		if _, err := fmt.Fprintf(w, "member %q\n", m.name); err != nil {
			return err
		}
		if err := objectContent(w, m.data); err != nil {
			return err
		}
	}
	return nil
}

func objectContent(w io.Writer, b []byte) error {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil || f.Type != elf.ET_REL {
		_, err := fmt.Fprintf(w, "data %d %s\n", len(b), b)
		return err
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS && (s.Offset > uint64(len(b)) || s.FileSize > uint64(len(b))-s.Offset) {
			_, err := fmt.Fprintf(w, "data %d %s\n", len(b), b)
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "object %v %v %v %d %d\n", f.Class, f.Data, f.Machine, f.Entry, len(f.Sections)); err != nil {
		return err
	}
	for _, s := range f.Sections {
		if forDebuggers(s.Name) {
			continue
		}
		var data []byte
		if s.Type != elf.SHT_NOBITS {
			data = b[s.Offset : s.Offset+s.FileSize]
		}
		_, err := fmt.Fprintf(w, "section %q %d %d %d %d %d %d %d %d %s\n", s.Name, s.Type, s.Flags, s.Addr, s.Link, s.Info, s.Addralign, s.Entsize, s.Size, data)
		if err != nil {
			return err
		}
	}
	return nil
}

// forDebuggers reports whether a section, or the one it relocates, is read by
// debuggers only.
func forDebuggers(name string) bool {
	for _, stem := range []string{".rela", ".rel"} {
		if rest, ok := strings.CutPrefix(name, stem); ok && strings.HasPrefix(rest, ".") {
			name = rest
			break
		}
	}
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, ".zdebug_")
}
