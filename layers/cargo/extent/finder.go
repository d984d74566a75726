package extent

import (
	"bytes"
	"path/filepath"
	"strings"
)

// Finder finds what texts in programs and sources may name: files and directories outside
// of a package that may be read for it unseen.
//
// Only what is there can be named. A program may join a text to any directory, so it is
// tried below each from which programs start: their package, the directories above that
// up to the top of the checkout, and the directory of the source.
type Finder struct {
	Root string // of the workspace
	Top  string // of the checkout: what lies outside is the same for all of them
	Home string // the package's directory
	// Own reports whether a path belongs to the package.
	Own   func(path string) bool
	Apart []string // directories of which nothing is meant, such as build directories
	// AtRoot: what runs starts in the workspace's root, as macros do.
	AtRoot bool

	texts        []textAt
	variables    [][2]string
	words        map[string]bool
	climbs       bool // a text or word leads out of the package
	starts       bool // something tells the package's directory
	lists        bool // something lists directories, or runs programs
	whole        bool // cargo or git are asked where the workspace is
	names        map[string]Name
	leadsOutside bool
}

type textAt struct {
	text, dir, own string
	single         bool
	fromDir        bool // a path from dir, and from nowhere else
}

// bases are the directories that a text with ".." may be a path from.
func (t textAt) bases(f *Finder) []string {
	if t.fromDir {
		return []string{t.dir}
	}
	return []string{f.Home, t.own, t.dir, f.Root}
}

// Name is what a text leads to.
type Name struct {
	Path   string // clean and absolute
	Dir    bool
	Absent bool // there is nothing at Path, but there could be
}

// longest is the longest text that is taken for a path.
const longest = 512

// Text adds a text of a source in dir, of a package whose directory is own. A single
// name, without a slash, is a path if single is true or if it is spelled as one.
func (f *Finder) Text(text, dir, own string, single bool) {
	if len(text) > longest || strings.ContainsAny(text, "\n\x00") {
		return
	}
	f.texts = append(f.texts, textAt{text: text, dir: dir, own: own, single: single})
}

// Variable adds a variable that programs see, whose value is a path relative to the
// workspace root. What it names counts. If it leads to a directory that holds the
// package, a program that has the variable's name knows where that is.
func (f *Finder) Variable(name, value string) {
	f.variables = append(f.variables, [2]string{name, value})
}

// Program adds an identifier or text of a program that runs: some tell how it may find
// directories.
func (f *Finder) Program(word string) {
	if f.words == nil {
		f.words = map[string]bool{}
	}
	f.words[word] = true
	switch word {
	case "parent", "ancestors", "pop":
		f.climbs = true
	case "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "current_dir", "canonicalize":
		f.starts = true
	case "read_dir", "WalkDir", "walkdir", "WalkBuilder", "glob", "globwalk", "Command":
		f.lists = true
	case "--show-toplevel", "locate-project", "--format-version", "workspace_root", "MetadataCommand":
		f.whole = true
	default:
		if strings.HasPrefix(word, "CARGO_WORKSPACE") || strings.HasPrefix(word, "WORKSPACE_") {
			f.whole = true
		}
	}
}

// Has reports whether a word of the programs begins with stem.
func (f *Finder) Has(stem string) bool {
	for w := range f.words {
		if strings.HasPrefix(w, stem) {
			return true
		}
	}
	return false
}

// climbing is the part of a text from its first component ".." on: what is before it
// may be an option ("-I../include") or a variable ("$CARGO_MANIFEST_DIR/../x").
func climbing(text string) string {
	for from := 0; ; {
		i := strings.Index(text[from:], "..")
		if i < 0 {
			return ""
		}
		i += from
		end := i + 2
		if (end == len(text) || text[end] == '/') && (i == 0 || text[i-1] != '.') {
			return text[i:]
		}
		from = end
	}
}

// plain is the part of a text that is a path as it stands: without variables at the
// front, and up to what is filled in or matched at run time.
func plain(text string) string {
	var parts []string
	for part := range strings.SplitSeq(text, "/") {
		switch {
		case part == "" || part == ".":
		case strings.ContainsAny(part, "{}$%*?[]<>|\"'`:;, "):
			if len(parts) > 0 {
				return strings.Join(parts, "/")
			}
		default:
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// LargestText bounds the files of a package that are searched for names of others:
// what people write and programs follow is smaller.
const LargestText = 1 << 18

// Follows reports whether a file of that name in a package may name other files that are
// read with it. Manifests name packages, and documentation what people read.
func Follows(name string) bool {
	switch filepath.Ext(name) {
	case ".rs", ".lock", ".md":
		return false
	}
	return name != "Cargo.toml"
}

// Climbing calls f for every text with a component ".." in a file that is not Rust: C
// sources include files that way, and lists of files name them.
func Climbing(text []byte, f func(text string)) {
	for from := 0; from < len(text); {
		i := bytes.Index(text[from:], []byte("../"))
		if i < 0 {
			return
		}
		start, end := from+i, from+i+3
		for start > from && isPathByte(text[start-1]) {
			start--
		}
		for end < len(text) && isPathByte(text[end]) {
			end++
		}
		f(string(text[start:end]))
		from = end
	}
}

// Top returns the top directory of the checkout that dir lies in; dir if it is in none.
func Top(dir string) string {
	if top, gitDir := enclosing(dir); gitDir != "" {
		return top
	}
	return dir
}

func isPathByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 || strings.IndexByte("._-+@/~", c) >= 0
}
