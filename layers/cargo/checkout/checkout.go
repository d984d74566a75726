// Package checkout describes a working copy of a workspace: where it lies, by every name it goes by,
// and which units of a build directory were built in it, from which package and sources. The values
// are plain data; an Attribution learns names as it is asked, and is for one goroutine.
package checkout

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

// Checkout is one checkout: where things lie, and what outside the files decides
// what a build makes of them. Paths are absolute.
type Checkout struct {
	Workspace *project.Workspace
	// Fingerprint is what layers for the checkout are looked up by; nil if none are.
	Fingerprint *depset.Fingerprint
	GitDir      string // of this checkout; "" when not under git
	CommonDir   string // the git directory that all checkouts of the repository share
	Git         GitState
	// Env is the [env] table of cargo's configuration in canonical form.
	Env string
	// ConfigChanged is when a file of cargo's configuration was last changed, in ns.
	ConfigChanged int64
	// LinkFlags are flags for rustc about linking that come from cargo's configuration
	// and are not part of a unit's fingerprint.
	LinkFlags []string
	// Getenv looks a variable up in the environment that a build will have; nil where
	// that is not known.
	Getenv func(name string) (string, bool)
	// Linkers are the linkers, by absolute path, that cargo is configured to call and
	// that lie in the checkout.
	Linkers []string
	// Files lists what git tracks or would track below the workspace root, for
	// inputs that lie beside a package. Nil: not under git, walk instead.
	Files func() ([]string, error)
	// Dirty reports whether the checkout differs from its commit.
	Dirty func() (bool, error)
	// Moved is when the checkout came to its commit, or later, and Touched when a tracked
	// file was last changed, in ns; nil when not under git.
	Moved   func() int64
	Touched func() (int64, error)
	// Tags is all tags of the repository; nil when not under git.
	Tags func() (Tags, error)
	// RunGit runs git in a directory of the checkout; nil when not under git.
	RunGit func(dir string, args ...string) ([]byte, error)
}

// GitState is what a program can see of git that builds its commit into itself.
type GitState struct {
	Commit string `json:"commit,omitempty"`
	Ref    string `json:"ref,omitempty"`
}

// Tags are those of a repository.
type Tags struct {
	Digest  string // "" where there are none
	Changed int64  // when one was set or removed, in ns, or later
}

// Within returns the same checkout with another build directory, which lies at rel in its
// own.
func (co *Checkout) Within(rel string) *Checkout {
	inner, ws := *co, *co.Workspace
	ws.Outer, ws.BuildDir = ws.BuildDir, ws.BuildDir+"/"+rel
	inner.Workspace = &ws
	return &inner
}

// Abs returns where path lies in the checkout. The second result is false if the
// checkout has no such root.
func (co *Checkout) Abs(path rooted.Path) (string, bool) {
	dir := ""
	switch path.Root {
	case rooted.Absolute:
		return path.Rel, true
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
	if path.Rel == "" {
		return dir, true
	}
	return dir + "/" + path.Rel, true
}
