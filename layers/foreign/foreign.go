// Package foreign finds what belongs to another user inside what is this user's, and says
// how to mend it. One build with sudo leaves files of root in a user's build directory.
// What is readable can be copied, and the copy is the user's own. But a directory of
// another user can be neither emptied nor removed, nor can its copy in a snapshot. So a
// layer never has any. A build directory that has some can be replaced, and only that user
// can then remove what it held.
//
// The package looks and explains; it changes nothing and may be used from anywhere
// at once.
package foreign

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
)

// depth is how deep directories of another user are looked for: units and
// the runs of scripts, in both layouts, lie no deeper (target/x86_64…/debug/build/
// PACKAGE/ID). Below there are files, and what scripts make.
const depth = 5

// Dirs lists the directories in dir that belong to another user, without
// what is in them. For root none is foreign.
func Dirs(dir string) ([]string, error) {
	if os.Geteuid() == 0 {
		return nil, nil
	}
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !d.IsDir() || path == dir {
			return nil
		}
		fi, err := d.Info()
		if err == nil && int(fi.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			found = append(found, path)
			return fs.SkipDir
		}
		rel, _ := filepath.Rel(dir, path)
		parts := strings.Split(rel, "/")
		n := len(parts)
		switch {
		// There are a few files for each unit, and many for each session, and no
		// directories.
		case n > depth, n > 1 && parts[n-2] == ".fingerprint", n > 2 && parts[n-3] == "incremental":
			return fs.SkipDir
		}
		return nil
	})
	return found, err
}

// Help is the command that gives directories back to the user.
func Help(dirs ...string) string {
	if os.Geteuid() == 0 {
		return "run it as that user, without sudo"
	}
	words := make([]string, len(dirs))
	for i, dir := range dirs {
		words[i] = help.ShellWord(dir)
	}
	return fmt.Sprintf("sudo chown -R %s %s", UserName(os.Geteuid()), strings.Join(words, " "))
}

// PermissionHelp is the command that mends an error about something that belongs to
// another user, within what is this user's: a file that a command with sudo has left
// there. It returns "" for every other error.
func PermissionHelp(err error) string {
	var at *fs.PathError
	if os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) {
		return ""
	}
	owned := func(path string) (mine, foreign bool) {
		fi, err := os.Lstat(path)
		if err != nil {
			return false, false
		}
		mine = int(fi.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
		return mine, !mine
	}
	top := ""
	for path := filepath.Clean(at.Path); filepath.IsAbs(path) && path != "/"; path = filepath.Dir(path) {
		mine, foreign := owned(path)
		if mine && top != "" {
			return Help(top)
		}
		if mine {
			return ""
		}
		if foreign {
			top = path
		}
	}
	return ""
}

// UserName names a user; one without a name by the number.
func UserName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// Error is the error about directories of another user.
func Error(what string, dirs ...string) error {
	return &help.Error{Err: fmt.Errorf("%s: %w: %s", what, builddir.ErrForeign, strings.Join(dirs, ", ")), Help: Help(dirs...)}
}

// Explain tells how to mend that something in a build directory may not be
// read.
func Explain(buildDir string, err error) error {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) {
		return err
	}
	rel, relErr := filepath.Rel(buildDir, at.Path)
	if relErr != nil || !filepath.IsLocal(rel) || rel == "." {
		return err
	}
	// One build with sudo leaves more than one such file.
	top, _, _ := strings.Cut(rel, "/")
	dir := filepath.Join(buildDir, top)
	if fi, statErr := os.Lstat(at.Path); statErr == nil && int(fi.Sys().(*syscall.Stat_t).Uid) == os.Geteuid() {
		return &help.Error{Err: err, Help: "chmod -R u+rwX " + help.ShellWord(dir)}
	}
	return &help.Error{Err: fmt.Errorf("%w: %w", err, builddir.ErrForeign), Help: Help(dir)}
}
