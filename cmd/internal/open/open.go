// Package open puts the parts together: it reads the environment and the
// configuration, finds the checkout, the store and the driver, and hands them to
// the commands. It is the only place that names drivers.
//
// What a user may decide is taken from the first that says it: the flag, the
// environment (CARGO_COW_...), the project's .cargo-cow.yaml, the user's
// config.yaml. A project file never decides where things are kept or what is run.
//
// A Session serves one run of one command and is not safe for concurrent use.
package open

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// Options come from the command line.
type Options struct {
	Dir     string // work as if started there; "" is the current directory
	Store   string // "" is for the session to find
	Environ []string
	Tool    string // this program and its version, for manifests
}

// Session is one command's view of the world.
type Session struct {
	opts    Options
	environ environ
	place   *layers.Place
	config  *Config // set with place
	user    *Config
	driver  driver.Driver
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
		return nil, fmt.Errorf("work in %s: %w", dir, bare(err))
	}
	o.Dir = dir
	s := &Session{opts: o, environ: append(git.Environ(o.Environ), "PWD="+dir)}
	if spec := s.environ.get("CARGO_COW_CRASHPOINT"); spec != "" {
		if err := layers.ArmCrashpoint(spec); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// bare drops the operation and path that the caller's message names already.
func bare(err error) error {
	if pe := (*os.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

type environ []string

// get returns the last value of a variable, as a process would see it.
func (e environ) get(name string) string {
	value := ""
	for _, kv := range e {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

// Dir is the directory the session works in.
func (s *Session) Dir() string { return s.opts.Dir }

// Place asks cargo and git about the checkout, once. Its Git is nil where there
// is no checkout of git, or no git. The error wraps cargo.ErrNoLockfile where there
// is no lockfile.
func (s *Session) Place(ctx context.Context) (*layers.Place, error) {
	p, err := s.Unresolved(ctx)
	if err == nil && p.Fingerprint == nil {
		err = fmt.Errorf("fingerprint %s: %w", p.Workspace.Root, cargo.ErrNoLockfile)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Unresolved is Place for what does not ask for the dependencies: where there is no
// lockfile, they have no fingerprint, and it is nil.
func (s *Session) Unresolved(ctx context.Context) (*layers.Place, error) {
	if s.place != nil {
		return s.place, nil
	}
	tool := s.cargo()
	// Both start processes, and need nothing of each other.
	var (
		survey   *cargo.Survey
		repo     *git.Checkout
		failures [2]error
		wg       sync.WaitGroup
	)
	wg.Go(func() { survey, failures[0] = tool.Survey(ctx) })
	wg.Go(func() { repo, failures[1] = s.repository(ctx, s.opts.Dir) })
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	ws := survey.Workspace
	conf, err := s.Config(ws.Root)
	if err != nil {
		return nil, err
	}
	settings := conf.Settings
	if settings.Rules, err = testRules(s.environ); err != nil {
		return nil, err
	}
	if ws.Root != s.opts.Dir {
		if repo, err = s.repository(ctx, ws.Root); err != nil {
			return nil, err
		}
	}
	fp, err := ws.Fingerprint(tool, survey.Toolchain, survey.Config, settings.Rules)
	if err != nil && !errors.Is(err, cargo.ErrNoLockfile) {
		return nil, err
	}
	s.place = &layers.Place{Tool: tool, Workspace: ws, Git: repo, Fingerprint: fp, Env: canonicalEnv(survey.Config.Env, ws.Root),
		LinkFlags: linkFlags(survey.Config, ws.Root), Linkers: survey.Config.LinkersBelow(ws.Root), Settings: settings}
	s.config = conf
	return s.place, nil
}

// cargo says how to run cargo where the session works.
func (s *Session) cargo() cargo.Tool {
	tool := cargo.Tool{Cargo: s.environ.get("CARGO"), Dir: s.opts.Dir, Environ: s.environ, Memo: s.userDirs().Answers()}
	if tool.Cargo == "" {
		tool.Cargo = "cargo"
	}
	return tool
}

// userDirs are this program's directories among those of the user.
func (s *Session) userDirs() locate.User { return locate.UserOf(s.environ.get) }

// canonicalEnv writes cargo's [env] table so that two checkouts with the same
// table give the same text: what is relative stays so, and a base inside the
// workspace is named from its root.
func canonicalEnv(env map[string]config.EnvValue, root string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		v := env[name]
		base := ""
		if v.Relative {
			base = v.Base
			if rel, err := filepath.Rel(root, v.Base); err == nil && filepath.IsLocal(rel) {
				base = rel
			}
		}
		fmt.Fprintf(&b, "%q=%q force=%t relative=%t base=%q\n", name, v.Value, v.Force, v.Relative, base)
	}
	return b.String()
}

// linkFlags are flags of rustc's about linking that no unit's fingerprint holds: what
// takes the place of build scripts, linkers, and LIBRARY_PATH, which gcc and clang look at, of
// the [env] table. Paths in the workspace are named from its root.
func linkFlags(cfg *config.Config, root string) []string {
	flags := cfg.Overrides()
	for _, key := range slices.Sorted(maps.Keys(cfg.Linkers)) {
		// One of the project's own may be a script that names what it adds.
		if rel, err := filepath.Rel(root, cfg.Linkers[key]); err == nil && filepath.IsLocal(rel) {
			flags = append(flags, "-C", "linker="+rel)
		}
	}
	v := cfg.Env["LIBRARY_PATH"]
	for _, dir := range filepath.SplitList(v.Value) {
		if v.Relative && !filepath.IsAbs(dir) {
			dir = filepath.Join(v.Base, dir)
			if rel, err := filepath.Rel(root, dir); err == nil {
				dir = rel
			}
		}
		if dir != "" {
			flags = append(flags, "-L", dir)
		}
	}
	return flags
}

// Strict is the configured default of restore's flag; known with the place.
func (s *Session) Strict() bool { return s.config != nil && s.config.Strict }

// Warm is the configured default of restore's flag; known with the place.
func (s *Session) Warm() bool { return s.config != nil && s.config.Warm }

// repository opens the checkout dir lies in; nil when there is none.
func (s *Session) repository(ctx context.Context, dir string) (*git.Checkout, error) {
	repo, err := git.Open(ctx, dir, s.environ)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		return nil, nil
	}
	return repo, helpForeign(err, dir)
}

// Repository opens the checkout of git that the session works in. The error
// wraps git.ErrNotRepository or git.ErrNoGit when there is none.
func (s *Session) Repository(ctx context.Context) (*git.Checkout, error) {
	repo, err := git.Open(ctx, s.opts.Dir, s.environ)
	return repo, helpForeign(err, s.opts.Dir)
}

func helpForeign(err error, dir string) error {
	if !errors.Is(err, git.ErrForeign) {
		return err
	}
	return &layers.HelpError{Err: err, Help: "if you trust it: git config --global --add safe.directory " + dir}
}

// CheckBuildDir compares what the user calls the build directory with what cargo
// does; any name of the same directory will do.
func (s *Session) CheckBuildDir(p *layers.Place, arg string) error {
	want := arg
	if !filepath.IsAbs(want) {
		want = filepath.Join(s.opts.Dir, want)
	}
	if want = filepath.Clean(want); realPath(want) == realPath(p.Workspace.BuildDir) {
		return nil
	}
	return &layers.HelpError{
		Err: fmt.Errorf("use %s as build directory: cargo builds into %s", arg, p.Workspace.BuildDir),
		Help: fmt.Sprintf("run `cargo cow init`, or set build.build-dir = %q in %s",
			want, filepath.Join(p.Workspace.Root, ".cargo", "config.toml")),
	}
}

// realPath resolves the symlinks of as much of path as exists, but not one that
// is its last element: a build directory that is a symlink is not its target.
func realPath(path string) string {
	parent, base := filepath.Split(filepath.Clean(path))
	if parent == "" || base == "" {
		return path
	}
	if real, err := filepath.EvalSymlinks(parent); err == nil {
		return filepath.Join(real, base)
	}
	return filepath.Join(realPath(filepath.Clean(parent)), base)
}

func (s *Session) openStore(ctx context.Context, dir string, p *layers.Place, create bool) (*layers.Store, error) {
	exists, err := checkOwner(dir)
	if err != nil {
		return nil, err
	}
	if !exists && !create && isStub(dir) {
		return nil, layers.RolledBackStore(dir)
	}
	if !exists && !create {
		return nil, fmt.Errorf("open store %s: %w", dir, layers.ErrNoStore)
	}
	buildDir := ""
	if p != nil {
		buildDir = p.Workspace.BuildDir
	}
	d, err := chooseDriver(ctx, dir, buildDir, exists)
	if err != nil {
		return nil, err
	}
	s.driver = d
	if p != nil && exists {
		if err := checkReach(d, dir, buildDir); err != nil {
			return nil, err
		}
	}
	program, err := self()
	if err != nil {
		return nil, err
	}
	o := layers.Options{Dir: dir, Driver: d, Now: time.Now, Tool: s.opts.Tool, Self: program, Temp: os.TempDir()}
	o.Named = s.opts.Store != ""
	o.Passing = s.namedStore() != "" && !create
	if p != nil && !o.Named {
		o.Named, err = s.remembersNamed(dir, p)
		if err != nil {
			return nil, err
		}
	}
	if !create {
		return layers.Open(ctx, o)
	}
	st, err := layers.Create(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := recordDriver(dir, d); err != nil {
		return nil, err
	}
	// One that was named is for those who name it.
	if user, err := s.userConfig(); err == nil && s.namedStore() == "" && user.Store == "" && d.Caps().SharesData {
		s.enlist(dir)
	}
	return st, nil
}
