package extent

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A build script that runs a script of another language reads what that one reads.

// goesUp reports whether a text has a component ".." that a path ends with: after
// "cd", after a slash, or alone in quotes. Other languages have other uses for two
// dots; what "../" leads to Climbing finds. (No regular expressions: this is part of a
// program that starts for each unit.)
func goesUp(text string) bool {
	for i := 0; i+2 <= len(text); i++ {
		if text[i:i+2] != ".." || i+2 < len(text) && !isOneOf(text[i+2], "\"' \t\n\f\r;&|)") {
			continue
		}
		before := text[:i]
		if strings.HasSuffix(before, "/") {
			return true
		}
		if n := len(before); n > 1 && isOneOf(before[n-1], "\"'") && isOneOf(before[n-2], " \t\n\f\r(,=[") {
			return true
		}
		word := strings.TrimRight(before, " ")
		if cd, ok := strings.CutSuffix(word, "cd"); ok && len(word) < len(before) && (cd == "" || !isWord(cd[len(cd)-1])) {
			return true
		}
	}
	return false
}

// namesItself reports whether a line has one of the ways in which a script names its
// own directory.
func namesItself(line string) bool {
	for _, name := range []string{"BASH_SOURCE", "__file__", "__dir__", "FindBin"} {
		if strings.Contains(line, name) {
			return true
		}
	}
	const dirname = "dirname"
	for rest, before := line, byte(' '); ; {
		i := strings.Index(rest, dirname)
		if i < 0 {
			return false
		}
		if i > 0 {
			before = rest[i-1]
		}
		rest = rest[i+len(dirname):]
		if !isWord(before) && (rest == "" || !isWord(rest[0])) {
			command := rest
			if end := strings.IndexAny(rest, ";&|"); end >= 0 {
				command = rest[:end]
			}
			if strings.Contains(command, "$0") || strings.Contains(command, "${0") {
				return true
			}
		}
		before = 'e'
	}
}

func isOneOf(c byte, set string) bool { return strings.IndexByte(set, c) >= 0 }

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// makefiles are what make reads unasked.
var makefiles = []string{"GNUmakefile", "makefile", "Makefile"}

// follow adds the texts with ".." of the scripts that the programs' texts name, or are
// themselves, as what "sh -c" is told.
func (f *Finder) follow() {
	seen := map[string]bool{}
	for _, t := range slices.Clone(f.texts) {
		if !t.single {
			continue
		}
		rel := plain(t.text)
		if way := climbing(t.text); way != "" {
			rel = plain(way)
		} else if goesUp(t.text) {
			f.texts = append(f.texts, textAt{text: "..", dir: t.dir, own: t.own})
		}
		for _, base := range t.bases(f) {
			f.script(base, rel, seen)
		}
		for word := range strings.FieldsFuncSeq(t.text, notInPath) {
			f.script(f.Home, word, seen)
		}
	}
	if f.words["make"] || f.words["gmake"] {
		for _, name := range makefiles {
			f.script(f.Home, name, seen)
		}
	}
}

func notInPath(r rune) bool { return r < 0x80 && !isPathByte(byte(r)) }

// script adds the texts with ".." of a file, if that is a script, and of those that it
// names in turn.
func (f *Finder) script(base, rel string, seen map[string]bool) {
	path := filepath.Join(base, rel)
	if base == "" || seen[path] {
		return
	}
	seen[path] = true
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > LargestText || !paths.Below(path, f.Top) {
		return
	}
	text, err := regular.Read(path)
	if err != nil || !isScript(path, text) {
		return
	}
	dir := filepath.Dir(path)
	for line := range bytes.Lines(text) {
		itself := namesItself(string(line))
		add := func(t string) {
			f.texts = append(f.texts, textAt{text: t, dir: dir, own: dir, fromDir: itself})
		}
		Climbing(line, add)
		if goesUp(string(line)) {
			add("..")
		}
		for word := range strings.FieldsFuncSeq(string(line), notInPath) {
			if strings.Contains(word, ".") || strings.Contains(word, "/") {
				f.script(dir, word, seen)
				f.script(f.Home, word, seen)
			}
		}
	}
}

// isScript reports whether a file is one that an interpreter runs.
func isScript(path string, text []byte) bool {
	switch filepath.Ext(path) {
	case ".sh", ".bash", ".py", ".pl", ".rb":
		return true
	}
	return bytes.HasPrefix(text, []byte("#!")) || slices.Contains(makefiles, filepath.Base(path))
}
