// Package linking finds the files that a linker may read: those that options of a
// compiler and a linker, scripts of a linker and names of libraries stand for. Neither
// rustc nor a linker lists what it has read.
//
// What is found is more than what is read. Each part of a value that is the name of a
// file counts, wherever that file may lie: linkers differ in which options they have,
// and in where each option looks.
//
// The functions look at files, keep no state, and may be called concurrently.
package linking

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Library is a native library that is asked for.
type Library struct {
	Kind string // with modifiers after a colon; "" where none is named
	Name string
}

// Names returns the names that the library's file may have: which of them the compiler
// or the linker takes depends on kinds and modifiers. On most systems only the first
// three occur.
func (l Library) Names() []string {
	names := []string{l.Name}
	for _, ext := range []string{".so", ".a", ".dylib", ".tbd", ".dll.a", ".lib"} {
		names = append(names, "lib"+l.Name+ext)
	}
	return append(names, l.Name+".lib", l.Name+".dll", l.Name+".a")
}

// IsLibrary reports whether a file of that name may be taken for a library that is
// asked for by another name.
func IsLibrary(name string) bool {
	switch filepath.Ext(name) {
	case ".a", ".so", ".o", ".obj", ".lib", ".dll", ".dylib", ".tbd", ".rlib", ".rmeta":
		return true
	}
	return strings.Contains(name, ".so.")
}

// IsArchive reports whether a file of that name may be a static library.
func IsArchive(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".a" || ext == ".lib"
}

// Of returns the library's name that a file's name is made of, "" if there is none.
func Of(file string) string {
	for _, ext := range []string{".so", ".dylib", ".tbd", ".dll.a", ".lib", ".dll", ".a"} {
		if stem, ok := strings.CutSuffix(file, ext); ok {
			return strings.TrimPrefix(stem, "lib")
		}
	}
	return ""
}

// IsThin reports whether a file is an archive that holds the names of its members
// instead of their contents.
func IsThin(path string) bool {
	text, err := head(path, len(thin))
	return err == nil && string(text) == thin
}

const thin = "!<thin>"

// File is a file that a name in a value may stand for.
type File struct {
	Name string // as it is spelled
	// Paths are where it is looked for, in order. It is in at least one of them.
	Paths []string
}

// A Line is what the options of a compiler and a linker come to.
type Line struct {
	Base string   // directory where relative names begin
	Dirs []string // where libraries and scripts are looked for, in order; absolute if Base is
	// Libraries are those that options and scripts ask for.
	Libraries []Library
	Files     []File
	// Tools are directories, as they are spelt, from which a linker, the start files of
	// programs, or all libraries of a system may be taken.
	Tools []string
	// Uncovered is the first part of a value with which more is written than is
	// announced, or more is read than is found here.
	Uncovered string

	seen map[string]bool // names that were looked for
}

// NewLine returns a Line with the directories that are searched before those of options.
func NewLine(base string, dirs ...string) *Line {
	l := &Line{Base: base, seen: map[string]bool{}}
	for _, dir := range dirs {
		l.Dirs = append(l.Dirs, l.Abs(dir))
	}
	return l
}

// Abs returns the path of name, which may be relative to Base.
func (l *Line) Abs(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return l.Base + "/" + name
}

// uncovered begin pieces of values that have more written than what is announced, or
// something else looked in.
var uncovered = []string{
	"-Map", "--Map", "--out-implib", "--dependency-file", "-save-temps", "--save-temps", "--reproduce", "-info-output-file",
	"-pass-remarks-output", "--sysroot", "-isysroot",
}

// separators stand between the parts of a value. Names may have them, too.
const separators = ",= ;"

// mostParts bounds how many parts of a value a name may consist of.
const mostParts = 8

// pieces returns all that may be a name in a value: what stands between any two
// separators, or one of them and an end.
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

// Add takes in the values of options that are handed on to a linker, or name files.
func (l *Line) Add(values ...string) {
	var words []string
	for _, value := range values {
		words = append(words, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(separators, r) })...)
		words = append(words, value) // a directory's name may have such signs
	}
	l.directories(words)
	for _, value := range values {
		for _, piece := range pieces(value) {
			l.piece(piece)
		}
	}
}

func (l *Line) refuse(piece string) {
	if l.Uncovered == "" {
		l.Uncovered = piece
	}
}

// naming are options that a directory or a library follows: directly, behind a sign,
// or in the next word.
var naming = []string{"--library-path", "--library", "--rpath-link", "-rpath-link", "--sysroot", "-isysroot", "-L", "-l", "-B"}

// directories takes those to be looked in, and libraries, out of the words of all
// values: option and name may be two of them.
func (l *Line) directories(words []string) {
	for i, piece := range words {
		for _, name := range naming {
			value, ok := strings.CutPrefix(piece, name)
			if !ok {
				continue
			}
			if value = strings.TrimPrefix(value, "="); value == "" && i+1 < len(words) {
				value = words[i+1]
			}
			switch {
			case value == "":
			case name == "-B" || strings.HasSuffix(name, "sysroot"):
				if !slices.Contains(l.Tools, value) {
					l.Tools = append(l.Tools, value)
				}
			case name == "-L" || strings.HasSuffix(name, "path") || strings.HasSuffix(name, "link"):
				l.Dirs = append(l.Dirs, l.Abs(value))
			default:
				l.Libraries = append(l.Libraries, Library{"", strings.TrimPrefix(value, ":")})
			}
			break
		}
	}
}

// piece looks for what a part of a value may name: itself, and what is behind a
// letter or two, as in -Tscript.ld.
func (l *Line) piece(piece string) {
	for _, stem := range uncovered {
		if strings.HasPrefix(piece, stem) {
			l.refuse(piece)
		}
	}
	names := []string{piece}
	if strings.HasPrefix(piece, "-") && len(piece) > 2 {
		names = append(names, piece[2:])
	}
	for _, name := range names {
		if file, ok := strings.CutPrefix(name, "@"); ok {
			l.refuse(piece)
			l.options(file)
		}
		l.file(name, "")
	}
}

// options takes in those that a file has in it, which gcc, clang and ld put in the
// place of its name.
func (l *Line) options(name string) {
	key := "@" + name
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	l.file(name, "")
	if text, ok := l.text(l.Abs(name)); ok {
		l.Add(splitWords(text)...)
	}
}

// splitWords returns the words of a file of options: between white space, which quotes and
// backslashes keep (libiberty/argv.c: buildargv).
func splitWords(text []byte) (words []string) {
	var word []byte
	var quote byte
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			word, inside = append(word, text[i]), true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word = append(word, c)
		case c == '\'' || c == '"':
			quote, inside = c, true
		case c == ' ' || c >= '\t' && c <= '\r':
			if inside {
				words = append(words, string(word))
			}
			word, inside = nil, false
		default:
			word, inside = append(word, c), true
		}
	}
	if inside {
		words = append(words, string(word))
	}
	return words
}

// file notes where a name may lead: it is looked for in the directory of the script
// that has it, if any, and in those of libraries.
func (l *Line) file(name, beside string) {
	key := name + "\x00" + beside
	if l.seen[key] || name == "" || name == "." || name == ".." || strings.IndexByte(name, 0) >= 0 {
		return
	}
	l.seen[key] = true
	paths := []string{l.Abs(name)}
	if !filepath.IsAbs(name) {
		if beside != "" {
			paths = append(paths, beside+"/"+name)
		}
		for _, dir := range l.Dirs {
			paths = append(paths, dir+"/"+name)
		}
	}
	there := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || info.IsDir()
	})
	if len(there) == 0 {
		return
	}
	l.Files = append(l.Files, File{name, paths})
	for _, path := range there {
		l.Script(path)
	}
}

// mostScript is the size of the largest text that is taken for a linker's script,
// in bytes.
const mostScript = 1 << 20

// text is the content of a file, if that is text.
func (l *Line) text(path string) ([]byte, bool) {
	text, err := head(path, mostScript+1)
	return text, err == nil && len(text) <= mostScript && bytes.IndexByte(text, 0) < 0
}

// Script looks for the files that a linker's script names: by INCLUDE, INPUT, GROUP
// and others. Each of its words may be one. A library may be such a script.
func (l *Line) Script(path string) {
	key := "script " + path
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	text, ok := l.text(path)
	if !ok {
		return
	}
	words := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n()[]{},;\"'=*", r) })
	for i, word := range words {
		if word == "SEARCH_DIR" {
			l.refuse("script that names directories")
			if i+1 < len(words) {
				l.Dirs = append(l.Dirs, l.Abs(words[i+1]))
			}
		}
		if lib, ok := strings.CutPrefix(word, "-l"); ok && lib != "" {
			l.Libraries = append(l.Libraries, Library{"", strings.TrimPrefix(lib, ":")})
		}
		l.file(word, filepath.Dir(path))
		if bytes.HasPrefix(text, []byte("#!")) {
			l.behindVariable(word, filepath.Dir(path))
		}
	}
}

// behindVariable takes a word of a linker that is a program's script for a path that
// begins with a directory it has found out, mostly its own: "$(dirname $0)/../a.o".
func (l *Line) behindVariable(word, dir string) {
	if i := strings.IndexByte(word, '$'); i >= 0 {
		word = word[i:]
	} else if !strings.HasPrefix(word, "/") {
		return
	}
	_, rest, _ := strings.Cut(word, "/")
	if rest == "" {
		return
	}
	if info, err := os.Stat(filepath.Join(dir, rest)); err == nil && info.IsDir() {
		l.Dirs = append(l.Dirs, filepath.Join(dir, rest))
		return
	}
	l.file(rest, dir)
}

// head reads the beginning of a regular file: reading something else might never end.
func head(path string, most int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, os.ErrInvalid
	}
	return io.ReadAll(io.LimitReader(f, int64(most)))
}
