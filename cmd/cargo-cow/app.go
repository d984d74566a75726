package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/cmd/internal/storing"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// version is set by releases (-ldflags -X); otherwise the module's is used.
var version = ""

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "(devel)"
}

// app is what all commands share: the streams, the environment and the flags
// that every command takes.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string

	dir, store string
	screen     ui.Options
	term       *ui.Terminal // set before a command runs
}

// session begins a session where the command was started, or was told to work.
func (a *app) session() (*open.Session, error) {
	return open.New(open.Options{
		Dir: a.dir, Store: a.store, Environ: a.environ, Tool: "cargo-cow " + programVersion(),
	})
}

// sessionIn begins a session in a directory; "" is that of the command.
func (a *app) sessionIn(dir string) (*open.Session, error) {
	there := *a
	if dir != "" {
		there.dir = dir
	}
	return there.session()
}

// open finds the checkout and the store that is there already.
func (a *app) open(ctx context.Context) (*open.Project, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	return s.Open(ctx)
}

// openUnresolved is open for what needs no lockfile.
func (a *app) openUnresolved(ctx context.Context) (*open.Project, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	return s.OpenUnresolved(ctx)
}

// anyStore opens the store for commands that need no checkout.
func (a *app) anyStore(ctx context.Context) (*layers.Store, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	return s.AnyStore(ctx)
}

// storing begins a command about a store; "" is the one that serves where the command works.
func (a *app) storing(store string) (*storing.Storing, error) {
	if store != "" {
		a.store = store
	}
	s, err := a.session()
	return &storing.Storing{Session: s, Term: a.term}, err
}

// path is where a name on the command line leads.
func (a *app) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(a.dir, name)
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name // its user is told
}

// warehouse is that of the store; it need not be there.
func (a *app) warehouse(ctx context.Context) (*warehouse.Warehouse, error) {
	st, err := a.anyStore(ctx)
	if err != nil {
		return nil, err
	}
	return warehouse.In(st.Dir()), nil
}

// runChild runs a command on our streams and returns its exit code. One that cannot be
// started is told of here, as the shell would do.
func (a *app) runChild(dir string, args []string) (code int, err error) {
	cmd := spawn.Command{Args: args, Dir: dir, Environ: a.environ, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}
	code, err = cmd.Run()
	var start *spawn.StartError
	if errors.As(err, &start) {
		a.term.Error(start, "", start.Code)
		return 0, exit.Silently(start.Code)
	}
	return code, err
}
