package forking

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// a removal takes forks away, one after the other.
type removal struct {
	*Forker
	repo       *git.Checkout
	forks      forks.Forks
	store      *layers.Store // nil where there is none
	workspaces []string
	here       string // where the command was started
	force      bool
}

// Remove takes away the forks that are named, by their names or directories, or all. One
// that has something which is nowhere else stays as it is, unless force is set; that is
// told when all others have gone.
func (f *Forker) Remove(ctx context.Context, names []string, force bool) (err error) {
	s, repo, err := f.repository(ctx)
	if err != nil {
		return err
	}
	r := &removal{Forker: f, repo: repo, forks: forks.In(repo.CommonDir), force: force, here: realPath(s.Dir())}
	m, err := open.ReadMemory(repo)
	if err != nil {
		return err
	}
	r.workspaces = appendNew([]string{"."}, m.Workspaces...)
	if r.store, err = s.AnyStore(ctx); err != nil && !errors.Is(err, layers.ErrNoStore) {
		return err
	}
	// What is looked at stays so: of two forks with the same commits one would be taken for
	// what the other one leaves behind.
	unlock, err := f.lock(ctx, repo)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	all, err := f.find(ctx, repo)
	if err != nil {
		return err
	}
	chosen, failures := f.choose(all, names)
	removed := 0
	for _, x := range chosen {
		if err := ctx.Err(); err != nil {
			failures = append(failures, err)
			break
		}
		if err := r.remove(ctx, x); err != nil {
			failures = append(failures, err)
			continue
		}
		removed++
		f.Term.JSON("remove-fork", x.Fork)
		f.Term.Status("Removed", "%s", x.described())
	}
	if removed+len(failures) == 0 {
		f.Term.Status("Unchanged", "there are no forks")
	}
	return f.failed(failures, removed)
}

// storeOf is the store that serves a fork, which may lie on another file system.
func (r *removal) storeOf(ctx context.Context, root string) *layers.Store {
	if open.Serves(r.store, root) {
		return r.store
	}
	if s, err := r.Session(root); err == nil {
		if st, err := s.AnyStore(ctx); err == nil {
			return st
		}
	}
	return r.store
}

// failed tells all failures, and returns the error of the whole.
func (f *Forker) failed(failures []error, done int) error {
	if len(failures) == 0 {
		return nil
	}
	for _, err := range failures {
		f.Term.Error(err, exit.Help(err), exit.Code(err))
	}
	if done > 0 {
		return exit.Silently(exit.InPart)
	}
	return exit.Silently(exit.Code(failures[0]))
}

// choose finds those that are named, or all.
func (f *Forker) choose(all []*found, names []string) (chosen []*found, missing []error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		at := slices.IndexFunc(all, func(x *found) bool { return x.Name == name })
		if at < 0 {
			path := realPath(f.Path(name))
			at = slices.IndexFunc(all, func(x *found) bool { return x.directory() == path })
		}
		switch {
		case at < 0:
			missing = append(missing, exit.Missing(fmt.Errorf("find fork %s: there is none", name), "see `cargo cow fork --list`"))
		case !slices.Contains(chosen, all[at]):
			chosen = append(chosen, all[at])
		}
	}
	return chosen, missing
}

func (x *found) described() string {
	text := x.directory()
	if x.Branch != "" {
		text += " (" + short(x.Branch) + ")"
	}
	return text
}

// remove takes one fork away: its build directories, working tree, branch and note.
func (r *removal) remove(ctx context.Context, x *found) (err error) {
	c, err := r.forks.Take(x.Fork)
	if err != nil {
		if errors.Is(err, forks.ErrHeld) {
			err = fmt.Errorf("%w: %w", layers.ErrBusy, err)
			return &layers.HelpError{Err: fmt.Errorf("remove %v: %w", x, err), Help: "run it again when the other command is done"}
		}
		return fmt.Errorf("remove %v: %w", x, err)
	}
	kept := true
	defer func() {
		if kept {
			err = errors.Join(err, c.Release())
		}
	}()
	repo := r.repo.Holding(c.File())
	tips, err := repo.Tips(ctx, forks.Branches)
	if err != nil {
		return err
	}
	tip := tips[x.Branch]
	if err := r.check(ctx, x, tip); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if x.tree != nil {
		err := removeBuilt(ctx, r.storeOf(ctx, x.tree.Root), x.tree, r.workspaces)
		if err == nil {
			err = r.removeOutside(ctx, x.tree)
		}
		if err != nil {
			return fmt.Errorf("remove %v: %w", x, err)
		}
	}
	if err := c.Cleared(); err != nil {
		return err
	}
	if x.tree == nil {
		_ = unix.Rmdir(x.directory()) // which git makes before all that is in it
	}
	if x.root != "" {
		if err := repo.RemoveWorktree(ctx, x.root); err != nil {
			return fmt.Errorf("remove %v: %w", x, err)
		}
	} else if err := repo.RemoveUnborn(x.Path); err != nil {
		return fmt.Errorf("remove %v: %w", x, err)
	}
	if err := c.Removed(); err != nil {
		return err
	}
	if err := removeBranch(ctx, repo, c, tip); err != nil {
		return fmt.Errorf("remove %v: %w", x, err)
	}
	kept = false
	return c.Forget()
}

// removeOutside removes build directories that lie elsewhere, where each workspace has one
// of its own (build.build-dir). Cargo has to say that it builds there, we to have made what
// is there, and no other working tree to have had it.
func (r *removal) removeOutside(ctx context.Context, tree *git.Checkout) error {
	outside := slices.DeleteFunc(slices.Clone(tree.Built().Dirs), func(dir string) bool { return !filepath.IsAbs(dir) })
	if r.store == nil || len(outside) == 0 {
		return nil
	}
	all, err := r.repo.ListWorktrees(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Root == "" || w.Root == tree.Root {
			continue
		}
		if other, err := git.Open(ctx, w.Root, r.Environ); err == nil {
			shared := other.Built().Dirs
			outside = slices.DeleteFunc(outside, func(dir string) bool { return slices.Contains(shared, dir) })
		}
	}
	for _, ws := range r.workspaces {
		s, err := r.Session(filepath.Join(tree.Root, ws))
		if err != nil || s.CheckKnown(tree) != nil {
			continue // not in this commit; or what it brings was not asked to be run
		}
		co, err := s.Unresolved(ctx)
		if err != nil || !slices.Contains(outside, co.Workspace.BuildDir) || !active.ReadProvenance(co.Workspace.BuildDir).OfLayer() || r.store.Usable(co) != nil {
			continue
		}
		if err := removeDir(ctx, r.store, co.Workspace.BuildDir); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error where something would be lost with a fork.
func (r *removal) check(ctx context.Context, x *found, tip string) error {
	refuse := func(why, help string) error {
		return &layers.HelpError{Err: fmt.Errorf("remove %v: %s", x, why), Help: help}
	}
	if x.root != "" && (r.here == x.root || paths.Below(r.here, x.root)) {
		return refuse("this command was started in it", "run it in another directory, for example with -C "+paths.ShellWord(r.repo.CommonDir))
	}
	if x.worktree.Locked && x.worktree.Why != "initializing" {
		return refuse("it is locked", "git worktree unlock "+paths.ShellWord(x.root))
	}
	if r.force {
		return nil
	}
	if x.tree != nil {
		if why, err := lossIn(ctx, x); err != nil || why != "" {
			if err != nil {
				return fmt.Errorf("remove %v: %w", x, err)
			}
			return refuse(why, "commit what is worth it, or add --force; see `git -C "+paths.ShellWord(x.root)+" status`")
		}
	}
	n, err := x.only(ctx, r.repo, tip)
	if err != nil {
		return fmt.Errorf("remove %v: %w", x, err)
	}
	if n > 0 {
		return refuse(phrase.Count(n, "commit")+" on no other branch", "merge "+short(x.Branch)+" or push it, or add --force")
	}
	return nil
}

// lossIn says what of a fork's working tree would be lost with it; "" is nothing.
func lossIn(ctx context.Context, x *found) (string, error) {
	const changes = "it has changes that are not committed"
	if !x.whole {
		if forks.IsUnmade(x.root) {
			return "", nil
		}
		half, err := x.tree.IsHalfFilled(ctx)
		if err != nil || half {
			return "", err
		}
		return changes, nil
	}
	if x.tree.Rebasing() {
		return "a rebase is under way in it", nil
	}
	// The repositories of submodules lie in that of the working tree, and go with it.
	if isThere(filepath.Join(x.tree.GitDir, "modules")) {
		return "submodules are checked out in it", nil
	}
	dirty, err := x.tree.Dirty(ctx)
	if err != nil || !dirty {
		return "", err
	}
	return changes, nil
}
