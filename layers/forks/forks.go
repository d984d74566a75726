// Package forks keeps which working trees of a repository were made by fork: a note of
// each in the directory that all working trees share, and a mark in the working tree's own
// git directory, by which it is known wherever it is moved to.
//
// The note is written before anything is made, and goes after everything has gone. So
// whatever a process that was killed has left is named by a note, and can be taken away. A
// note whose maker is still at work is locked by it, and by the git processes it has
// started: see Claim.File.
//
// Who chooses names, or removes, holds the lock of all forks (Lock). All else may be done by
// any number of goroutines and processes at once.
package forks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

var (
	pointClaimed = crashpoint.New("fork.claimed")
	pointAdded   = crashpoint.New("fork.added")
	pointMarked  = crashpoint.New("fork.marked")
	pointFilled  = crashpoint.New("fork.filled")
	pointDone    = crashpoint.New("fork.done")
	pointCleared = crashpoint.New("unfork.cleared")
	pointTaken   = crashpoint.New("unfork.taken")
	pointPruned  = crashpoint.New("unfork.branch")
)

// Branches is what the names of all branches of forks begin with: no note can have another
// one removed.
const Branches = "refs/heads/fork/"

// ErrHeld: somebody is making the fork, or removing it.
var ErrHeld = errors.New("it is being made or removed")

// Fork is what is noted of one.
type Fork struct {
	Name   string    `json:"name"`
	Path   string    `json:"path"`             // where it was made
	Branch string    `json:"branch,omitempty"` // below Branches; "" where it was made without
	Base   string    `json:"base"`             // the commit it was made from
	Made   time.Time `json:"made"`
}

// valid reports whether a note can be what Claim has written.
func (f *Fork) valid() bool {
	return CheckName(f.Name) == nil && filepath.IsAbs(f.Path) && f.Base != "" && !strings.HasPrefix(f.Base, "-") &&
		(f.Branch == "" || strings.HasPrefix(f.Branch, Branches))
}

// CheckName tells why a name cannot be that of a fork: it is that of a directory.
func CheckName(name string) error {
	switch {
	case name == "" || len(name) > 200:
		return errors.New("it is empty, or too long")
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-"):
		return fmt.Errorf("%q begins with a dot or a dash", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f }):
		return fmt.Errorf("%q has a slash or a control character in it", name)
	}
	return nil
}

// Forks are those of one repository, named by the directory that its working trees share.
type Forks struct{ common string }

// In are the forks of a repository.
func In(common string) Forks { return Forks{common} }

func (r Forks) dir() string { return filepath.Join(r.common, paths.RepositoryForks) }

func (r Forks) note(name string) string { return filepath.Join(r.dir(), name+paths.JSONSuffix) }

// Lock waits until nobody else chooses names or removes forks; blocked, if not nil, is
// called where that takes time.
func (r Forks) Lock(ctx context.Context, blocked func()) (unlock func() error, err error) {
	path := filepath.Join(r.common, paths.RepositoryForked)
	if err = os.MkdirAll(filepath.Dir(path), 0o777); err == nil {
		unlock, err = flock.Lock(ctx, path, flock.Exclusive, blocked)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the forks of %s: %w", r.common, err)
	}
	// Notes are written under the lock alone: what is half written is of one who was killed.
	names, _ := ls.Names(r.dir())
	for _, name := range names {
		if strings.HasPrefix(name, paths.TempPrefix) {
			_ = os.Remove(filepath.Join(r.dir(), name))
		}
	}
	return unlock, nil
}

// List returns all forks by their names, also such as are being made or have gone. A note
// that cannot be read is none.
func (r Forks) List() ([]Fork, error) {
	names, err := ls.Names(r.dir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list forks: %w", err)
	}
	var all []Fork
	for _, file := range names {
		name, ok := strings.CutSuffix(file, paths.JSONSuffix)
		if !ok {
			continue
		}
		text, err := regular.Read(r.note(name))
		if err != nil {
			continue
		}
		if f, ok := parse(text); ok && f.Name == name {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b Fork) int { return compareNames(a.Name, b.Name) })
	return all, nil
}

// compareNames has names that differ in their numbers only in the order of these.
func compareNames(a, b string) int {
	if stem := strings.TrimRight(a, "0123456789"); stem == strings.TrimRight(b, "0123456789") && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func parse(text []byte) (f Fork, ok bool) {
	err := json.Unmarshal(text, &f)
	return f, err == nil && f.valid()
}

// A Claim is the right to make or to remove a fork. It ends with the process and those
// that hold its file.
type Claim struct {
	Fork
	forks Forks
	file  *os.File
}

// File is open while the claim is held: who has it open holds the claim as well.
func (c *Claim) File() *os.File { return c.file }

// Taken reports whether a name is that of a fork.
func (r Forks) Taken(name string) bool {
	_, err := os.Lstat(r.note(name))
	return err == nil
}

// Claim notes a fork that is to be made. The caller holds the Lock, and the name is not
// Taken.
func (r Forks) Claim(f Fork) (*Claim, error) {
	failed := func(err error) (*Claim, error) { return nil, fmt.Errorf("note fork %s: %w", f.Name, err) }
	if !f.valid() {
		return failed(errors.New("it cannot be written down"))
	}
	text, err := json.Marshal(f)
	if err == nil {
		err = os.MkdirAll(r.dir(), 0o777)
	}
	if err == nil {
		err = atomicfile.Write(r.note(f.Name), append(text, '\n'), 0o666)
	}
	if err != nil {
		return failed(err)
	}
	c, err := r.Take(f)
	if err == nil {
		err = pointClaimed.Hit()
	}
	if err != nil {
		return failed(errors.Join(err, os.Remove(r.note(f.Name))))
	}
	return c, nil
}

// Take claims a fork that there is, or fails with ErrHeld. The caller holds the Lock.
func (r Forks) Take(f Fork) (*Claim, error) {
	file, err := os.Open(r.note(f.Name))
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EINTR {
			break
		}
	}
	if err == unix.EWOULDBLOCK {
		err = ErrHeld
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Claim{f, r, file}, nil
}

// Release ends the claim; the fork stays.
func (c *Claim) Release() error { return c.file.Close() }

// Done says that all of the fork is made.
func (c *Claim) Done() error { return pointDone.Hit() }

// Forget removes the note: nothing of the fork is there any more.
func (c *Claim) Forget() error {
	err := pointPruned.Hit()
	if err == nil {
		err = os.Remove(c.forks.note(c.Name))
	}
	return errors.Join(err, c.Release())
}

// Cleared and Removed say that the build directories, and the working tree, have gone.
func (c *Claim) Cleared() error { return pointCleared.Hit() }

// Removed is said after Cleared.
func (c *Claim) Removed() error { return pointTaken.Hit() }

// whole is the second line of a mark: what was to be checked out is.
const whole = "whole"

// Mark marks a working tree that git has just added, by its git directory.
func (c *Claim) Mark(gitDir string) error {
	err := pointAdded.Hit()
	if err == nil {
		err = c.mark(gitDir, c.Name+"\n")
	}
	return errors.Join(err, pointMarked.Hit())
}

// MarkWhole notes that all is checked out in it.
func (c *Claim) MarkWhole(gitDir string) error {
	if err := c.mark(gitDir, c.Name+"\n"+whole+"\n"); err != nil {
		return err
	}
	return pointFilled.Hit()
}

func (c *Claim) mark(gitDir, text string) error {
	path := filepath.Join(gitDir, paths.WorktreeFork)
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil {
		err = atomicfile.Write(path, []byte(text), 0o666)
	}
	if err != nil {
		return fmt.Errorf("mark fork %s: %w", c.Name, err)
	}
	return nil
}

// Marked returns the name of the fork that a working tree is, by its git directory, and
// whether all was checked out in it; "" where it is none.
func Marked(gitDir string) (name string, isWhole bool) {
	text, err := regular.Read(filepath.Join(gitDir, paths.WorktreeFork))
	if err != nil {
		return "", false
	}
	return parseMark(string(text))
}

func parseMark(text string) (name string, isWhole bool) {
	name, rest, ended := strings.Cut(text, "\n")
	if !ended || CheckName(name) != nil {
		return "", false
	}
	return name, rest == whole+"\n"
}

// IsUnmade reports whether git has added nothing but its own file to a working tree, given
// its top.
func IsUnmade(root string) bool {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	return err == nil && len(entries) == 1 && entries[0].Name() == ".git"
}
