// Package handoff is what a restore leaves in a build directory for the wrapper of
// rustc, which runs later: where the directory is and where it was before, and, in the
// .d file of each unit, where the unit's incremental state was made. The wrapper leaves
// word in turn why it could not use that state.
//
// The package is on the way of every call of the compiler, so it imports little and
// reads only what it is asked for. What it reads may be anybody's bytes: they are checked
// as they are parsed. Values may be shared once they are made.
package handoff

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Names in a build directory.
const (
	// GitDir is an empty directory. If a view hides the repository behind the origin's
	// path, it shows the repository here.
	GitDir = paths.TreeGit
	// GitFile is shown instead of the checkout's .git file in such a view.
	GitFile = paths.TreeGitFile
)

// header names the form of the file.
const header = "cargo-cow place 1"

// maxSize bounds the file: there is one origin, or a few.
const maxSize = 1 << 18

// ErrFormat says that the file has another form than Write gives it.
var ErrFormat = errors.New("not a place file of a known form")

// Handoff says where a build directory is, and where it was before. All paths are
// absolute and clean.
type Handoff struct {
	// Root is the workspace root, its real path: rustc's working directory.
	Root string
	// Checkout is the root of the git checkout, or Root. It is Root or above it.
	Checkout string
	// Build are the texts by which the build directory is called; the first one is
	// cargo's.
	Build []string
	// Git is the zero value where the checkout is no linked worktree.
	Git Git
	// InPlaceCrates are names of crates that are always compiled where they lie;
	// EveryCrate stands for all.
	InPlaceCrates []string
	// Origins are the other checkouts that units in it were built in.
	Origins []Origin
}

// EveryCrate, in the place of a crate's name, is every crate.
const EveryCrate = "*"

// InPlace reports whether a crate is always compiled where it lies.
func (h *Handoff) InPlace(crate string) bool {
	return slices.Contains(h.InPlaceCrates, crate) || slices.Contains(h.InPlaceCrates, EveryCrate)
}

// Git is where a linked worktree has its git files, by real paths.
type Git struct {
	Dir    string // its own, in the repository
	Common string // the repository
}

// Origin is a checkout that units were built in.
type Origin struct {
	Root  string   // its workspace root
	Build []string // the texts by which its build directory was called
}

// Write leaves h in a build directory for Read to find, and replaces what was there in
// one step. buildDir need not have its final name yet.
func (h *Handoff) Write(buildDir string) error {
	text, err := h.encode()
	if err != nil {
		return err
	}
	if err := h.writeGit(buildDir); err != nil {
		return err
	}
	return replace(filepath.Join(buildDir, paths.TreeHandoff), text)
}

// writeGit prepares what a view over an origin needs that holds the repository.
func (h *Handoff) writeGit(buildDir string) error {
	mount, file := filepath.Join(buildDir, GitDir), filepath.Join(buildDir, GitFile)
	rel, ok := paths.Under(h.Git.Dir, h.Git.Common)
	if !ok || rel == "" {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	for _, dir := range []string{filepath.Dir(mount), mount} {
		if err := atomicfile.MakeDir(dir); err != nil {
			return err
		}
	}
	return replace(file, "gitdir: "+h.Build[0]+"/"+GitDir+"/"+rel+"\n")
}

func (h *Handoff) encode() (string, error) {
	var b strings.Builder
	b.WriteString(header + "\n")
	line := func(key string, values ...string) { b.WriteString(words.Line(key, values...)) }
	checkout := h.Checkout
	if checkout == "" {
		checkout = h.Root
	}
	line("root", h.Root)
	line("checkout", checkout)
	for _, text := range h.Build {
		line("build", text)
	}
	if h.Git != (Git{}) {
		line("git", h.Git.Dir, h.Git.Common)
	}
	for _, crate := range h.InPlaceCrates {
		line("plain", crate)
	}
	for _, o := range h.Origins {
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

// Read reads what Write left in a build directory. The error matches fs.ErrNotExist if
// there is nothing, and ErrFormat if the file has another form.
func Read(buildDir string) (*Handoff, error) {
	f, err := os.Open(filepath.Join(buildDir, paths.TreeHandoff))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSize {
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

func parse(text string) (*Handoff, error) {
	rest, ok := strings.CutPrefix(text, header+"\n")
	if !ok {
		return nil, &formatError{"first line", text[:min(len(text), 40)]}
	}
	if !strings.HasSuffix(text, "\n") {
		return nil, &formatError{"last line", rest[strings.LastIndexByte(rest, '\n')+1:]}
	}
	h := &Handoff{}
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		if !h.take(line) {
			return nil, &formatError{"line", line}
		}
	}
	if h.Root == "" || len(h.Build) == 0 {
		return nil, &formatError{"no root or build directory", ""}
	}
	if h.Checkout == "" {
		h.Checkout = h.Root
	}
	if _, ok := paths.Under(h.Root, h.Checkout); !ok {
		return nil, &formatError{"root outside of", h.Checkout}
	}
	return h, nil
}

// take reads one line into h, and reports whether it has a known form.
func (h *Handoff) take(line string) bool {
	key, rest, _ := strings.Cut(line, " ")
	values, ok := words.Split(rest)
	if !ok || len(values) == 0 || len(values) > 1 && key != "git" {
		return false
	}
	v := values[0]
	if key == "plain" {
		h.InPlaceCrates = append(h.InPlaceCrates, v)
		return v != ""
	}
	for _, v := range values {
		if !paths.IsClean(v) {
			return false
		}
	}
	switch key {
	case "root":
		ok, h.Root = h.Root == "", v
	case "checkout":
		ok, h.Checkout = h.Checkout == "", v
	case "build":
		h.Build = append(h.Build, v)
	case "git":
		if ok = len(values) == 2 && h.Git == (Git{}); ok {
			h.Git = Git{values[0], values[1]}
		}
	case "origin":
		h.Origins = append(h.Origins, Origin{Root: v})
	case "made":
		if ok = len(h.Origins) > 0; ok {
			o := &h.Origins[len(h.Origins)-1]
			o.Build = append(o.Build, v)
		}
	default:
		ok = false
	}
	return ok
}

// OriginAt returns the origin whose build directory was called so.
func (h *Handoff) OriginAt(build string) (*Origin, bool) {
	for i := range h.Origins {
		for _, text := range h.Origins[i].Build {
			if text == build {
				return &h.Origins[i], true
			}
		}
	}
	return nil, false
}

// SetUnavailable notes in the build directory why the compiler could not be run at the
// path where state was made, for status to tell; "" takes the note away. It is advice:
// nothing is decided by it, and what goes wrong is passed over.
func SetUnavailable(buildDir, why string) {
	path := filepath.Join(buildDir, paths.TreeUnavailable)
	if why == "" {
		os.Remove(path)
		return
	}
	if old, err := regular.Read(path); err != nil || string(old) != why+"\n" {
		_ = replace(path, why+"\n")
	}
}

// Unavailable returns the note of SetUnavailable, "" if there is none.
func Unavailable(buildDir string) string {
	text, _ := regular.Read(filepath.Join(buildDir, paths.TreeUnavailable))
	return strings.TrimSuffix(string(text), "\n")
}

// replace gives a file in a build directory, which may have none of ours yet, a new
// text.
func replace(path, text string) error {
	if err := atomicfile.MakeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return atomicfile.Replace(path, []byte(text))
}

// Forget removes what Write left: then no incremental state is used that was made
// elsewhere.
func Forget(buildDir string) { os.Remove(filepath.Join(buildDir, paths.TreeHandoff)) }
