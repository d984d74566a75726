package active

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// ErrUnsuitable: the build directory is something that cannot be replaced.
var ErrUnsuitable = errors.New("build directory cannot be used")

// Dir is the build directory of a checkout, with the names beside it that belong
// to this program.
type Dir struct {
	Path string // the build directory
	tmp  string // prefix of trees being prepared
	swap string // a prepared tree about to go in, or what came out
	undo string // what the last restore replaced
	// misnamed is where that lies if it was set aside by an earlier version of this
	// program, or before the checkout was one of git.
	misnamed string
}

// At names what lies beside the build directory. What undo brings back lies there for
// weeks. In a checkout of git its name begins with that of the build directory: whatever
// passes over "target*" passes over it as well, and git, and cargo with it, pass over it
// for the .gitignore inside (hideFromGit). Without git its name begins with a dot: cargo
// takes all other files of a package for its own (cargo 1.95,
// sources/path.rs:list_files_walk).
func At(buildDir string, inGit bool) Dir {
	dir, base := filepath.Split(filepath.Clean(buildDir))
	plain := filepath.Join(dir, base+undoSuffix)
	hidden := filepath.Join(dir, "."+base)
	d := Dir{Path: filepath.Join(dir, base), tmp: hidden + paths.BesideTemp, swap: hidden + paths.BesideSwap, undo: plain, misnamed: hidden + paths.UndoSuffix}
	if !inGit {
		d.undo, d.misnamed = d.misnamed, d.undo
	}
	return d
}

// Found is At for whoever knows nothing of the checkout: what lies there stays under its name.
func Found(buildDir string) Dir {
	if d := At(buildDir, false); rollback.Exists(d.undo) && !rollback.Exists(d.misnamed) {
		return d
	}
	return At(buildDir, true)
}

// undoSuffix ends the name of what the last restore replaced.
const undoSuffix = paths.UndoSuffix

// A Kind is what stands under the name of a build directory.
type Kind int

const (
	Absent    Kind = iota
	Directory      // an ordinary directory where the driver needs a tree
	Tree
)

// Kind says what the build directory is. It fails, with what would mend it,
// where the directory is none that can be replaced.
func (d Dir) Kind(drv driver.Driver) (Kind, error) {
	unsuitable := func(what, mend string) (Kind, error) {
		return Absent, &help.Error{Err: fmt.Errorf("use %s: %w: %s", d.Path, ErrUnsuitable, what), Help: mend}
	}
	var st unix.Stat_t
	err := unix.Lstat(d.Path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Absent, nil
	case err != nil:
		return Absent, fmt.Errorf("look at %s: %w", d.Path, err)
	case rollback.IsStub(d.Path):
		return Absent, nil // whoever it seems to belong to
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		to, _ := os.Readlink(d.Path)
		return unsuitable("it is a symbolic link to "+to+", which cargo clean would remove",
			"remove the link and run `cargo cow init`, or name its target in build.build-dir")
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return unsuitable("it is no directory", "remove it")
	case int(st.Uid) != os.Geteuid():
		return unsuitable("it belongs to user "+foreign.UserName(int(st.Uid)), foreign.Help(d.Path))
	}
	if err := driver.CheckRemovable(d.Path); errors.Is(err, driver.ErrBusy) {
		return unsuitable("it is or holds a mount point, and a mount cannot be exchanged", "umount "+help.ShellWord(d.Path))
	} else if err != nil {
		return Absent, fmt.Errorf("look at %s: %w", d.Path, err)
	}
	holds, err := drv.Holds(d.Path)
	if err != nil {
		return Absent, fmt.Errorf("look at %s: %w", d.Path, err)
	}
	if holds {
		return Tree, nil
	}
	return Directory, nil
}

// Undoable reports whether something that a restore replaced lies beside it.
func (d Dir) Undoable() bool { return rollback.Exists(d.undo) || rollback.Exists(d.misnamed) }

// Undeletable lists what lies beside the build directory and could not be deleted.
// The caller has claimed the build directory, or does not mind what another command
// is preparing there.
func (d Dir) Undeletable() []string {
	parent, prefix := filepath.Split(d.tmp)
	all, _ := ls.Names(parent)
	var left []string
	for _, name := range all {
		path := filepath.Join(parent, name)
		if !strings.HasPrefix(name, prefix) || path == d.swap {
			continue
		}
		if dirs, err := foreign.Dirs(path); err == nil && len(dirs) > 0 {
			left = append(left, path)
		}
	}
	return left
}

// Join returns where names relative to the build directory are.
func (d Dir) Join(rels []string) []string {
	var paths []string
	for _, rel := range rels {
		paths = append(paths, filepath.Join(d.Path, rel))
	}
	return paths
}

// LooksBuilt reports whether a directory is empty, or has in it what cargo, or this
// program, puts into build directories. What cannot be listed says no word against it.
func LooksBuilt(dir string) bool {
	names, err := ls.Names(dir)
	if err != nil || len(names) == 0 {
		return true
	}
	own := func(name string) bool { return builddir.IsCargoFile(name) || name == MetaDir }
	if slices.ContainsFunc(names, own) {
		return true
	}
	profiles, err := builddir.Profiles(dir)
	return err != nil || len(profiles) > 0
}
