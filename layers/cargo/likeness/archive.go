package likeness

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

const (
	archiveMark = "!<arch>\n"
	headerSize  = 60 // of a member (ar(5)): name 16, time 12, owner 6, group 6, mode 8, size 10, end 2
)

// A member is a file in an archive.
type member struct {
	name   string
	header string // without name and size
	data   []byte
}

// compareArchives compares two archives member by member, the content of each by compare. ok is false if one of the two
// is none.
func compareArchives(a, b []byte, compare func(a, b []byte) []Difference) (found []Difference, ok bool) {
	x, xok := parseArchive(a)
	y, yok := parseArchive(b)
	if !xok || !yok {
		return nil, false
	}
	again := map[string][]*member{}
	for i := range y {
		again[y[i].name] = append(again[y[i].name], &y[i])
	}
	for i := range x {
		m := &x[i]
		rest := again[m.name]
		if len(rest) == 0 {
			found = append(found, Difference{Part: "member " + m.name, Detail: "again there is none"})
			continue
		}
		for _, d := range compare(m.data, rest[0].data) {
			d.Part = "member " + m.name + ": " + d.Part
			found = append(found, d)
		}
		found = append(found, compareHeaders(m, rest[0])...)
		again[m.name] = rest[1:]
	}
	for i := range y {
		if k := y[i].name; len(again[k]) > 0 {
			found = append(found, Difference{Part: "member " + k, Detail: "there is none"})
			again[k] = again[k][1:]
		}
	}
	switch _, all := ByNature(found); {
	case all && !sameOrder(x, y):
		found = append(found, Difference{Part: "order of members", Detail: "another one"})
	case len(found) == 0:
		found = append(found, Difference{Part: "index", Detail: firstDifference(a, b)})
	}
	return found, true
}

func compareHeaders(m, again *member) (found []Difference) {
	if m.header != again.header {
		found = append(found, Difference{Part: "header of member " + m.name, Detail: fmt.Sprintf("%q, again %q", m.header, again.header), Nature: ArchiveTimes})
	}
	return found
}

func sameOrder(x, y []member) bool {
	for i := range x {
		if x[i].name != y[i].name {
			return false
		}
	}
	return true
}

// parseArchive lists the members of an archive, without the index and the table of names, which follow from them.
func parseArchive(b []byte) (members []member, ok bool) {
	rest, ok := bytes.CutPrefix(b, []byte(archiveMark))
	if !ok {
		return nil, false
	}
	var names string
	for len(rest) > 0 {
		if len(rest) < headerSize {
			return nil, false
		}
		head := string(rest[:headerSize])
		size, err := strconv.ParseUint(strings.TrimRight(head[48:58], " "), 10, 63)
		if err != nil || head[58:] != "`\n" || size > uint64(len(rest)-headerSize) {
			return nil, false
		}
		data := rest[headerSize:][:size]
		rest = rest[headerSize+int(size):]
		if size%2 == 1 && len(rest) > 0 {
			rest = rest[1:]
		}
		name := strings.TrimRight(head[:16], " ")
		switch {
		case name == "/" || name == "/SYM64/":
			continue
		case name == "//":
			names = string(data)
			continue
		case strings.HasPrefix(name, "/"):
			if name, ok = longName(names, name[1:]); !ok {
				return nil, false
			}
		default:
			name = strings.TrimSuffix(name, "/")
		}
		members = append(members, member{name: name, header: head[16:48], data: data})
	}
	return members, true
}

// longName finds a name in the table of names.
func longName(names, at string) (string, bool) {
	n, err := strconv.Atoi(at)
	if err != nil || n < 0 || n > len(names) {
		return "", false
	}
	name, _, ok := strings.Cut(names[n:], "/\n")
	return name, ok
}
