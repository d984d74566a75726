package extent

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// A build script that runs a script of another language reads what that one reads.

// up is a component ".." of a path that ends with it. Other languages have other uses
// for two dots; what "../" leads to Climbing finds.
var up = regexp.MustCompile(`(?:\bcd +|/|[\s(,=\[]["'])(\.\.)(?:["'\s;&|)]|$)`)

// fromItself are the ways in which a script names its own directory.
var fromItself = regexp.MustCompile(`\bdirname\b[^;&|]*\$\{?0|BASH_SOURCE|__file__|__dir__|FindBin`)

// follow adds the texts with ".." of the scripts that the programs' texts name.
func (f *Finder) follow() {
	seen := map[string]bool{}
	for _, t := range slices.Clone(f.texts) {
		rel := plain(t.text)
		if up := climbing(t.text); up != "" {
			rel = plain(up)
		}
		if !t.single || rel == "" {
			continue
		}
		for _, base := range t.bases(f) {
			path := filepath.Join(base, rel)
			if base == "" || seen[path] {
				continue
			}
			seen[path] = true
			f.script(path)
		}
	}
}

// script adds the texts with ".." of a file, if that is a script.
func (f *Finder) script(path string) {
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
	}
}

// isScript reports whether a file is one that an interpreter runs.
func isScript(path string, text []byte) bool {
	switch filepath.Ext(path) {
	case ".sh", ".bash", ".py", ".pl", ".rb":
		return true
	}
	return bytes.HasPrefix(text, []byte("#!"))
}
