package extent

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// IsRepository reports whether a name is that of version control's own directory, or
// of the file that stands for it.
func IsRepository(name string) bool {
	return name == ".git" || name == ".hg" || name == ".jj" || name == ".svn"
}

// neverRead are names that editors and desktops leave behind: no build reads them, and
// every checkout has others.
var neverRead = map[string]bool{
	".DS_Store": true, ".direnv": true, ".idea": true, ".vscode": true, ".zed": true,
	"4913": true, // vim's, to see whether it may write
}

// NeverRead reports whether nothing of that name, wherever it lies, is read by a build.
func NeverRead(name string) bool {
	switch {
	case IsRepository(name), neverRead[name], strings.HasSuffix(name, paths.UndoSuffix):
		return true
	case strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), len(name) > 2 && name[0] == '#' && name[len(name)-1] == '#':
		return true
	case strings.HasPrefix(name, "."):
		return strings.Contains(name, paths.BesideMark) || isSwap(filepath.Ext(name))
	}
	return false
}

// isSwap reports whether ext is that of a swap file of vim, which counts down from .swp.
func isSwap(ext string) bool {
	return len(ext) == 4 && ext[:3] == ".sw" && ext[3] >= 'a' && ext[3] <= 'p'
}

// IsCacheDir reports whether a directory is tagged as something that can be made again,
// or is a build directory of Cargo's. Cargo tags all that it makes itself
// (layout.rs:Layout::new), and notes in each what rustc said of itself.
func IsCacheDir(dir string) bool {
	if b, err := regular.Read(dir + "/CACHEDIR.TAG"); err == nil && strings.HasPrefix(string(b), "Signature: 8a477f597d28d172789f06886806bc55") {
		return true
	}
	_, err := os.Lstat(dir + "/.rustc_info.json")
	return err == nil
}

// Documentation reports whether a file beside the packages, named relative to the tree it
// lies in, is documentation. That changes with every other commit, and no script is
// known that reads it beside its own package without declaring so.
func Documentation(rel string) bool {
	base := filepath.Base(rel)
	return strings.HasSuffix(base, ".md") || strings.HasPrefix(base, "LICENSE") || strings.HasPrefix(base, ".git") ||
		strings.HasPrefix(rel, ".github/")
}

// Compiled reports whether a file, named relative to its package's directory, is source
// that Cargo compiles by convention. For packages that lie inside of that package it is
// another package's source; all else there lies beside them.
func Compiled(rel string) bool {
	if rel == "build.rs" {
		return true
	}
	dir, _, _ := strings.Cut(rel, "/")
	return strings.HasSuffix(rel, ".rs") && (dir == "src" || dir == "tests" || dir == "benches" || dir == "examples")
}

// LintConfigs are the names of clippy's settings, which it looks for in each directory
// upwards.
var LintConfigs = []string{".clippy.toml", "clippy.toml"}

// Above returns the path of the file of that name in the nearest directory above root; ""
// if there is none, or if root itself has one.
func Above(root, name string) string {
	for dir := root; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() {
			if dir == root {
				return ""
			}
			return path
		}
		if dir == "/" || dir == "." {
			return ""
		}
	}
}
