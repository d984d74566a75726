package open

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// foreignHelp says what to do where git refuses a repository of another user.
func foreignHelp(err error, dir string) error {
	if !errors.Is(err, git.ErrForeign) {
		return err
	}
	return &layers.HelpError{Err: err, Help: "if you trust it: git config --global --add safe.directory " + paths.ShellWord(dir)}
}

// repository opens the checkout dir lies in; nil when there is none.
func (s *Session) repository(ctx context.Context, dir string) (*git.Checkout, error) {
	repo, err := git.Open(ctx, dir, s.environ)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		return nil, nil
	}
	return repo, foreignHelp(err, dir)
}

// Repository opens the checkout of git that the session works in. The error
// wraps git.ErrNotRepository or git.ErrNoGit when there is none.
func (s *Session) Repository(ctx context.Context) (*git.Checkout, error) {
	repo, err := git.Open(ctx, s.opts.Dir, s.environ)
	return repo, foreignHelp(err, s.opts.Dir)
}

// cargo says how to run cargo where the session works.
func (s *Session) cargo() project.Tool {
	tool := project.Tool{Cargo: s.environ.Get("CARGO"), Dir: s.opts.Dir, Environ: s.environ, Memo: s.userDirs().Answers(), RootOnly: s.rootOnly}
	if tool.Cargo == "" {
		tool.Cargo = "cargo"
	}
	return tool
}

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

// Unresolved is Checkout for what can go on without a lockfile: where there is none, the
// checkout's Fingerprint is nil.
func (s *Session) Unresolved(ctx context.Context) (*layers.Checkout, error) {
	if s.checkout != nil {
		return s.checkout, nil
	}
	tool := s.cargo()
	// Both start processes, and need nothing of each other.
	var (
		answers  *project.Answers
		repo     *git.Checkout
		failures [2]error
		wg       sync.WaitGroup
	)
	wg.Go(func() { answers, failures[0] = tool.Ask(ctx) })
	wg.Go(func() { repo, failures[1] = s.repository(ctx, s.opts.Dir) })
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	ws := answers.Workspace
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
	fp, err := depset.Compute(ws, tool, answers.Toolchain, answers.Config, settings.Rules)
	if err != nil && !errors.Is(err, project.ErrNoLockfile) {
		return nil, err
	}
	s.checkout = &layers.Checkout{Tool: tool, Workspace: ws, Git: repo, Fingerprint: fp, Env: canonicalEnv(answers.Config.Env, ws.Root),
		ConfigChanged: lastChange(answers.Config.Files), LinkFlags: linkFlags(answers.Config, ws.Root), Linkers: answers.Config.LinkersBelow(ws.Root), Settings: settings}
	s.config = conf
	return s.checkout, nil
}

// lastChange is when one of files was last changed, in ns.
func lastChange(files []string) (last int64) {
	for _, f := range files {
		last = max(last, regular.Changed(f))
	}
	return last
}

// Checkout asks cargo and git about the checkout, once. Its Git is nil where there
// is no checkout of git, or no git. The error wraps project.ErrNoLockfile where there
// is no lockfile.
func (s *Session) Checkout(ctx context.Context) (*layers.Checkout, error) {
	checkout, err := s.Unresolved(ctx)
	if err == nil && checkout.Fingerprint == nil {
		err = fmt.Errorf("fingerprint %s: %w", checkout.Workspace.Root, project.ErrNoLockfile)
	}
	if err != nil {
		return nil, err
	}
	return checkout, nil
}

// Strict is the configured default of restore's flag; known with the checkout.
func (s *Session) Strict() bool { return s.config != nil && s.config.Strict }

// Warm is the configured default of restore's flag; known with the checkout.
func (s *Session) Warm() bool { return s.config != nil && s.config.Warm }

// CheckBuildDir compares what the user calls the build directory with what cargo
// does; any name of the same directory will do.
func (s *Session) CheckBuildDir(checkout *layers.Checkout, arg string) error {
	want := arg
	if !filepath.IsAbs(want) {
		want = filepath.Join(s.opts.Dir, want)
	}
	if want = filepath.Clean(want); realPath(want) == realPath(checkout.Workspace.BuildDir) {
		return nil
	}
	return &layers.HelpError{
		Err: fmt.Errorf("use %s as build directory: cargo builds into %s", arg, checkout.Workspace.BuildDir),
		Help: fmt.Sprintf("run `cargo cow init`, or set build.build-dir = %q in %s",
			want, filepath.Join(checkout.Workspace.Root, ".cargo", "config.toml")),
	}
}

// hide keeps git, and through git cargo, from seeing the trees that a restore
// leaves beside the build directory: the one to undo to, and half-made ones.
func hide(checkout *layers.Checkout) error {
	if checkout.Git == nil {
		return nil
	}
	return checkout.Git.Exclude("*"+paths.UndoSuffix+"/", ".*"+paths.BesideTemp+"*/")
}
