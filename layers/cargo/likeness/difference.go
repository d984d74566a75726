package likeness

import "fmt"

// A Difference is one part in which two outputs differ.
type Difference struct {
	// Part names it: "section .text", "member a.o: section .rodata", "line 3", "content". Two comparisons of the
	// same output call the same part alike.
	Part string
	// Detail says in what, for a reader: what is there, and what is made again.
	Detail string
	// Nature names what can never be equal; "" where the part could be.
	Nature string
}

// Names of what cannot be equal.
const (
	// ObjectNames: compiling incrementally, rustc puts a random word into the name of each object (rustc 1.95,
	// rustc_session/src/config.rs:OutputFilenames::temp_path_ext_for_cgu).
	ObjectNames = "names of objects"
	// ArchiveTimes: who has an archive made keeps in it when each member was made, and by whom (ar(5)), unless told
	// not to.
	ArchiveTimes = "times in an archive"
	// BuildID: a linker may be told to give each program a number of its own (ld(1), --build-id=uuid).
	BuildID = "build id"
)

// ByNature returns the names of what cannot be equal, if that is all in which two outputs differ.
func ByNature(found []Difference) (names []string, all bool) {
	for _, d := range found {
		if d.Nature == "" {
			return nil, false
		}
		names = append(names, d.Nature)
	}
	return names, true
}

// firstDifference says where two contents begin to differ.
func firstDifference(a, b []byte) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if len(a) != len(b) {
		return fmt.Sprintf("from byte %d on; %d bytes, again %d", n, len(a), len(b))
	}
	return fmt.Sprintf("from byte %d on", n)
}
