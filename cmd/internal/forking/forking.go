// Package forking makes forks of a checkout, warm worktrees for several who work at once,
// and takes them away again.
//
// What is made is named before anything is made (package forks), so that a process that is
// killed leaves nothing which Remove does not find. What is removed is looked at before:
// what a user would miss keeps a fork from being removed, and nothing of it is touched.
//
// A Forker serves one command. Several processes may be at it in one repository.
//
// Files build on each other in this order: forking, what all commands about forks have; find,
// what has become of forks; clear, what is removed of one; list and remove; job, one command
// that makes forks; warm, what it seals and restores; name, what it calls them; make.
package forking

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pooling"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// A Forker is a command about forks.
type Forker struct {
	Environ []string
	Term    *ui.Terminal
	// Session begins a session in a directory; "" is where the command was started.
	Session func(dir string) (*open.Session, error)
	// Path is where a name on the command line leads.
	Path func(name string) string
}

// repository opens the checkout of git that the command was started in.
func (f *Forker) repository(ctx context.Context) (*open.Session, *git.Checkout, error) {
	s, err := f.Session("")
	if err != nil {
		return nil, nil, err
	}
	repo, err := s.Repository(ctx)
	return s, repo, err
}

// lock keeps other commands about the forks of a repository away, and says so where it has
// to wait for one.
func (f *Forker) lock(ctx context.Context, repo *git.Checkout) (unlock func() error, err error) {
	return forks.In(repo.CommonDir).Lock(ctx, func() { f.Term.Blocking("another fork command") })
}

// project opens the workspace that the command was started in, with the store that serves the
// forks, which is made where there is none. Where they are put on another file system than the
// checkout's, that is one there.
func (f *Forker) project(ctx context.Context, dir *string) (*open.Project, error) {
	s, err := f.Session("")
	if err != nil {
		return nil, err
	}
	checkout, err := s.Unresolved(ctx)
	if err != nil {
		return nil, err
	}
	if checkout.Git == nil {
		return nil, fmt.Errorf("fork %s: %w", checkout.Workspace.Root, git.ErrNotRepository)
	}
	if *dir == "" {
		*dir = f.pool(ctx, s)
	}
	if *dir != "" && !open.ShareData(*dir, checkout.Workspace.BuildDir) {
		return s.OpenInto(ctx, checkout, *dir)
	}
	p, err := s.OpenUnresolved(ctx)
	m, unread := open.ReadMemory(checkout.Git)
	if unread != nil {
		return nil, unread
	}
	if err == nil && len(m.Workspaces) > 0 || err != nil && !errors.Is(err, layers.ErrNoStore) {
		return p, err
	}
	made := s.InitStore(ctx, checkout, func(st *layers.Store) error {
		p = &open.Project{Session: s, Checkout: checkout, Store: st}
		return nil
	})
	if err == nil && layers.IsReadOnly(made) {
		made = nil // what is there serves without being remembered
	}
	return p, made
}

// pool is the directory of the user in the machine's pool, where the disk of the checkout can do
// no more than copy; "" where forks are put beside it.
func (f *Forker) pool(ctx context.Context, s *open.Session) string {
	home, err := pooling.Of(f.Environ).Home(os.Geteuid())
	if errors.Is(err, pool.ErrNone) {
		return ""
	}
	if d, _, _ := s.Disk(ctx); d != nil && d.Caps().SharesData {
		return ""
	}
	if err != nil {
		err = pooling.Helped(err)
		f.Term.Warn("the forks are beside the checkout: %v%s", err, exit.Suffix(err))
		return ""
	}
	return home
}
