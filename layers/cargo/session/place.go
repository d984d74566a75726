// Package session is about the state that incremental compilation leaves in a
// build directory: which checkout the directory belongs to, under which paths the
// state of each unit was made, and which of rustc's sessions are whole.
//
// It is on the way of every call of the compiler, so it imports little and reads
// only what it is asked for. What it reads may be anybody's bytes: they are checked
// as they are parsed. Values may be shared once they are made.
package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// Names in a build directory, beside what layers keep there.
const (
	dir       = ".cargo-cow"
	placeFile = dir + "/place"
	// GitDir is empty; where the origin's path hides the repository, a view shows
	// the repository here.
	GitDir = dir + "/git"
	// GitFile takes the place of the checkout's .git file in such a view.
	GitFile  = dir + "/gitfile"
	noteFile = dir + "/unavailable"
)

// header names the form of a place file.
const header = "cargo-cow place 1"

// maxPlace bounds the file: a place has one origin, or a few.
const maxPlace = 1 << 18

// ErrFormat is wrapped by what is wrong with the bytes of a place file.
var ErrFormat = errors.New("not a place file of a known form")

// Place is what a restore leaves in a build directory for the compiler's wrapper:
// where the directory is, and where it was before. All paths are absolute and
// clean.
type Place struct {
	// Root is the workspace root, its real path: rustc's working directory.
	Root string
	// Checkout is the root of the git checkout, or Root. It is Root or above it.
	Checkout string
	// Build are the texts by which the build directory is called, the one that
	// cargo uses first.
	Build []string
	// Git is the zero value where the checkout is no linked worktree.
	Git Git
	// Plain are names of crates that are always compiled where they lie; Every stands
	// for all.
	Plain []string
	// Origins are the other checkouts that units in it were built in.
	Origins []Origin
}

// Every, in the place of a crate's name, is every crate.
const Every = "*"

// InPlace reports whether a crate is always compiled where it lies.
func (p *Place) InPlace(crate string) bool {
	return slices.Contains(p.Plain, crate) || slices.Contains(p.Plain, Every)
}

// Git is a linked worktree's own directory in the repository, and the repository,
// by their real paths.
type Git struct{ Dir, Common string }

// Origin is a checkout by its workspace root, and the texts its build directory
// was called by.
type Origin struct {
	Root  string
	Build []string
}

// Write leaves p in a build directory, which may still be on its way to its final
// name, for Read to find. It replaces what was there in one step.
func (p *Place) Write(buildDir string) error {
	text, err := p.encode()
	if err != nil {
		return err
	}
	if err := p.writeGit(buildDir); err != nil {
		return err
	}
	return replace(filepath.Join(buildDir, placeFile), text)
}

// writeGit prepares what a view over an origin needs that holds the repository.
func (p *Place) writeGit(buildDir string) error {
	mount, file := filepath.Join(buildDir, GitDir), filepath.Join(buildDir, GitFile)
	rel, ok := Under(p.Git.Dir, p.Git.Common)
	if !ok || rel == "" {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(mount, 0o777); err != nil {
		return err
	}
	return replace(file, "gitdir: "+p.Build[0]+"/"+GitDir+"/"+rel+"\n")
}

func (p *Place) encode() (string, error) {
	var b strings.Builder
	b.WriteString(header + "\n")
	line := func(key string, values ...string) { b.WriteString(words.Line(key, values...)) }
	checkout := p.Checkout
	if checkout == "" {
		checkout = p.Root
	}
	line("root", p.Root)
	line("checkout", checkout)
	for _, text := range p.Build {
		line("build", text)
	}
	if p.Git != (Git{}) {
		line("git", p.Git.Dir, p.Git.Common)
	}
	for _, crate := range p.Plain {
		line("plain", crate)
	}
	for _, o := range p.Origins {
		line("origin", o.Root)
		for _, text := range o.Build {
			line("made", text)
		}
	}
	if _, err := parse(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Read reads what a restore left in a build directory. The error is
// fs.ErrNotExist where none did, and wraps ErrFormat where the file is of another
// form.
func Read(buildDir string) (*Place, error) {
	f, err := os.Open(filepath.Join(buildDir, placeFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPlace {
		return nil, &formatError{"its size", f.Name()}
	}
	text := make([]byte, info.Size())
	if n, err := f.Read(text); err != nil && info.Size() > 0 || n < len(text) {
		return nil, &formatError{"its length", f.Name()}
	}
	return parse(string(text))
}

type formatError struct{ what, where string }

func (e *formatError) Error() string {
	return "read place: " + ErrFormat.Error() + ": " + e.what + ": " + strconv.Quote(e.where)
}

func (e *formatError) Unwrap() error { return ErrFormat }

func parse(text string) (*Place, error) {
	rest, ok := strings.CutPrefix(text, header+"\n")
	if !ok {
		return nil, &formatError{"first line", text[:min(len(text), 40)]}
	}
	if !strings.HasSuffix(text, "\n") {
		return nil, &formatError{"last line", rest[strings.LastIndexByte(rest, '\n')+1:]}
	}
	p := &Place{}
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		if !p.take(line) {
			return nil, &formatError{"line", line}
		}
	}
	if p.Root == "" || len(p.Build) == 0 {
		return nil, &formatError{"no root or build directory", ""}
	}
	if p.Checkout == "" {
		p.Checkout = p.Root
	}
	if _, ok := Under(p.Root, p.Checkout); !ok {
		return nil, &formatError{"root outside of", p.Checkout}
	}
	return p, nil
}

// take reads one line and reports whether it means something.
func (p *Place) take(line string) bool {
	key, rest, _ := strings.Cut(line, " ")
	values, ok := words.Split(rest)
	if !ok || len(values) == 0 || len(values) > 1 && key != "git" {
		return false
	}
	v := values[0]
	if key == "plain" {
		p.Plain = append(p.Plain, v)
		return v != ""
	}
	for _, v := range values {
		if !isClean(v) {
			return false
		}
	}
	switch key {
	case "root":
		ok, p.Root = p.Root == "", v
	case "checkout":
		ok, p.Checkout = p.Checkout == "", v
	case "build":
		p.Build = append(p.Build, v)
	case "git":
		if ok = len(values) == 2 && p.Git == (Git{}); ok {
			p.Git = Git{values[0], values[1]}
		}
	case "origin":
		p.Origins = append(p.Origins, Origin{Root: v})
	case "made":
		if ok = len(p.Origins) > 0; ok {
			o := &p.Origins[len(p.Origins)-1]
			o.Build = append(o.Build, v)
		}
	default:
		ok = false
	}
	return ok
}

// isClean reports whether path is absolute and written in the one way that
// comparisons of text need.
func isClean(path string) bool {
	return filepath.IsAbs(path) && path != "/" && filepath.Clean(path) == path && strings.IndexByte(path, 0) < 0 && strings.IndexByte(path, '\n') < 0
}

// Under returns path relative to dir, "" for dir itself. Both are clean.
func Under(path, dir string) (rel string, ok bool) {
	if dir == "" || !strings.HasPrefix(path, dir) {
		return "", false
	}
	if len(path) == len(dir) {
		return "", true
	}
	if path[len(dir)] != '/' {
		return "", false
	}
	return path[len(dir)+1:], true
}

// At returns the origin whose build directory was called so.
func (p *Place) At(build string) (*Origin, bool) {
	for i := range p.Origins {
		for _, text := range p.Origins[i].Build {
			if text == build {
				return &p.Origins[i], true
			}
		}
	}
	return nil, false
}

// Remember leaves a note in the build directory why the compiler could not be run
// where state was made, for whoever asks for it; "" takes the note away. It is
// advice: nothing is decided by it, and what goes wrong is passed over.
func Remember(buildDir, why string) {
	path := filepath.Join(buildDir, noteFile)
	if why == "" {
		os.Remove(path)
		return
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != why+"\n" {
		replace(path, why+"\n")
	}
}

// Remembered returns that note.
func Remembered(buildDir string) string {
	text, _ := os.ReadFile(filepath.Join(buildDir, noteFile))
	return strings.TrimSuffix(string(text), "\n")
}

// replace gives a file new content in one step, so that a reader finds the old or
// the new one. It does not wait for the disk.
func replace(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	tmp := path + "." + strconv.Itoa(os.Getpid())
	err := os.WriteFile(tmp, []byte(text), 0o666)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// Forget removes what Write left: state that was made elsewhere is then not taken
// up.
func Forget(buildDir string) { os.Remove(filepath.Join(buildDir, placeFile)) }
