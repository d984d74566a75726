// Package whereabouts finds the build directories and checkouts that a store has served, also where they, or a directory
// they lie in, were renamed: so that a layer whose origin is not at its path any more is not taken for useless. It only
// looks, and in doubt says that something is there. A value is for one goroutine.
package whereabouts

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A lister is a driver that can tell where its trees are.
type lister interface {
	Below(ctx context.Context, dir string, skip func(path string) bool) ([]string, error)
}

// A Store is what is asked of the store.
type Store struct {
	Dir      string // below which the driver is not asked for trees
	Top      string // below which it is; "": the directory that Dir is in
	Claims   string // the directory with the files of claims (active.ClaimPrefix)
	Driver   driver.Driver
	Manifest func(layer string) (*manifest.Manifest, error)
}

// Checkouts is what is known of the build directories that are there, and of
// checkouts that are at another path now.
type Checkouts struct {
	store   Store
	visited map[string]bool // build directories
	served  map[string]bool // those of them that commands have claimed, or the caller knows
	claimed []string        // by commands, which may be gone
	// layers are those that a build directory was made from or last sealed as.
	layers map[string]bool
	// moved are workspace roots that build directories say they belong to, and that
	// are not there.
	moved map[string]bool
	// repositories are the inodes of git directories that were found.
	repositories map[uint64]bool
	// projects are those of layers, by origin and fingerprint.
	projects map[[2]string]string
}

// Find looks for build directories: where the driver knows of its trees,
// where commands have claimed one, and those that the caller knows. A
// checkout that was renamed, or whose directory was, is found beside where it was.
func Find(ctx context.Context, s Store, known ...string) *Checkouts {
	cs := &Checkouts{store: s, visited: map[string]bool{}, served: map[string]bool{}, layers: map[string]bool{}, moved: map[string]bool{}, repositories: map[uint64]bool{}}
	for _, p := range known {
		cs.noteServed(p)
	}
	if d, ok := s.Driver.(lister); ok {
		trees, _ := d.Below(ctx, cmp.Or(s.Top, filepath.Dir(s.Dir)), func(path string) bool { return path == s.Dir })
		for _, t := range trees {
			cs.noteBuildDir(t)
		}
	}
	for _, path := range Claimed(s.Claims) {
		cs.claimed, cs.served[path] = append(cs.claimed, path), true
		cs.findNear(path, cs.noteServed)
	}
	return cs
}

// Claimed lists the build directories that commands have claimed, by the directory with the
// files of claims. They need not be there.
func Claimed(claims string) (paths []string) {
	names, _ := ls.Names(claims)
	for _, name := range names {
		if !strings.HasPrefix(name, active.ClaimPrefix) {
			continue
		}
		if text, err := regular.Read(filepath.Join(claims, name)); err == nil && filepath.IsAbs(strings.TrimSpace(string(text))) {
			paths = append(paths, strings.TrimSuffix(string(text), "\n"))
		}
	}
	return paths
}

func (cs *Checkouts) noteServed(path string) {
	cs.served[path] = true
	cs.noteBuildDir(path)
}

// noteBuildDir takes note of a build directory.
func (cs *Checkouts) noteBuildDir(path string) {
	if cs.visited[path] {
		return
	}
	cs.visited[path] = true
	from := active.ReadProvenance(path)
	if !from.OfLayer() {
		return
	}
	cs.layers[from.Layer] = true
	for _, root := range roots(path) {
		if isGone(root) {
			cs.moved[root] = true
		}
	}
}

// roots are the names by which a build directory knows the checkout it is of: that
// of its last restore, or, where there was none, of its last snapshot.
func roots(buildDir string) (names []string) {
	h, err := handoff.Read(buildDir)
	if err == nil {
		names = append(names, h.Root)
	}
	m, _ := active.Manifest(buildDir)
	if m == nil {
		return names
	}
	own := m.Origins[0].Roots()
	if err != nil || slices.Contains(own, h.Root) {
		names = append(names, own...)
	}
	return names
}

// findNear calls found with path if that is there. If not, the first directory on the way
// that is missing may have been renamed: then found is called with each path that is there
// and goes through another one beside it.
func (cs *Checkouts) findNear(path string, found func(path string)) {
	dir, rest := path, ""
	for isGone(dir) && dir != filepath.Dir(dir) {
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = filepath.Dir(dir)
	}
	if rest == "" {
		found(path)
		return
	}
	_, rest, _ = strings.Cut(rest, "/")
	entries, _ := ls.Names(dir)
	for _, e := range entries {
		if candidate := filepath.Join(dir, e, rest); !isGone(candidate) {
			found(candidate)
		}
	}
}

func (cs *Checkouts) noteRepository(path string) {
	if ino := inode(path); ino != 0 {
		cs.repositories[ino] = true
	}
}

// inode is that of a path, 0 if nothing is there.
func inode(path string) uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}

// InUse reports whether a layer whose origin is not at its path any more is of use:
// a build directory was made from it, or the checkout or its repository is at
// another path.
func (cs *Checkouts) InUse(r *record.Record) bool {
	if cs.layers[r.ID] || cs.moved[r.Origin] {
		return true
	}
	m, err := cs.store.Manifest(r.ID)
	if err != nil {
		return false
	}
	o := &m.Origins[0]
	for _, n := range o.Names {
		if n.Root == rooted.Build {
			cs.findNear(string(n.Text), cs.noteBuildDir)
		}
	}
	for _, dir := range o.Repository() {
		cs.findNear(dir, cs.noteRepository)
	}
	return cs.layers[r.ID] || slices.ContainsFunc(o.Roots(), func(root string) bool { return cs.moved[root] }) ||
		o.Ino != 0 && cs.repositories[o.Ino]
}

// MadeFrom reports whether a build directory was made from a layer, or last sealed as it.
func (cs *Checkouts) MadeFrom(layer string) bool { return cs.layers[layer] }

// RepositoryGone reports whether the repository is gone, too, of a layer whose origin is gone
// and which is not in use. In doubt it is not.
func (cs *Checkouts) RepositoryGone(r *record.Record) bool {
	m, err := cs.store.Manifest(r.ID)
	return err == nil && !slices.ContainsFunc(m.Origins[0].Repository(), func(dir string) bool { return !isGone(dir) })
}

func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// OriginGone reports whether the directory is certainly not there. A record
// cannot spell a name that is not UTF-8, so of such a one nothing is known.
func OriginGone(root string) bool {
	if root == "" || strings.ContainsRune(root, utf8.RuneError) {
		return false
	}
	_, err := os.Lstat(root)
	return errors.Is(err, fs.ErrNotExist)
}
