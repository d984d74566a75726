package open

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// question asks for the store of a build directory, given the repository of its
// workspace, nil if there is none. It is the wrapper's question, too
// (cmd/cargo-cow-rustc:findStore).
func (s *Session) question(buildDir string, repo *git.Checkout) (*locate.Question, error) {
	m, err := readMemory(repo)
	if err != nil {
		return nil, err
	}
	q := &locate.Question{BuildDir: realPath(buildDir), Remembered: m.Stores, Noted: locate.Noted(buildDir)}
	user, err := s.userConfig()
	if err != nil {
		return nil, err
	}
	q.Configured = user.Store
	dirs := s.userDirs()
	q.Data, q.Cache = dirs.Data, dirs.Cache
	return q, nil
}

// findStore returns the store that serves a build directory. Where there is none the
// error wraps layers.ErrNoStore and says what is known of others.
func (s *Session) findStore(buildDir string, repo *git.Checkout) (string, error) {
	if dir := s.namedStore(); dir != "" {
		return dir, nil
	}
	q, err := s.question(buildDir, repo)
	if err != nil {
		return "", err
	}
	dir, kind := q.Find()
	if kind >= locate.Copying || kind == locate.Absent && dir != "" {
		return dir, nil
	}
	return "", whyNone(q, dir)
}

// storeToMake returns the store that init makes, or goes on using, for a build
// directory.
func (s *Session) storeToMake(buildDir string, repo *git.Checkout) (string, error) {
	if dir := s.namedStore(); dir != "" {
		return dir, nil
	}
	q, err := s.question(buildDir, repo)
	if err != nil {
		return "", err
	}
	dir, kind := q.Find()
	if kind == locate.Near || kind == locate.Absent && dir != "" {
		return dir, nil
	}
	// One that can share is worth being made, whatever copies there are elsewhere.
	other, err := s.defaultStore(buildDir)
	if kind == locate.Copying && (err != nil || other == q.Cache) {
		return dir, nil
	}
	return other, err
}

// remembersNamed tells whether somebody named a store for a place before.
func (s *Session) remembersNamed(dir string, p *layers.Place) (bool, error) {
	q, err := s.question(p.Workspace.BuildDir, p.Git)
	if err != nil {
		return false, err
	}
	return slices.Contains(append(q.Remembered, q.Noted), locate.Remembered{Dir: dir, Named: true}), nil
}

// whyNone says why no store serves a build directory; far is one on another file
// system.
func whyNone(q *locate.Question, far string) error {
	for _, r := range append(q.Remembered, q.Noted) {
		if r.Dir == "" {
			continue
		}
		if _, err := checkOwner(r.Dir); err != nil {
			return err
		}
		if stub, err := driver.IsStub(r.Dir); err == nil && stub {
			return layers.RolledBackStore(r.Dir)
		}
	}
	for _, dir := range storeParents(q.BuildDir) {
		if stub, err := driver.IsStub(besideIn(dir)); err == nil && stub {
			return layers.RolledBackStore(besideIn(dir))
		}
	}
	none := fmt.Errorf("find the store of %s: %w", q.BuildDir, layers.ErrNoStore)
	switch {
	case far != "":
		return fmt.Errorf("%w: %s is on another file system", none, far)
	case len(q.Remembered) > 0:
		dir := q.Remembered[0].Dir
		return &layers.HelpError{
			Err:  fmt.Errorf("%w: %s is not there", none, dir),
			Help: fmt.Sprintf("mount what %s is on, or run `cargo cow init`", filepath.Dir(dir)),
		}
	}
	return none
}

// AnyStore opens the store for commands that need no checkout. What serves the build
// directory goes first; outside of a project it is what would serve one here. To
// look at, or to remove from, one that is too far to restore from does as well.
func (s *Session) AnyStore(ctx context.Context) (*layers.Store, error) {
	dir, err := s.AnyStoreDir(ctx)
	if err != nil {
		return nil, err
	}
	return s.openStore(ctx, dir, nil, false)
}

// AnyStoreDir says where AnyStore finds its store.
func (s *Session) AnyStoreDir(ctx context.Context) (string, error) {
	if dir := s.namedStore(); dir != "" {
		return dir, nil
	}
	buildDir, repo, err := s.whereabouts(ctx)
	if err != nil {
		return "", err
	}
	q, err := s.question(buildDir, repo)
	if err != nil {
		return "", err
	}
	if dir, _ := q.Find(); dir != "" {
		return dir, nil
	}
	if _, outside := s.Unresolved(ctx); errors.Is(outside, cargo.ErrNoPackage) && len(q.Remembered) == 0 {
		return "", &layers.HelpError{
			Err:  fmt.Errorf("find a store from %s: %w", s.opts.Dir, layers.ErrNoStore),
			Help: "name one with --store DIR, or a project that has one with -C DIR",
		}
	}
	return "", whyNone(q, "")
}

// whereabouts is the build directory and the repository of the project that the
// session works in. Outside of one it is the build directory that one would have.
func (s *Session) whereabouts(ctx context.Context) (buildDir string, repo *git.Checkout, err error) {
	if p, err := s.Unresolved(ctx); err == nil {
		return p.Workspace.BuildDir, p.Git, nil
	}
	repo, err = s.repository(ctx, s.opts.Dir)
	if repo == nil && err == nil {
		// Beside a bare repository, or in it, there is no checkout, but a memory.
		if repo, err = git.OpenBare(ctx, s.opts.Dir, s.environ); errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
			repo, err = nil, nil
		}
	}
	return filepath.Join(s.opts.Dir, "target"), repo, helpForeign(err, s.opts.Dir)
}

// PrepareStore makes the store that builds in the session's directory belong to, if
// there is none, and returns where it is. named tells that the user chose it: the
// wrapper cannot know that by itself.
func (s *Session) PrepareStore(ctx context.Context) (dir string, named bool, err error) {
	named = s.namedStore() != "" && s.environ.get("CARGO_COW_STORE") == "" // which the wrapper sees
	buildDir, repo, err := s.whereabouts(ctx)
	if err == nil {
		dir, err = s.storeToMake(buildDir, repo)
	}
	if err != nil {
		return "", false, err
	}
	_, err = s.openStore(ctx, dir, nil, true)
	return dir, named, err
}

// Store opens the store for a place. Errors wrap layers.ErrNoStore when there is none.
func (s *Session) Store(ctx context.Context, p *layers.Place) (*layers.Store, error) {
	dir, err := s.findStore(p.Workspace.BuildDir, p.Git)
	if err != nil {
		return nil, err
	}
	return s.openStore(ctx, dir, p, false)
}

// InitStore makes the store for a place, if there is none, has do work with it, and
// then has the repository remember it: by name only where it was named for it, by the
// flag; the environment speaks of all repositories. What cannot be written shows before anything
// is made, and what was made for it goes again where do fails.
func (s *Session) InitStore(ctx context.Context, p *layers.Place, do func(*layers.Store) error) error {
	dir, err := s.storeToMake(p.Workspace.BuildDir, p.Git)
	if err != nil {
		return err
	}
	note, err := remember(p, dir, s.opts.Store != "")
	if err != nil {
		return helpReadOnly(err)
	}
	defer note.Discard()
	if err := Hide(p); err != nil {
		return helpReadOnly(err)
	}
	existed := locate.IsStore(dir)
	st, err := s.openStore(ctx, dir, p, true)
	if err == nil {
		err = do(st)
	}
	if err == nil {
		if err = note.Commit(); err == nil {
			return nil
		}
		err = fmt.Errorf("note the store: %w", err)
	}
	if st != nil && !existed {
		// Whoever has found it meanwhile finds it gone, and none of what is his in it.
		_ = st.RemoveEmpty(context.WithoutCancel(ctx))
	}
	return helpReadOnly(err)
}

// helpReadOnly tells of a sandbox where something cannot be written that can be
// elsewhere, unless it is another user's. Errors about something else stay as they are.
func helpReadOnly(err error) error {
	if err == nil || !layers.IsReadOnly(err) {
		return err
	}
	if help := layers.PermissionHelp(err); help != "" {
		return &layers.HelpError{Err: err, Help: help}
	}
	return &layers.HelpError{Err: err, Help: "run it once where that can be written, outside of this sandbox or container"}
}

// enlist notes a store that was made for projects on other mounts.
func (s *Session) enlist(store string) {
	_ = locate.AddMade(s.userDirs().Data, store)
}

// self is this program's file, for programs that are to run it.
func self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return path, nil
}
