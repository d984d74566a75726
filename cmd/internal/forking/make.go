package forking

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// Make makes forks, and tells of each. Where some cannot be made the others are, and the
// error says that it is done in part.
func (f *Forker) Make(ctx context.Context, o Options) error {
	p, err := f.project(ctx, &o.Dir)
	if err != nil {
		return err
	}
	j := &job{Forker: f, p: p, repo: p.Checkout.Git, workspaces: workspaces(p), made: make([]*fork, o.N), errs: make([]error, o.N)}
	j.forks = forks.In(j.repo.CommonDir)
	if err := j.look(ctx, o); err != nil {
		return err
	}
	var dirty bool
	var looking sync.WaitGroup
	looking.Go(func() { dirty, _ = j.repo.Dirty(ctx) }) // a fork is of a commit whatever this says
	err = j.ready(ctx, o)
	looking.Wait()
	if err != nil {
		return err
	}
	if dirty {
		f.Term.Status("Note", "what is not committed in %s is not in the forks", j.repo.Root)
	}
	claims, err := j.claim(ctx, o)
	if err != nil {
		return err
	}
	j.makeAll(ctx, claims)
	return j.tell()
}

// look finds out what is to be checked out, and whether it can be.
func (j *job) look(ctx context.Context, o Options) (err error) {
	if j.commit = j.repo.Head; o.From != "" {
		if j.commit, err = j.repo.Commit(ctx, o.From); err != nil {
			return err
		}
	}
	if j.commit == "" {
		return &layers.HelpError{Err: fmt.Errorf("fork %s: nothing is committed yet", j.repo.Root), Help: "git commit"}
	}
	if err := j.repo.CheckFilters(ctx); errors.Is(err, git.ErrOwnFilters) {
		return &layers.HelpError{Err: fmt.Errorf("fork %s: %w", j.repo.Root, err),
			Help: "if you trust them, use `git worktree add`"}
	} else if err != nil {
		return err
	}
	unlock, err := j.lock(ctx, j.repo)
	if err == nil {
		j.dir, j.prefix, err = j.where(ctx, o)
		err = errors.Join(err, unlock())
	}
	return err
}

// makeAll makes what was claimed, several at once. After a failure no other is begun.
func (j *job) makeAll(ctx context.Context, claims []*forks.Claim) {
	var (
		wg     sync.WaitGroup
		failed = make(chan struct{})
		once   sync.Once
		turn   = make(chan struct{}, workers)
	)
	for i, c := range claims {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			select {
			case <-failed:
				j.errs[i] = c.Forget()
				return
			default:
			}
			made, err := j.makeOne(ctx, c)
			if err != nil {
				j.errs[i] = err
				once.Do(func() { close(failed) })
				return
			}
			j.made[i] = made
		})
	}
	wg.Wait()
}

// makeOne makes one fork. Where that fails nothing is left of it.
func (j *job) makeOne(ctx context.Context, c *forks.Claim) (_ *fork, err error) {
	repo := j.repo.Holding(c.File())
	begun, err := j.add(ctx, repo, c)
	defer func() {
		switch {
		case err == nil:
			err = c.Release()
		case begun:
			err = errors.Join(fmt.Errorf("make fork %s: %w", c.Name, err), j.abandon(context.WithoutCancel(ctx), repo, c))
		default:
			err = errors.Join(fmt.Errorf("make fork %s: %w", c.Name, err), c.Forget())
		}
	}()
	if err != nil {
		return nil, err
	}
	tree, err := git.Open(ctx, c.Path, j.Environ)
	if err != nil {
		return nil, err
	}
	tree = tree.Holding(c.File())
	if err := c.Mark(tree.GitDir); err != nil {
		return nil, err
	}
	if err := tree.Fill(ctx); err != nil {
		return nil, err
	}
	if err := c.MarkWhole(tree.GitDir); err != nil {
		return nil, err
	}
	made := &fork{Name: c.Name, Path: tree.Root, Branch: short(c.Branch), Commit: c.Base}
	for _, ws := range j.workspaces {
		if err := j.restore(ctx, tree, ws, made); err != nil && made.cold == nil {
			made.cold = err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return made, c.Done()
}

// add has git add the working tree. It does so for one after the other, whoever makes forks
// of the repository: git fails where it sees a working tree that another git is adding (2.39,
// "failed to read .git/worktrees/x/commondir: Success"). Where somebody has taken the place
// or the branch since it was claimed, it is not begun.
func (j *job) add(ctx context.Context, repo *git.Checkout, c *forks.Claim) (begun bool, err error) {
	unlock, err := j.forks.Lock(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	for _, taken := range []string{c.Path, filepath.Join(repo.CommonDir, c.Branch)} {
		if taken != repo.CommonDir && isThere(taken) {
			return false, fmt.Errorf("add worktree %s: %s is there already", c.Path, taken)
		}
	}
	return true, repo.AddWorktree(ctx, c.Path, c.Branch, c.Base)
}

// abandon takes away what was made of a fork that is not to be.
func (j *job) abandon(ctx context.Context, repo *git.Checkout, c *forks.Claim) error {
	unlock, err := j.forks.Lock(ctx, nil)
	if err != nil {
		return errors.Join(err, c.Release())
	}
	defer unlock()
	all, err := repo.ListWorktrees(ctx)
	if err != nil {
		return errors.Join(err, c.Release())
	}
	for _, w := range all {
		if w.Root == realPath(c.Path) && j.isOurs(ctx, c, w.Root) {
			err = j.takeAway(ctx, repo, c, w.Root)
		}
	}
	if err == nil {
		err = removeBranch(ctx, repo, c, c.Base)
	}
	if err != nil {
		return errors.Join(err, c.Release())
	}
	return c.Forget()
}

// isOurs reports whether a working tree is the one that was begun for a claim, and nobody
// else's in its place.
func (j *job) isOurs(ctx context.Context, c *forks.Claim, root string) bool {
	if forks.IsUnmade(root) {
		return true
	}
	tree, err := git.Open(ctx, root, j.Environ)
	if err != nil {
		return false
	}
	name, _ := forks.Marked(tree.GitDir)
	return name == c.Name
}

// takeAway removes a working tree of which nothing is worth being kept.
func (j *job) takeAway(ctx context.Context, repo *git.Checkout, c *forks.Claim, root string) error {
	if tree, err := git.Open(ctx, root, j.Environ); err == nil {
		if err := removeBuilt(ctx, j.p.Store, tree, j.workspaces); err != nil {
			return err
		}
	}
	return repo.RemoveWorktree(ctx, root)
}

// tell tells what was made, in the order of the names.
func (j *job) tell() error {
	n, failed := 0, false
	var first error
	for i, m := range j.made {
		if err := j.errs[i]; err != nil {
			if first == nil {
				first = err
			} else {
				j.Term.Warn("%v", err)
			}
		}
		if m == nil {
			continue
		}
		n++
		text := m.Path
		if m.Branch != "" {
			text += " (" + m.Branch + ")"
		}
		switch {
		case m.Warm && m.Rebuild > 0:
			text += fmt.Sprintf(": %s from %s, %d to be rebuilt", phrase.Count(m.Kept, "unit"), phrase.ID(m.Layer), m.Rebuild)
		case m.Warm:
			text += fmt.Sprintf(": %s from %s", phrase.Count(m.Kept, "unit"), phrase.ID(m.Layer))
		case m.cold == nil:
			text += ": nothing is built yet"
		}
		j.Term.Status("Forked", "%s", text)
		if m.cold != nil {
			failed = true
			j.Term.Warn("%s is cold: %v%s", m.Path, m.cold, exit.Suffix(m.cold))
		}
		j.Term.JSON("fork", m)
		j.Term.Println("%s", m.Path)
	}
	if n > 0 {
		j.tellOfSubmodules()
		pruning.Begin(j.Environ, j.p.Session, j.p.Store)
	}
	switch {
	case first != nil && n > 0:
		return exit.Partly(first)
	case first != nil:
		return first
	case failed:
		return exit.Silently(exit.InPart)
	}
	return nil
}

func (j *job) tellOfSubmodules() {
	for _, m := range j.made {
		if m == nil {
			continue
		}
		if _, err := os.Lstat(filepath.Join(m.Path, ".gitmodules")); err == nil {
			j.Term.Status("Note", "submodules are not checked out in forks: run `git submodule update --init` there")
		}
		return
	}
}
