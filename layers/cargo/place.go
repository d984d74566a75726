package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Place is one checkout: where things lie, and what outside the files decides
// what a build makes of them. Paths are absolute.
type Place struct {
	Workspace *Workspace
	// Fingerprint is what a layer for the place is looked up by.
	Fingerprint *Fingerprint
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
func (p *Place) Abs(l Loc) (string, bool) {
	dir := ""
	switch l.Base {
	case BaseFixed:
		return l.Path, true
	case BaseRoot:
		dir = p.Workspace.Root
	case BaseBuild:
		dir = p.Workspace.BuildDir
	case BaseGit:
		dir = p.GitDir
	case BaseCommon:
		dir = p.CommonDir
	case BaseOuter:
		dir = p.Workspace.Outer
	}
	if dir == "" {
		return "", false
	}
	if l.Path == "" {
		return dir, true
	}
	return dir + "/" + l.Path, true
}

// Name is one text by which a directory of an origin was ever called.
type Name struct {
	Base Base `json:"base"`
	Text Path `json:"text"`
}

// Origin is the checkout a unit was built in, by every name it went by.
type Origin struct {
	Names []Name   `json:"names"`
	Git   GitState `json:"git"`
	// Clean tells that the checkout equalled its commit when the layer was
	// sealed; only then does the commit say what a script saw.
	Clean bool `json:"clean,omitempty"`
	// Ino is the inode of the repository whose main checkout it is, by which that
	// is known again at another path; 0 for any other checkout.
	Ino uint64 `json:"ino,omitempty"`
}

// Roots are the names of its workspace root.
func (o *Origin) Roots() []string { return o.called(BaseRoot) }

// Repository are the names of the git directory that all its checkouts share.
func (o *Origin) Repository() []string { return o.called(BaseCommon) }

func (o *Origin) called(base Base) (names []string) {
	for _, n := range o.Names {
		if n.Base == base {
			names = append(names, string(n.Text))
		}
	}
	return names
}

// is reports whether the place is where the origin was.
func (o *Origin) is(p *Place) bool {
	return slices.Contains(o.Names, Name{BaseRoot, Path(p.Workspace.Root)}) &&
		slices.Contains(o.Names, Name{BaseBuild, Path(p.Workspace.BuildDir)})
}

func (o *Origin) add(base Base, text string) {
	if text == "" || text == "/" || slices.Contains(o.Names, Name{base, Path(text)}) {
		return
	}
	o.Names = append(o.Names, Name{base, Path(text)})
	// The longest name first: the build directory usually lies in the root.
	slices.SortStableFunc(o.Names, func(a, b Name) int { return len(b.Text) - len(a.Text) })
}

// newOrigin is the place as an origin, by all names that are known of it: links are
// followed.
func newOrigin(p *Place) *Origin {
	o := &Origin{Git: p.Git}
	if fi, err := os.Stat(p.CommonDir); err == nil && p.GitDir == p.CommonDir {
		o.Ino = fi.Sys().(*syscall.Stat_t).Ino
	}
	for _, n := range []struct {
		base Base
		text string
	}{
		{BaseRoot, p.Workspace.Root}, {BaseBuild, p.Workspace.BuildDir},
		{BaseGit, p.GitDir}, {BaseCommon, p.CommonDir}, {BaseOuter, p.Workspace.Outer},
	} {
		if n.text == "" {
			continue
		}
		o.add(n.base, n.text)
		if real, err := filepath.EvalSymlinks(n.text); err == nil {
			o.add(n.base, real)
		}
	}
	return o
}

// locate turns an absolute path, as some file of the build spells it, into a
// Loc. known is false when no name of the origin explains it although it leads
// into the origin: then the origin has a name nobody told us of.
func (o *Origin) locate(path string) (l Loc, known bool) {
	for _, n := range o.Names {
		if rest, ok := paths.Under(path, string(n.Text)); ok {
			return Loc{n.Base, rest}, true
		}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = filepath.Clean(path)
	}
	for _, n := range o.Names {
		if rest, ok := paths.Under(real, string(n.Text)); ok {
			return Loc{n.Base, rest}, false
		}
	}
	if root := o.sameFile(path); root != "" {
		o.add(BaseRoot, root)
		rest, _ := paths.Under(path, root)
		return Loc{BaseRoot, rest}, false
	}
	return Loc{BaseFixed, path}, true
}

// sameFile finds the root under a name that shares no text with any known one,
// such as a second mount of the same directory: the same file in the same
// directory at the same place below both. The file alone may be a hard link.
func (o *Origin) sameFile(path string) string {
	fi, err := os.Stat(path)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		rest, ok := paths.Under(path, dir)
		if !ok {
			continue
		}
		for _, n := range o.Names {
			if n.Base != BaseRoot {
				continue
			}
			twin := string(n.Text) + "/" + rest
			if other, err := os.Stat(twin); err == nil && os.SameFile(fi, other) && sameDir(filepath.Dir(path), filepath.Dir(twin)) {
				return dir
			}
		}
	}
	return ""
}

// mentions reports whether text holds a name of the origin as a path, that is
// not as the front part of a longer file name. What does makes a unit dirty, so in
// doubt it does.
func (o *Origin) mentions(text string) (name string, found bool) {
	for _, n := range o.Names {
		for i := 0; ; {
			j := strings.Index(text[i:], string(n.Text))
			if j < 0 {
				break
			}
			end := i + j + len(n.Text)
			if paths.MayEnd(text, end) {
				return string(n.Text), true
			}
			i += j + 1
		}
	}
	return "", false
}

// mentionsCommit reports whether text holds the origin's commit id, at least
// the seven digits git abbreviates to.
func (o *Origin) mentionsCommit(text string) bool {
	return len(o.Git.Commit) >= 7 && strings.Contains(text, o.Git.Commit[:7])
}

func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
