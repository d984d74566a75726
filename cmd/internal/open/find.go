package open

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// namedStore is the store that the user named for this command, by flag or
// environment; "" when they did not.
func (s *Session) namedStore() string {
	for _, dir := range []string{s.opts.Store, s.environ.Get("CARGO_COW_STORE")} {
		if dir != "" && !filepath.IsAbs(dir) {
			dir = filepath.Join(s.opts.Dir, dir)
		}
		if dir != "" {
			return filepath.Clean(dir)
		}
	}
	return ""
}

// namedStoreNow is namedStore where that is now, if it was moved.
func (s *Session) namedStoreNow() string {
	dir := s.namedStore()
	if dir != "" && !locate.IsStore(dir) {
		if to := locate.Moved(s.userDirs().Data, dir); to != "" {
			return to
		}
	}
	return dir
}

// storeIn is the store in a directory above what it serves.
func storeIn(dir string) string {
	return filepath.Join(dir, paths.BesideStore())
}

// storeParents are the directories above buildDir, on the same mount, that the user
// may make entries in, the topmost first. Directories everybody may write to are
// passed over: what lies in them is swept, and anybody could take the name first.
// There is always one, the last, which must do.
func storeParents(buildDir string) []string {
	last := locate.Existing(filepath.Dir(realPath(buildDir)))
	var all []string
	for dir := last; locate.SameMount(dir, last); dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		if err == nil && fi.Mode().Perm()&0o002 == 0 &&
			unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil {
			all = append(all, dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if len(all) == 0 {
		return []string{last}
	}
	slices.Reverse(all)
	return all
}

// defaultStore is beside the build directory where data can be shared, so that
// every project on the file system finds the same one; else in the user's cache.
func (s *Session) defaultStore(buildDir string) (string, error) {
	for _, top := range storeParents(buildDir) {
		beside := storeIn(top)
		if _, err := os.Lstat(beside); err == nil {
			return beside, nil
		}
		shares, err := reflink.Probe(top, top)
		if err == nil && shares {
			return beside, nil
		}
		// What a sandbox forbids shows when it is tried, and not before.
		if err == nil || !layers.IsReadOnly(err) {
			break
		}
	}
	cache := s.userDirs().Cache
	if cache == "" {
		return "", &layers.HelpError{
			Err:  errors.New("find a place for the store: neither XDG_CACHE_HOME nor HOME is set"),
			Help: "name one with --store DIR",
		}
	}
	return cache, nil
}

// question asks for the store of a build directory, given the repository of its
// workspace, nil if there is none. It is the wrapper's question, too, which knows less
// (locate.Within).
func (s *Session) question(buildDir string, repo *git.Checkout) (*locate.Question, error) {
	m, err := ReadMemory(repo)
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
	if dir := s.namedStoreNow(); dir != "" {
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
	return "", noStoreError(q, dir)
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

// remembersNamed tells whether somebody named a store for a checkout before.
func (s *Session) remembersNamed(dir string, checkout *layers.Checkout) (bool, error) {
	q, err := s.question(checkout.Workspace.BuildDir, checkout.Git)
	if err != nil {
		return false, err
	}
	q.Follow()
	return slices.Contains(append(q.Remembered, q.Noted), locate.Remembered{Dir: dir, Named: true}), nil
}

// noStoreError says why no store serves a build directory; far is one on another file
// system.
func noStoreError(q *locate.Question, far string) error {
	for _, r := range append(q.Remembered, q.Noted) {
		if r.Dir == "" {
			continue
		}
		if _, err := checkOwner(r.Dir); err != nil {
			return err
		}
		if rollback.IsStub(r.Dir) {
			return layers.RolledBackStore(r.Dir)
		}
	}
	for _, dir := range storeParents(q.BuildDir) {
		if store := storeIn(dir); rollback.IsStub(store) {
			return layers.RolledBackStore(store)
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
			Help: fmt.Sprintf("mount the file system of %s, or run `cargo cow init`", filepath.Dir(dir)),
		}
	}
	return none
}

// findAnyStore returns the store that AnyStore opens.
func (s *Session) findAnyStore(ctx context.Context) (string, error) {
	if dir := s.namedStoreNow(); dir != "" {
		return dir, nil
	}
	buildDir, repo, err := s.buildDirAndRepository(ctx)
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
	if _, outside := s.Unresolved(ctx); errors.Is(outside, project.ErrNoPackage) && len(q.Remembered) == 0 {
		return "", &layers.HelpError{
			Err:  fmt.Errorf("find a store from %s: %w", s.opts.Dir, layers.ErrNoStore),
			Help: "name one with --store DIR, or a project that has one with -C DIR",
		}
	}
	return "", noStoreError(q, "")
}

// buildDirAndRepository returns those of the project that the session works in. Outside
// of one the build directory is the one that a project here would have.
func (s *Session) buildDirAndRepository(ctx context.Context) (buildDir string, repo *git.Checkout, err error) {
	if checkout, err := s.Unresolved(ctx); err == nil {
		return checkout.Workspace.BuildDir, checkout.Git, nil
	}
	repo, err = s.repository(ctx, s.opts.Dir)
	if repo == nil && err == nil {
		// Beside a bare repository, or in it, there is no checkout, but a memory.
		if repo, err = git.OpenBare(ctx, s.opts.Dir, s.environ); errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
			repo, err = nil, nil
		}
	}
	return filepath.Join(s.opts.Dir, "target"), repo, foreignHelp(err, s.opts.Dir)
}
