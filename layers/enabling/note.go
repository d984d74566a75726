package enabling

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const noteHead = "cargo-cow enabled 1\n"

// A note is what disabling has to know, kept in the file that says that all is enabled.
// That file counts whatever is in it: without a note, disabling goes by what it finds.
type note struct {
	configs     files // of Cargo's that were changed
	empty       files // those of them that were there, with nothing in them
	completions files
	dirs        files // that were made
}

// files are absolute paths, each once, in their order.
type files []string

func (f files) has(path string) bool { return slices.Contains(f, path) }

func (f files) with(more ...string) files {
	f = slices.Clone(f)
	for _, path := range more {
		if !f.has(path) {
			f = append(f, path)
		}
	}
	return f
}

func (f files) without(path string) files {
	return slices.DeleteFunc(slices.Clone(f), func(p string) bool { return p == path })
}

// cargoHomes are the directories that the configuration files are in.
func (n *note) cargoHomes() (dirs files) {
	for _, file := range n.configs {
		dirs = dirs.with(filepath.Dir(file))
	}
	return dirs
}

// lists are the parts of a note, by their names in its text.
func (n *note) lists() (names []string, lists []*files) {
	return []string{"config", "empty", "completions", "directory"}, []*files{&n.configs, &n.empty, &n.completions, &n.dirs}
}

func (n *note) text() string {
	var b strings.Builder
	b.WriteString(noteHead)
	names, lists := n.lists()
	for i, list := range lists {
		for _, path := range *list {
			b.WriteString(names[i] + " " + strconv.Quote(path) + "\n")
		}
	}
	return b.String()
}

// parse reads what text writes. What it does not know, as of later versions, is passed over.
func parse(text string) *note {
	n := &note{}
	rest, ok := strings.CutPrefix(text, noteHead)
	if !ok {
		return n
	}
	names, lists := n.lists()
	for line := range strings.Lines(rest) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		path, err := strconv.Unquote(quoted)
		if i := slices.Index(names, name); i >= 0 && err == nil && filepath.IsAbs(path) {
			*lists[i] = lists[i].with(path)
		}
	}
	return n
}
