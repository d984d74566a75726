package forking

import (
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// Options say which forks to make.
type Options struct {
	N      int
	Prefix string // of their names; "" is for the repository to say
	From   string // what to check out; "" is what is checked out here
	Dir    string // where to put them; "" is beside the main checkout
	// NoBranch: each has a commit checked out, and no branch of its own.
	NoBranch bool
}

// workers is how many forks are made at once, but for what git does in turn. The rest waits
// for processes and the file system.
const workers = 8

// job is one command that makes forks.
type job struct {
	*Forker
	p          *open.Project
	repo       *git.Checkout
	forks      forks.Forks
	commit     string
	dir        string // that forks are put in
	prefix     string // of their names
	workspaces []string
	made       []*fork // by number of their claims; nil where it was not made
	errs       []error
}

// fork is one that was made, and what is told of it.
type fork struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Branch  string `json:"branch,omitempty"`
	Commit  string `json:"commit"`
	Warm    bool   `json:"warm"`            // it has its build directory
	Layer   string `json:"layer,omitempty"` // which that came from
	Kept    int    `json:"kept"`
	Rebuild int    `json:"rebuild"`
	cold    error  // why it is not warm; nil where there is nothing to say
}

// workspaces are those of a repository, relative to the top of a working tree: the one
// that the command was started in, and those that init was run in.
func workspaces(p *open.Project) []string {
	var all []string
	repo := p.Checkout.Git
	if rel, err := filepath.Rel(repo.Root, realPath(p.Checkout.Workspace.Root)); err == nil && filepath.IsLocal(rel) {
		all = append(all, rel)
	}
	m, err := open.ReadMemory(repo)
	if err != nil {
		return all
	}
	return appendNew(all, m.Workspaces...)
}
