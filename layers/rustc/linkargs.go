package rustc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// linkArgs are what the values of options name that are handed on to a linker, or
// name files: other files, directories to look in, and libraries.
type linkArgs struct {
	*unit
	dirs    []string // that libraries and scripts are looked for in
	natives []Native
	seen    map[string]bool // names that were looked for
	err     error
}

// unfit begin pieces of values that have more written than what is announced, or
// something else looked in.
var unfit = []string{
	"-Map", "--Map", "--out-implib", "--dependency-file", "-save-temps", "--save-temps", "--reproduce", "-info-output-file",
	"-pass-remarks-output", "--sysroot", "-isysroot",
}

// separators are between what a value is made of. Names may have them, too.
const separators = ",= ;"

// mostParts bounds of how many parts of a value a name may consist.
const mostParts = 8

// pieces are all that may be a name in a value: what is between any two separators,
// and the ends.
func pieces(value string) []string {
	bounds := []int{-1}
	for i := range len(value) {
		if strings.IndexByte(separators, value[i]) >= 0 {
			bounds = append(bounds, i)
		}
	}
	bounds = append(bounds, len(value))
	var list []string
	for i, from := range bounds[:len(bounds)-1] {
		for k, to := range bounds[i+1:] {
			if k < mostParts || to == len(value) {
				list = append(list, value[from+1:to])
			}
		}
	}
	return list
}

// fileArguments are the contents of files that values name, wherever in them.
func (u *unit) fileArguments() error {
	l := &linkArgs{unit: u, seen: map[string]bool{}}
	for _, s := range u.Search {
		if s.Kind == "native" || s.Kind == "all" {
			l.dirs = append(l.dirs, u.abs(s.Path))
		}
	}
	var words []string
	for _, value := range u.files {
		words = append(words, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(separators, r) })...)
		words = append(words, value) // a directory's name may have such signs
	}
	l.directories(words)
	for _, value := range u.files {
		for _, piece := range pieces(value) {
			l.piece(piece)
		}
	}
	u.dirs, u.asked = l.dirs, l.natives
	if l.err != nil {
		return l.err
	}
	for _, a := range u.args {
		if key, value, _ := strings.Cut(a, "="); key == "-C" && (value == "target-cpu=native" || value == "tune-cpu=native") {
			u.add("processor", processor())
			break
		}
	}
	return nil
}

// directories takes those to be looked in, and libraries, out of the words of all
// values: option and name may be two of them.
func (l *linkArgs) directories(words []string) {
	for i, piece := range words {
		for _, name := range []string{"--library-path", "--library", "-L", "-l", "-B"} {
			value, ok := strings.CutPrefix(piece, name)
			if !ok {
				continue
			}
			if value = strings.TrimPrefix(value, "="); value == "" && i+1 < len(words) {
				value = words[i+1]
			}
			switch {
			case value == "":
			case name == "-B":
				// The linker, and what starts programs, may be taken from there.
				if key := "-B" + value; !l.seen[key] {
					l.seen[key] = true
					l.add("directory "+value, identities(l.abs(value), all))
				}
			case strings.HasSuffix(name, "ath") || name == "-L":
				l.dirs = append(l.dirs, l.abs(value))
			default:
				l.natives = append(l.natives, Native{"", strings.TrimPrefix(value, ":")})
			}
			break
		}
	}
}

// piece looks for what a part of a value may name: itself, and what is behind a
// letter or two, as in -Tscript.ld.
func (l *linkArgs) piece(piece string) {
	for _, stem := range unfit {
		if strings.HasPrefix(piece, stem) {
			l.err = &Odd{"argument", piece}
		}
	}
	names := []string{piece}
	if strings.HasPrefix(piece, "-") && len(piece) > 2 {
		names = append(names, piece[2:])
	}
	for _, name := range names {
		if strings.HasPrefix(name, "@") {
			l.err = &Odd{"argument", piece}
		}
		l.file(name, "")
	}
}

// file adds the contents of all files that a name may stand for: it is looked for in
// the directory of the script that has it, if any, and in those of libraries.
func (l *linkArgs) file(name, beside string) {
	key := name + "\x00" + beside
	if l.seen[key] || name == "" || name == "." || name == ".." {
		return
	}
	l.seen[key] = true
	paths := []string{l.abs(name)}
	if !filepath.IsAbs(name) {
		if beside != "" {
			paths = append(paths, beside+"/"+name)
		}
		for _, dir := range l.dirs {
			paths = append(paths, dir+"/"+name)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			continue
		}
		digest, _, err := Digest(path)
		if err != nil {
			l.err = &Odd{"file of an argument", name}
			return
		}
		l.add("file "+name, digest)
		if info.Size() <= mostScript {
			l.script(path)
		}
	}
}

// mostScript is the size of the largest text that is taken for a linker's script,
// in bytes.
const mostScript = 1 << 20

// script looks for the files that a linker's script names: by INCLUDE, INPUT, GROUP
// and others. Each of its words may be one.
func (l *linkArgs) script(path string) {
	text, _, err := readFile(path)
	if err != nil || bytes.IndexByte(text, 0) >= 0 {
		return
	}
	words := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n()[]{},;\"'=*", r) })
	for _, word := range words {
		if word == "SEARCH_DIR" {
			l.err = &Odd{"argument", "script that names directories"}
			return
		}
		if lib, ok := strings.CutPrefix(word, "-l"); ok && lib != "" {
			l.natives = append(l.natives, Native{"", strings.TrimPrefix(lib, ":")})
		}
		l.file(word, filepath.Dir(path))
	}
}
