package extent

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A build script that runs a script of another language reads what that one reads.

// up is a component ".." of a path that ends with it. Other languages have other uses
// for two dots; what "../" leads to Climbing finds.
var up = regexp.MustCompile(`(?:\bcd +|/|[\s(,=\[]["'])(\.\.)(?:["'\s;&|)]|$)`)

// fromItself are the ways in which a script names its own directory.
var fromItself = regexp.MustCompile(`\bdirname\b[^;&|]*\$\{?0|BASH_SOURCE|__file__|__dir__|FindBin`)

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
		} else if up.MatchString(t.text) {
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
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > LargestText || !below(path, f.Top) {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil || !isScript(path, text) {
		return
	}
	dir := filepath.Dir(path)
	for line := range bytes.Lines(text) {
		itself := fromItself.Match(line)
		add := func(t string) {
			f.texts = append(f.texts, textAt{text: t, dir: dir, own: dir, fromDir: itself})
		}
		Climbing(line, add)
		if up.Match(line) {
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
