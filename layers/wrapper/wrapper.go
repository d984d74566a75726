// Package wrapper switches our wrapper of rustc on and off in Cargo's
// configuration, and tells whether Cargo goes by it. A wrapper that is configured
// already is run by ours from then on (package chain), and is what it was when
// ours is switched off.
//
// Neither makes a unit dirty: Cargo hashes the compiler's version and the path of
// a wrapper of workspace members, but not that of a wrapper (cargo 1.95,
// core/compiler/build_runner/compilation_files.rs: compute_metadata, and
// util/rustc.rs, where it only decides whether answers of rustc are asked anew).
//
// A file changes in one step. Two programs that change one file at once may undo
// each other's change, but never mix.
package wrapper

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// ErrNoHome: a wrapper is to be chained, and there is no directory for links.
var ErrNoHome = errors.New("neither XDG_DATA_HOME nor HOME is set")

// WriteError is a file that could not be changed to have Value, the text of a
// TOML string; "" stands for no value.
type WriteError struct {
	File, Value string
	Err         error
}

func (e *WriteError) Error() string { return e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// Level is which of Cargo's configuration files is meant.
type Level int

const (
	User    Level = iota // in Cargo's home
	Project              // in the root of the workspace
)

// Setup is where things are. All paths are absolute.
type Setup struct {
	Dir       string // where Cargo is run
	CargoHome string
	Workspace string // its root; "" if Dir is in none
	BuildDir  string // of the workspace
	Links     string // directory for links of package chain; "" if there is none
	Environ   []string

	NoWorkspace error // why Workspace is ""
}

// NoteStore tells the wrapper of a store that the user chose, and that it would not
// find by itself.
func (s *Setup) NoteStore(store string) error {
	if s.Links == "" {
		return fmt.Errorf("note the store: %w", ErrNoHome)
	}
	path := locate.ChosenFile(filepath.Dir(s.Links))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("note the store: %w", err)
	}
	return atomicfile.Write(path, []byte(store+"\n"), 0o600)
}

// Setting is a file or variable that names a wrapper.
type Setting struct {
	config.Setting
	Ours bool
	// Next is what ours runs around the compiler, "" if nothing.
	Next string
	// Missing: there is no such program, and no build can run.
	Missing bool
}

// File returns the configuration file of a level, which need not exist. Outside of
// any project there is none of the project's, and the error is s.NoWorkspace.
func (s *Setup) File(l Level) (string, error) {
	if l == User {
		return config.FileIn(s.CargoHome), nil
	}
	if s.Workspace == "" {
		return "", fmt.Errorf("find configuration of the project: %w", s.NoWorkspace)
	}
	return config.FileIn(filepath.Join(s.Workspace, ".cargo")), nil
}

// Compiler is what cargo would run as rustc, and what it runs around it for members
// of the workspace, "" for nothing: programs, or names to look up in PATH.
func (s *Setup) Compiler() (rustc, workspaceWrapper string, err error) {
	cfg, err := config.Load(s.Dir, s.CargoHome, s.Environ)
	if err != nil {
		return "", "", fmt.Errorf("find the compiler: %w", err)
	}
	return cmp.Or(cfg.Rustc, "rustc"), cfg.RustcWorkspaceWrapper, nil
}

// Failure is why the wrapper could last not do its work in the build directory,
// and handed calls on; "" if it could, or was not called for.
func (s *Setup) Failure() string {
	if s.BuildDir == "" {
		return ""
	}
	return handoff.Unavailable(s.BuildDir)
}

// Settings lists all files and variables that name a wrapper for builds in s.Dir: the one
// that Cargo goes by first, then those that it hides.
func (s *Setup) Settings() ([]Setting, error) { return s.settings(s.Dir) }

func (s *Setup) settings(dir string) ([]Setting, error) {
	found, err := config.Wrappers(dir, s.CargoHome, s.Environ)
	if err != nil {
		return nil, err
	}
	var all []Setting
	for _, f := range found {
		set := Setting{Setting: f, Ours: ours(f.Value)}
		if set.Ours {
			set.Next = chain.Next(f.Value)
			set.Missing = missing(f.Value)
		}
		all = append(all, set)
	}
	return all, nil
}

// ours goes by the name: the program may have been moved since.
func ours(value string) bool { return filepath.Base(value) == Program }

func missing(program string) bool {
	fi, err := os.Stat(program)
	return strings.Contains(program, "/") && (err != nil || fi.IsDir() || fi.Mode()&0o111 == 0)
}

// Change is what is to become of a file, and after Apply what has become of it.
type Change struct {
	File  string
	Value string // of the key now; "" if there is none
	// Next is the wrapper that ours runs, or that is there in place of ours again.
	Next string
	// Changed is false if all was so before.
	Changed bool
	// Forgotten: the note of what was there before ours is gone.
	Forgotten bool
	// Link is the directory of the link that Value is in, "" if it is in none.
	Link string
	// Made: the file was not there before.
	Made bool

	former, text []byte // of the file
	literal      string // of Value in it
	mode         fs.FileMode
	note         chain.Link
	program      string
}

// Enable makes program, an absolute path, the wrapper at a level, and has it run
// what was one there before. For the project's level that includes what Cargo
// would go by if the project's file said nothing.
func (s *Setup) Enable(l Level, program string) (*Change, error) {
	c, err := s.PlanEnable(l, program)
	if err != nil {
		return nil, err
	}
	return c, c.Apply()
}

// PlanEnable is what Enable would do. It writes nothing.
func (s *Setup) PlanEnable(l Level, program string) (*Change, error) {
	c, now, err := s.look(l)
	if err != nil {
		return nil, err
	}
	if c.note, err = s.link(l, c.File, now); err != nil {
		return nil, err
	}
	c.Value, c.Next, c.program = program, c.note.Next, program
	if c.note != (chain.Link{}) {
		if s.Links == "" {
			return nil, fmt.Errorf("chain %s: %w", c.note.Next, ErrNoHome)
		}
		c.Link = linkDir(c.note, s.Links)
		c.Value = filepath.Join(c.Link, Program)
	}
	if now != nil && now.Value == c.Value {
		return c, nil
	}
	c.Changed = true
	literal, err := config.Literal(c.Value)
	if err != nil {
		return nil, err
	}
	return c, c.say(literal)
}

// Apply does what was planned. On an error, only a link may have been made, which Undo
// leaves as well: any number of files may name it.
func (c *Change) Apply() error {
	if c.Link != "" {
		if _, err := MakeLink(c.note, filepath.Dir(c.Link), c.program); err != nil {
			return err
		}
	}
	if !c.Changed {
		return nil
	}
	return c.failed(replace(c.File, c.text))
}

// Undo gives the file the text that it had before Apply, unless somebody else has given it
// another one meanwhile: that is an error.
func (c *Change) Undo() error {
	now, err := os.ReadFile(c.File)
	switch {
	case !c.Changed || bytes.Equal(now, c.former):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return c.failed(err)
	case !bytes.Equal(now, c.text):
		return c.failed(errors.New("it was changed meanwhile"))
	}
	if err = replace(c.File, c.former); err == nil && !c.Made {
		err = c.KeepEmpty()
	}
	return c.failed(err)
}

// WasEmpty reports whether the file was there, and nothing in it.
func (c *Change) WasEmpty() bool { return !c.Made && len(c.former) == 0 }

// Removes reports whether the file is to go, since nothing would be in it.
func (c *Change) Removes() bool {
	fi, err := os.Lstat(c.File)
	return c.Changed && len(c.text) == 0 && err == nil && fi.Mode().IsRegular()
}

// KeepEmpty makes a file again, empty, that was removed since nothing would be in it.
func (c *Change) KeepEmpty() error {
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Write(c.File, nil, c.mode)
}

// look finds the file of a level, and what it says itself.
func (s *Setup) look(l Level) (*Change, *config.BuildValue, error) {
	file, err := s.File(l)
	if err != nil {
		return nil, nil, err
	}
	c := &Change{File: file}
	c.former, err = os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read cargo configuration: %w", err)
	}
	c.Made = err != nil
	if fi, err := os.Stat(file); err == nil {
		c.mode = fi.Mode().Perm()
	}
	now, err := config.GetBuild(c.former, config.WrapperKey)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, now, nil
}

// say finds the text with which the file says literal, or nothing if that is "".
func (c *Change) say(literal string) (err error) {
	c.literal = literal
	if literal == "" {
		c.text, err = config.UnsetBuild(c.former, config.WrapperKey)
	} else {
		c.text, err = config.SetBuild(c.former, config.WrapperKey, literal)
	}
	return c.failed(err)
}

func (c *Change) failed(err error) error {
	if err == nil {
		return nil
	}
	return &WriteError{File: c.File, Value: c.literal, Err: fmt.Errorf("change %s: %w", c.File, err)}
}

// link is what the wrapper is to remember once file names it; now is what file says so
// far.
func (s *Setup) link(l Level, file string, now *config.BuildValue) (chain.Link, error) {
	if now != nil && ours(now.Value) {
		link, err := chain.Read(now.Value)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return chain.Link{}, err
		}
		return link, nil
	}
	dir := "/" // whatever project it is
	if l == Project {
		dir = s.Workspace
	}
	all, err := s.settings(dir)
	if err != nil {
		return chain.Link{}, err
	}
	var link chain.Link
	if now != nil {
		link.Former = now.Literal
	}
	for _, set := range all {
		if set.Variable != "" || l == User && set.File != file {
			continue
		}
		if link.Next = set.Value; set.Ours {
			link.Next = set.Next
		}
		break
	}
	return link, nil
}

// Disable takes our wrapper out of a level's file, and puts back what it was
// enabled over.
func (s *Setup) Disable(l Level) (*Change, error) {
	c, err := s.PlanDisable(l)
	if err != nil {
		return nil, err
	}
	return c, c.Apply()
}

// PlanDisable is what Disable would do. It writes nothing.
func (s *Setup) PlanDisable(l Level) (*Change, error) {
	c, now, err := s.look(l)
	if err != nil {
		return nil, err
	}
	if now == nil || !ours(now.Value) {
		if now != nil {
			c.Value, c.Next = now.Value, now.Value
		}
		return c, nil
	}
	link, err := chain.Read(now.Value)
	c.Changed, c.Forgotten = true, err != nil && s.isLink(now.Value)
	if link.Former != "" {
		c.Value, c.Next = link.Next, link.Next
	}
	return c, c.say(link.Former)
}

// isLink goes by where the wrapper lies.
func (s *Setup) isLink(program string) bool {
	rel, err := filepath.Rel(s.Links, program)
	return s.Links != "" && err == nil && filepath.IsLocal(rel)
}

// replace gives a file a new text. What a symlink leads to is replaced, not the
// symlink; permissions and, for root, the owner stay. A file with nothing in it is
// removed.
func replace(file string, text []byte) error {
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil {
			return errors.New("it is a symlink to nothing")
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		return atomicfile.Write(file, text, 0o644)
	}
	if err != nil {
		return err
	}
	fi, err := os.Stat(real)
	if err != nil {
		return err
	}
	if link, err := os.Lstat(file); err == nil && len(text) == 0 && link.Mode().IsRegular() {
		return os.Remove(file)
	}
	if err := atomicfile.Write(real, text, fi.Mode().Perm()); err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 && int(st.Uid) != 0 {
		return os.Chown(real, int(st.Uid), int(st.Gid))
	}
	return nil
}
