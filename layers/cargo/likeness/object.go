package likeness

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
)

// compareObjects compares two objects, libraries or programs section by section. ok is false if one of them is none.
func compareObjects(a, b []byte) (found []Difference, ok bool) {
	x, xok := sections(a)
	y, yok := sections(b)
	if !xok || !yok {
		return nil, false
	}
	for _, s := range x {
		i := slices.IndexFunc(y, func(t section) bool { return t.name == s.name })
		switch {
		case i < 0:
			found = append(found, Difference{Part: "section " + s.name, Detail: "again there is none"})
		case !bytes.Equal(s.data, y[i].data) || s.head != y[i].head:
			d := Difference{Part: "section " + s.name, Detail: firstDifference(s.data, y[i].data)}
			if bytes.Equal(s.data, y[i].data) {
				d.Detail = "its header"
			}
			if s.name == ".note.gnu.build-id" {
				d.Nature = BuildID
			}
			found = append(found, d)
		}
	}
	for _, t := range y {
		if !slices.ContainsFunc(x, func(s section) bool { return t.name == s.name }) {
			found = append(found, Difference{Part: "section " + t.name, Detail: "there is none"})
		}
	}
	if len(found) == 0 {
		found = append(found, Difference{Part: "headers", Detail: firstDifference(a, b)})
	}
	return found, true
}

// A section of an object: its name, with a number where several have the same; what its header says beside name,
// place in the file and size; and its bytes.
type section struct {
	name, head string
	data       []byte
}

func sections(b []byte) (list []section, ok bool) {
	if !bytes.HasPrefix(b, []byte(elf.ELFMAG)) {
		return nil, false
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	seen := map[string]int{}
	for _, s := range f.Sections {
		name := s.Name
		if seen[s.Name]++; seen[s.Name] > 1 {
			name = fmt.Sprintf("%s (%d)", s.Name, seen[s.Name])
		}
		sec := section{name: name, head: fmt.Sprint(s.Type, s.Flags, s.Link, s.Info, s.Addralign, s.Entsize)}
		if s.Type != elf.SHT_NOBITS {
			// As they lie in the file: what is compressed is compared so.
			if s.Offset > uint64(len(b)) || s.FileSize > uint64(len(b))-s.Offset {
				return nil, false
			}
			sec.data = b[s.Offset:][:s.FileSize]
		}
		list = append(list, sec)
	}
	return list, len(list) > 0
}
