package whereabouts

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A Tree is a build directory, or what undo would bring back in its place.
type Tree struct {
	Path string
	Of   string // the build directory: Path itself, or that which undo would replace
	Undo bool
	// Abandoned: the checkout that it was built in is gone, and it lies where that was.
	Abandoned bool
	// Sealed: it is a layer of another store.
	Sealed bool
	// Served: a command has worked there with this store.
	Served bool
}

// Trees lists the build directories that were found and that cargo has built in, with what
// lies beside them for undo, sorted by path. Snapshots that somebody has made of them are
// among them, where the driver knows of those.
func (cs *Checkouts) Trees() []Tree {
	all := map[string]string{} // by path, of which build directory
	for visited := range cs.visited {
		dir := beside(visited)
		parent, base := filepath.Split(dir)
		for _, path := range []string{dir, dir + paths.UndoSuffix, parent + "." + base + paths.UndoSuffix} {
			if isBuildDir(path) && (all[path] == "" || path != dir) {
				all[path] = dir
			}
		}
	}
	var list []Tree
	for _, path := range slices.Sorted(maps.Keys(all)) {
		list = append(list, Tree{
			Path: path, Of: all[path], Undo: path != all[path], Abandoned: abandoned(path, all[path]),
			Sealed: isLayer(path), Served: cs.served[path] || cs.served[all[path]],
		})
	}
	return list
}

// Untidied lists the build directories beside which a process that died has left something
// half made or half removed, sorted. They may be gone themselves.
func (cs *Checkouts) Untidied() []string {
	found := map[string]bool{}
	look := func(dir string) {
		parent, base := filepath.Split(dir)
		for _, mark := range []string{paths.BesideTemp, paths.BesideSwap} {
			if left, err := filepath.Glob(escapeGlob(parent+"."+base+mark) + "*"); err == nil && len(left) > 0 {
				found[dir] = true
			}
		}
	}
	for visited := range cs.visited {
		look(beside(visited))
	}
	for _, dir := range cs.claimed {
		look(dir)
	}
	return slices.Sorted(maps.Keys(found))
}

// beside is the build directory beside which a tree of this program's lies, which may be gone;
// any other directory is itself. All such names begin with a dot but one, and a build directory
// that is there goes before one that is not.
func beside(path string) string {
	parent, base := filepath.Split(path)
	name, _, ok := strings.Cut(base, paths.BesideMark)
	if !ok {
		return path
	}
	hidden := parent + strings.TrimPrefix(name, ".")
	if plain := parent + name; plain != hidden && !isGone(plain) {
		return plain
	}
	return hidden
}

// escapeGlob is a pattern that matches a path and nothing else.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// isBuildDir reports whether a directory is one that cargo built in, or this program
// filled.
func isBuildDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() && (!isGone(filepath.Join(path, paths.TreeMeta)) || !isGone(filepath.Join(path, ".rustc_info.json")))
}

// abandoned reports whether a build directory, or what undo would bring back in its place,
// lies in what was a checkout that this program has worked in, and nothing else of that is
// left which tells of a checkout: git leaves the directory where it may not remove it. A
// workspace may also be missing since git is at a commit that has it not: then the working
// tree around it is there.
func abandoned(path, buildDir string) bool {
	for _, root := range roots(path) {
		rel, err := filepath.Rel(root, buildDir)
		if err != nil || !filepath.IsLocal(rel) || rel == "." || isGone(root) || !isGone(filepath.Join(root, "Cargo.toml")) {
			continue
		}
		if h, err := handoff.Read(path); err == nil && h.Root == root {
			return isGone(filepath.Join(h.Checkout, ".git"))
		}
		return !inRepository(root)
	}
	return false
}

// inRepository reports whether a directory, or one above it, is the top of a working tree.
func inRepository(dir string) bool {
	for {
		if !isGone(filepath.Join(dir, ".git")) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
		dir = filepath.Dir(dir)
	}
}

// isLayer reports whether a tree lies where a store has its layers.
func isLayer(path string) bool {
	dir, store := filepath.Dir(path), filepath.Dir(filepath.Dir(path))
	return filepath.Base(dir) == paths.StoreLayers && !isGone(filepath.Join(store, paths.StoreVersion))
}

// MountPoint is the outermost directory on the way to dir that is of the same mount.
func MountPoint(dir string) string {
	mount := func(path string) (uint64, bool) {
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &st)
		return st.Mnt_id, err == nil && st.Mask&unix.STATX_MNT_ID != 0
	}
	own, ok := mount(dir)
	for ok && dir != "/" {
		up := filepath.Dir(dir)
		if id, known := mount(up); !known || id != own {
			break
		}
		dir = up
	}
	return dir
}
