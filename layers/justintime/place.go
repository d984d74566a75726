package justintime

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// hollow are names that may be in a build directory in which nothing was built: cargo package --list makes the first,
// and whatever asks for the compiler's version the second.
var hollow = []string{"CACHEDIR.TAG", ".rustc_info.json"}

// IsHollow reports whether a build directory is there in which nothing was built.
func IsHollow(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !slices.Contains(hollow, e.Name()) || !e.Type().IsRegular()
	})
}

// isBuilt reports whether something was built in a directory, or something else is there.
func isBuilt(dir string) bool {
	_, err := os.Lstat(dir)
	return err == nil && !IsHollow(dir)
}

// above calls do for dir and each directory above it, until it returns true.
func above(dir string, do func(dir string) bool) bool {
	for ; !do(dir); dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			return false
		}
	}
	return true
}

// builtAbove reports whether one of the packages that a directory lies in has its build directory. Which is the
// workspace's root only cargo knows; where another one has been built in, nobody is sure to be without. What is above
// the top of a working tree is another's, as where worktrees lie in the checkout that they are of. Jujutsu gives its
// workspaces .jj, and only colocated ones .git.
func builtAbove(dir string) (built bool) {
	above(dir, func(d string) bool {
		built = exists(d+"/Cargo.toml") && isBuilt(d+"/target")
		return built || exists(d+"/.git") || exists(d+"/.jj")
	})
	return built
}

// isWithin reports whether a directory lies in the build directory that a package above dir has if nothing is said:
// another tree is not to be made inside it.
func isWithin(target, dir string) bool {
	return above(dir, func(d string) bool {
		return exists(d+"/Cargo.toml") && strings.HasPrefix(target, filepath.Join(d, "target")+"/")
	})
}

// configFiles are the files that Cargo takes its configuration from in a directory.
func configFiles(dir string) (files []string) {
	above(dir, func(d string) bool {
		for _, name := range []string{".cargo/config.toml", ".cargo/config"} {
			if exists(filepath.Join(d, name)) {
				files = append(files, filepath.Join(d, name))
			}
		}
		return false
	})
	return files
}

// wasBuilt reports whether the working tree at top notes that it has had one of the build directories that packages above
// dir have: then somebody has removed it, and wants to build anew. Package layers/git writes the note, and is too much
// to start with each unit.
func wasBuilt(top, dir, target string) bool {
	text, err := regular.Read(filepath.Join(locate.GitDir(top), paths.WorktreeBuilt))
	if err != nil {
		return false
	}
	had := strings.Split(string(text), "\n")
	if isOfAnother(had, top) {
		return false // it came with a copy
	}
	is := func(buildDir string) bool {
		if rel, err := filepath.Rel(top, buildDir); err == nil && filepath.IsLocal(rel) {
			buildDir = rel
		}
		return slices.Contains(had, buildDir)
	}
	if target != "" {
		return is(target)
	}
	return above(dir, func(d string) bool { return exists(d+"/Cargo.toml") && is(d+"/target") })
}

// isOfAnother reports whether a note says that it is of another working tree than the one at top.
func isOfAnother(lines []string, top string) bool {
	var st unix.Stat_t
	if unix.Stat(top, &st) != nil {
		return false
	}
	own := paths.WorktreeTopMark + strconv.FormatUint(st.Ino, 10)
	return slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, paths.WorktreeTopMark) && line != own })
}

// isKnown reports whether there is a store for what is to be built which knows the repository or the lockfile, or
// whether its user has this program act by itself: then trees are to be made wherever they can be.
func (r *request) isKnown() bool {
	real, err := filepath.EvalSymlinks(r.dir)
	if err != nil {
		return false
	}
	if _, yes := locate.Trespass(real); yes {
		return false
	}
	getenv := locate.Getenv(r.env)
	if locate.UserOf(getenv).IsAutomatic() && mayShare(cmp.Or(r.target, real)) {
		return true
	}
	store, ok := locate.InEnvironment(getenv)
	if store == "" {
		var kind locate.Kind
		store, kind = locate.Within(real, locate.UserOf(getenv)).Find()
		ok = kind == locate.Near
	}
	if !ok {
		return false
	}
	known := false
	above(real, func(dir string) bool {
		if text, err := regular.Read(filepath.Join(dir, "Cargo.lock")); err == nil && exists(filepath.Join(lockfiles(store), digest.Of(text))) {
			known = true
		}
		repo := locate.Repository(dir)
		if repo == "" {
			return false
		}
		known = (known || len(locate.Memory(repo)) > 0) && !wasBuilt(dir, real, r.target)
		return true // what is above is another working tree's
	})
	return known
}

// mayShare reports whether a directory is on a file system of a kind whose files can share data. Whether they do there is
// found out by trying, which takes longer.
func mayShare(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(locate.Existing(dir), &st) == nil && slices.Contains(sharing, uint32(st.Type))
}

// sharing are the kinds (linux/magic.h; bcachefs and ZFS have theirs in fs/bcachefs/bcachefs_format.h and OpenZFS'
// include/sys/fs/zfs.h).
var sharing = []uint32{unix.BTRFS_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, 0xca451a4e, 0x2fc12fc1}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
