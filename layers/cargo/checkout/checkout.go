// Package checkout is one working copy of a workspace: where it lies, by every name it was called,
// and which units of a build directory were built in it, from which package and sources. The values
// are plain data; an Attribution learns names as it is asked, and is for one goroutine.
package checkout

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

// Within is the place with a build directory that lies in its own.
func (co *Checkout) Within(rel string) *Checkout {
	q, ws := *co, *co.Workspace
	ws.Outer, ws.BuildDir = ws.BuildDir, ws.BuildDir+"/"+rel
	q.Workspace = &ws
	return &q
}

// Checkout is one checkout: where things lie, and what outside the files decides
// what a build makes of them. Paths are absolute.
type Checkout struct {
	Workspace *project.Workspace
	// Fingerprint is what a layer for the place is looked up by.
	Fingerprint *depset.Fingerprint
	GitDir      string // "" when not under git
	CommonDir   string
	Git         GitState
	// Env is the [env] table of cargo's configuration in canonical form.
	Env string
	// LinkFlags are flags of rustc's about linking that configuration gives to units
	// without their fingerprints holding them.
	LinkFlags []string
	// Getenv looks a variable up in the environment that a build will have; nil where
	// that is not known.
	Getenv func(name string) (string, bool)
	// Linkers are those that cargo is configured to call and that lie in the
	// checkout.
	Linkers []string
	// Files lists what git tracks or would track below the workspace root, for
	// inputs that lie beside a package. Nil: not under git, walk instead.
	Files func() ([]string, error)
	// Dirty reports whether the checkout differs from its commit.
	Dirty func() (bool, error)
	// RunGit runs git in a directory of the checkout; nil when not under git.
	RunGit func(dir string, args ...string) ([]byte, error)
}

// GitState is what a program that bakes its commit into itself can see.
type GitState struct {
	Commit string `json:"commit,omitempty"`
	Ref    string `json:"ref,omitempty"`
}

// Abs returns where l lies in the place. The second result is false when the
// place has no such base.
func (co *Checkout) Abs(l rooted.Path) (string, bool) {
	dir := ""
	switch l.Root {
	case rooted.Absolute:
		return l.Rel, true
	case rooted.Workspace:
		dir = co.Workspace.Root
	case rooted.Build:
		dir = co.Workspace.BuildDir
	case rooted.GitDir:
		dir = co.GitDir
	case rooted.CommonDir:
		dir = co.CommonDir
	case rooted.OuterBuild:
		dir = co.Workspace.Outer
	}
	if dir == "" {
		return "", false
	}
	if l.Rel == "" {
		return dir, true
	}
	return dir + "/" + l.Rel, true
}
