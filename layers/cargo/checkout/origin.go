package checkout

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Name is one text by which a directory of an origin was ever called.
type Name struct {
	Root rooted.Root `json:"base"`
	Text paths.Path  `json:"text"`
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

// Roots returns the names of its workspace root.
func (o *Origin) Roots() []string { return o.called(rooted.Workspace) }

// Repository returns the names of the git directory that all checkouts of its repository
// share.
func (o *Origin) Repository() []string { return o.called(rooted.CommonDir) }

func (o *Origin) called(base rooted.Root) (names []string) {
	for _, n := range o.Names {
		if n.Root == base {
			names = append(names, string(n.Text))
		}
	}
	return names
}

// IsAt reports whether co lies where the origin was.
func (o *Origin) IsAt(co *Checkout) bool {
	return slices.Contains(o.Names, Name{rooted.Workspace, paths.Path(co.Workspace.Root)}) &&
		slices.Contains(o.Names, Name{rooted.Build, paths.Path(co.Workspace.BuildDir)})
}

func (o *Origin) add(base rooted.Root, text string) {
	if text == "" || text == "/" || slices.Contains(o.Names, Name{base, paths.Path(text)}) {
		return
	}
	o.Names = append(o.Names, Name{base, paths.Path(text)})
	// The longest name comes first: the build directory usually lies in the root.
	slices.SortStableFunc(o.Names, func(a, b Name) int { return len(b.Text) - len(a.Text) })
}

// OriginOf returns the checkout as an origin, by all names that are known of it, those
// with symbolic links followed among them.
func OriginOf(co *Checkout) *Origin {
	o := &Origin{Git: co.Git}
	if fi, err := os.Stat(co.CommonDir); err == nil && co.GitDir == co.CommonDir {
		o.Ino = fi.Sys().(*syscall.Stat_t).Ino
	}
	for _, n := range []struct {
		base rooted.Root
		text string
	}{
		{rooted.Workspace, co.Workspace.Root}, {rooted.Build, co.Workspace.BuildDir},
		{rooted.GitDir, co.GitDir}, {rooted.CommonDir, co.CommonDir}, {rooted.OuterBuild, co.Workspace.Outer},
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

// Locate turns an absolute path, as some file of the build spells it, into one that
// can be found in other checkouts. known is false when no name of the origin explains
// the path although it leads into the origin: then the origin has another name.
func (o *Origin) Locate(path string) (l rooted.Path, known bool) {
	for _, n := range o.Names {
		if rest, ok := paths.Under(path, string(n.Text)); ok {
			return rooted.Path{Root: n.Root, Rel: rest}, true
		}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = filepath.Clean(path)
	}
	for _, n := range o.Names {
		if rest, ok := paths.Under(real, string(n.Text)); ok {
			return rooted.Path{Root: n.Root, Rel: rest}, false
		}
	}
	if root := o.sameFile(path); root != "" {
		o.add(rooted.Workspace, root)
		rest, _ := paths.Under(path, root)
		return rooted.Path{Root: rooted.Workspace, Rel: rest}, false
	}
	return rooted.Path{Root: rooted.Absolute, Rel: path}, true
}

// sameFile returns the name of the root that path begins with, if the root is known by
// another name only, as after a second mount: then the same file lies, in the same
// directory, at the same relative path below both. The file alone proves nothing: it
// may be a hard link.
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
			if n.Root != rooted.Workspace {
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

// Mentions returns the name of the origin that text holds as a path, and not as the
// front part of a longer file name. A unit with such a text is made dirty, so in doubt
// it is found.
func (o *Origin) Mentions(text string) (name string, found bool) {
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

// MentionsCommit reports whether text holds the origin's commit id, at least
// the seven digits git abbreviates to.
func (o *Origin) MentionsCommit(text string) bool {
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

// WorkDir returns the workspace root as the kernel names it, with no symbolic links:
// that is where cargo runs rustc. If the origin is gone, it is the first name known.
func (o *Origin) WorkDir() string {
	first := ""
	for _, n := range o.Names {
		if n.Root != rooted.Workspace {
			continue
		}
		if real, err := filepath.EvalSymlinks(string(n.Text)); err == nil && real == string(n.Text) {
			return real
		}
		if first == "" {
			first = string(n.Text)
		}
	}
	return first
}

// Root returns the first name of the workspace root, in words where there is none.
func (o *Origin) Root() string {
	for _, n := range o.Names {
		if n.Root == rooted.Workspace {
			return string(n.Text)
		}
	}
	return "another checkout"
}
