package whereabouts

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// ProjectOfLayer is what a layer belongs to: the repository that its origin was a checkout
// of, the same for all of its worktrees, also where it was renamed; or else the origin.
func (cs *Checkouts) ProjectOfLayer(r *record.Record) string {
	// A manifest is long, and there may be a thousand. Layers with one fingerprint are of
	// one lockfile, so what is built at one path is one project.
	key := [2]string{r.Origin, r.Fingerprint}
	name, ok := cs.projects[key]
	if !ok {
		name = cs.projectOfLayer(r)
		if cs.projects == nil {
			cs.projects = map[[2]string]string{}
		}
		cs.projects[key] = name
	}
	return name
}

func (cs *Checkouts) projectOfLayer(r *record.Record) string {
	m, err := cs.store.Manifest(r.ID)
	if err != nil {
		return r.Origin
	}
	origin := &m.Origins[0]
	names := origin.Repository()
	if len(names) == 0 {
		return r.Origin
	}
	git := names[0]
	for _, name := range names {
		cs.findNear(name, func(path string) {
			// At another path it is known again by its inode.
			if path == name || origin.Ino != 0 && inode(path) == origin.Ino {
				git = path
			}
		})
	}
	return project(git)
}

// Project is what a build directory, or what undo would bring back in its place, belongs
// to: the repository of the checkout that it lies in; or, where it lies in none, that of
// the checkout which it says it is of; or else that checkout, or where it lies.
func (cs *Checkouts) Project(t *Tree) string {
	if git := repositoryAbove(filepath.Dir(t.Of)); git != "" {
		return project(git)
	}
	known := roots(t.Path)
	for _, root := range known {
		if git := repositoryAbove(root); git != "" && !isGone(root) {
			return project(git)
		}
	}
	if len(known) > 0 {
		return known[0]
	}
	return filepath.Dir(t.Of)
}

// repositoryAbove is the git directory that all worktrees of the repository share whose
// checkout dir is in; "" where it is in none.
func repositoryAbove(dir string) string {
	for ; ; dir = filepath.Dir(dir) {
		if git := locate.Repository(strings.TrimSuffix(dir, "/")); git != "" {
			return git
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// project is what a repository is called by its git directory.
func project(git string) string {
	// A worktree whose repository is gone names its own directory there
	// (gitrepository-layout(5), worktrees/<id>).
	if worktrees := filepath.Dir(git); filepath.Base(worktrees) == "worktrees" && isGone(git) {
		git = filepath.Dir(worktrees)
	}
	if real, err := filepath.EvalSymlinks(git); err == nil {
		git = real
	}
	return strings.TrimSuffix(git, "/.git")
}
