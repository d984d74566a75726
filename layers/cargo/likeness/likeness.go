// Package likeness tells in which parts two outputs of one compilation differ: a section of an object
// or program, a member of an archive, a line of a text. It also tells what cannot be equal however often
// the same is compiled, and calls it by a name.
//
// Any bytes are accepted: what is not of a known form is compared as bytes. Nothing is kept, and everything may
// be called concurrently.
package likeness

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Compare returns the parts in which b, made again, differs from a, which is there; nil if they are equal.
func Compare(a, b []byte) []Difference {
	if bytes.Equal(a, b) {
		return nil
	}
	if a, b = Masked(a), Masked(b); bytes.Equal(a, b) {
		return []Difference{{Part: ObjectNames, Detail: "the same objects by other names", Nature: ObjectNames}}
	}
	found, ok := compareArchives(a, b, Compare)
	if !ok {
		found, ok = compareObjects(a, b)
	}
	if !ok && isText(a) && isText(b) {
		found, ok = compareTexts(a, b), true
	}
	if !ok || len(found) == 0 {
		return []Difference{{Part: "content", Detail: firstDifference(a, b)}}
	}
	return found
}

// Masked returns a content, or the name of a file, in which chance is masked that rustc has put into the names of objects:
// NAME.UNIT.RANDOM.rcgu.o. They stand in archives, in lists of what is in them, and in debug information.
func Masked(b []byte) []byte {
	const mark, length = ".rcgu.", 7 // 32 bits in base 36
	masked := b
	for i := 0; ; i += len(mark) {
		n := bytes.Index(b[i:], []byte(mark))
		if n < 0 {
			return masked
		}
		// What is not compiled incrementally has no random word, and "-cgu.1" there.
		if i += n; i <= length || b[i-length-1] != '.' || bytes.ContainsFunc(b[i-length:i], func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'z') }) {
			continue
		}
		if &masked[0] == &b[0] {
			masked = bytes.Clone(b)
		}
		copy(masked[i-length:i], "*******")
	}
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// maxLines bounds how many differing lines are named: who prints a table of chance would fill the report with it, and
// a few show what it is.
const maxLines = 100

func compareTexts(a, b []byte) (found []Difference) {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) && len(found) < maxLines {
			found = append(found, Difference{
				Part: fmt.Sprintf("line %d", i+1), Detail: fmt.Sprintf("%q, again %q", excerpt(x[i]), excerpt(y[i])),
			})
		}
	}
	if len(x) != len(y) {
		found = append(found, Difference{Part: "number of lines", Detail: fmt.Sprintf("%d, again %d", len(x), len(y))})
	}
	return found
}

// excerpt is as much of a line as fits into one of a terminal, twice.
func excerpt(line []byte) []byte {
	const most = 60
	if len(line) <= most {
		return line
	}
	return append(line[:most:most], "…"...)
}
