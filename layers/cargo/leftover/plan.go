package leftover

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Reason says why something is of no use.
type Reason string

// The reasons, in the order of precedence.
const (
	PackageGone   Reason = "package-gone"   // no lockfile has the package, and no member is called so
	ToolchainGone Reason = "toolchain-gone" // the compiler is not installed any more
	Outdated      Reason = "outdated"       // it was built with a unit that is not there as it was
	Unfinished    Reason = "unfinished"     // its last build was not finished, and nothing was built with it
	Orphan        Reason = "orphan"         // an output of a unit that Cargo has no record of, or a record without outputs
	Temporary     Reason = "temporary"      // a killed rustc or linker was writing it
	OldSession    Reason = "old-session"    // rustc would start from another session, or from none
	AllSessions   Reason = "incremental"    // it was asked for
)

// Item is something that can be removed on its own.
type Item struct {
	Reason  Reason
	Unit    string // package and id; a crate where that is all that is known
	Detail  string // what is gone: a package, a compiler; "" where the reason says all
	Profile string
	// Paths are what goes, relative to the build directory, in the order in which it goes.
	// A directory goes with all in it.
	Paths []string
	// Bytes are the sizes of the files, each counted once that has several names in the
	// item. What other items or trees share is not freed.
	Bytes int64
}

// Plan is what can be removed from a build directory.
type Plan struct {
	Dir   string
	Items []Item
	// Doubts say what could not be learnt, so that what depends on it stays.
	Doubts []string

	taken map[string]bool // paths that an item has
}

func newPlan(dir string) *Plan { return &Plan{Dir: dir, taken: map[string]bool{}} }

// add takes up an item, less what an earlier one has and what is not there.
func (p *Plan) add(it Item) {
	var paths []string
	for _, path := range it.Paths {
		if _, err := os.Lstat(filepath.Join(p.Dir, path)); err == nil && !p.has(path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return
	}
	it.Paths = paths
	for _, path := range paths {
		p.taken[path] = true
	}
	it.Bytes = p.size(paths)
	p.Items = append(p.Items, it)
}

// has reports whether an item has the path, or a directory around it.
func (p *Plan) has(path string) bool {
	for !p.taken[path] {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
	return true
}

// size adds up the files at paths.
func (p *Plan) size(paths []string) (bytes int64) {
	type file struct{ dev, ino uint64 }
	seen := map[file]bool{}
	for _, rel := range paths {
		_ = filepath.WalkDir(filepath.Join(p.Dir, rel), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			fi, err := d.Info()
			if err != nil {
				return nil
			}
			st, ok := fi.Sys().(*syscall.Stat_t)
			if !ok || seen[file{st.Dev, st.Ino}] {
				return nil
			}
			seen[file{st.Dev, st.Ino}] = true
			bytes += fi.Size()
			return nil
		})
	}
	return bytes
}

// ownProfiles returns those profiles whose directories, and those of Cargo's in them, are
// directories of this build directory: behind a link lie somebody's files.
func ownProfiles(dir string, profiles []string) (own []string) {
	for _, p := range profiles {
		linked := false
		for _, sub := range []string{filepath.Dir(p), p, p + "/.fingerprint", p + "/deps", p + "/examples", p + "/build", p + "/incremental"} {
			fi, err := os.Lstat(filepath.Join(dir, sub))
			linked = linked || err == nil && fi.Mode()&fs.ModeSymlink != 0
		}
		if !linked {
			own = append(own, p)
		}
	}
	return own
}

// entries lists the names of the files, and of the directories, in a directory.
func entries(dir string) (files, dirs []string, err error) {
	err = builddir.ListDir(dir, func(name []byte, k builddir.EntryKind) {
		switch k {
		case builddir.EntryFile:
			files = append(files, string(name))
		case builddir.EntryDir:
			dirs = append(dirs, string(name))
		}
	})
	return files, dirs, err
}
