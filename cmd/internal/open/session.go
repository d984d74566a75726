// Package open puts the parts together: it reads the environment and the
// configuration, finds the checkout, the store and the driver, and hands them to
// the commands. It is the only place that names drivers.
//
// What a user may decide is taken from the first that says it: the flag, the
// environment (CARGO_COW_...), the project's .cargo-cow.yaml, the user's
// config.yaml. A project file never decides where things are kept or what is run.
//
// A Session serves one run of one command and is not safe for concurrent use.
//
// Files build on each other in this order: session and config; checkout; memory, what a
// repository remembers; find, which store serves; driver; store, which is opened or made;
// project, a checkout with its store.
package open

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// Options come from the command line.
type Options struct {
	Dir     string // work as if started there; "" is the current directory
	Store   string // "" is for the session to find
	Environ []string
	Tool    string // this program and its version, for manifests
	// MayCopy: a store on another file system than the build directory does as well, as
	// nothing is restored: what is sealed into it is copied.
	MayCopy bool
}

// Session is one command's view of the world.
type Session struct {
	opts     Options
	environ  environ.Environ
	checkout *layers.Checkout
	config   *Config // set with checkout
	user     *Config
	driver   driver.Driver
	rootOnly bool // set by CheckKnown
}

// New begins a session. It fails if the directory is not there or a switch in
// the environment makes no sense.
func New(o Options) (*Session, error) {
	// Abs goes by $PWD, so that a checkout reached through a symlink is known by
	// that name too.
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find directory %s: %w", o.Dir, err)
	}
	fi, err := os.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = errors.New("not a directory")
	}
	if err != nil {
		return nil, fmt.Errorf("work in %s: %w", dir, withoutPath(err))
	}
	o.Dir = dir
	s := &Session{opts: o, environ: append(git.Environ(o.Environ), "PWD="+dir)}
	if spec := s.environ.Get("CARGO_COW_CRASHPOINT"); spec != "" {
		if err := layers.ArmCrashpoint(spec); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// withoutPath drops the operation and path that the caller's message names already.
func withoutPath(err error) error {
	if pe := (*os.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Dir is the directory the session works in.
func (s *Session) Dir() string { return s.opts.Dir }

// userDirs are this program's directories among those of the user.
func (s *Session) userDirs() locate.User { return locate.UserOf(s.environ.Get) }
