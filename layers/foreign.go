package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// One build with sudo leaves files of root in a user's build directory. What is
// readable can be copied, and the copy is the user's own. But directories of another
// user can be neither emptied nor removed, in a snapshot as little as where they
// are; so a layer never has any, and a build directory that has some can be
// replaced, while what it held can then be removed by that user only.

// foreignDepth is how deep directories of another user are looked for: units and
// the runs of scripts, in both layouts, lie no deeper (target/x86_64…/debug/build/
// PACKAGE/ID). Below there are files, and what scripts make.
const foreignDepth = 5

// foreignDirs lists the directories in dir that belong to another user, without
// what is in them. For root none is foreign.
func foreignDirs(dir string) ([]string, error) {
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
		case n > foreignDepth, n > 1 && parts[n-2] == ".fingerprint", n > 2 && parts[n-3] == "incremental":
			return fs.SkipDir
		}
		return nil
	})
	return found, err
}

// ForeignHelp is the command that gives directories back to the user.
func ForeignHelp(dirs ...string) string {
	if os.Geteuid() == 0 {
		return "run it as that user, without sudo"
	}
	words := make([]string, len(dirs))
	for i, dir := range dirs {
		words[i] = shellWord(dir)
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
			return ForeignHelp(top)
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

// foreignError is the error about directories of another user.
func foreignError(what string, dirs ...string) error {
	return &HelpError{fmt.Errorf("%s: %w: %s", what, cargo.ErrForeign, strings.Join(dirs, ", ")), ForeignHelp(dirs...)}
}

// explainUnreadable tells how to mend that something in the build directory may not
// be read.
func explainUnreadable(t target, err error) error {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) {
		return err
	}
	rel, relErr := filepath.Rel(t.path, at.Path)
	if relErr != nil || !filepath.IsLocal(rel) || rel == "." {
		return err
	}
	// One build with sudo leaves more than one such file.
	top, _, _ := strings.Cut(rel, "/")
	dir := filepath.Join(t.path, top)
	if fi, statErr := os.Lstat(at.Path); statErr == nil && int(fi.Sys().(*syscall.Stat_t).Uid) == os.Geteuid() {
		return &HelpError{err, "chmod -R u+rwX " + dir}
	}
	return &HelpError{fmt.Errorf("%w: %w", err, cargo.ErrForeign), ForeignHelp(dir)}
}

// checkOwn refuses to work on a build directory in which somebody else may be
// building right now.
func checkOwn(t target, locks *cargo.Locks) error {
	if closed := locks.Closed(); len(closed) > 0 {
		return foreignError("replace "+t.path, closed...)
	}
	return nil
}

// within returns those of some directories that lie in the build directory,
// relative to it.
func within(t target, dirs []string) []string {
	var rels []string
	for _, dir := range dirs {
		if rel, err := filepath.Rel(t.path, dir); err == nil && filepath.IsLocal(rel) {
			rels = append(rels, rel)
		}
	}
	return rels
}

// inside is the inverse of within.
func (t target) inside(rels []string) []string {
	var dirs []string
	for _, rel := range rels {
		dirs = append(dirs, filepath.Join(t.path, rel))
	}
	return dirs
}

// ownCopy makes a copy of the build directory, in the store, in which all belongs to
// this user: file by file, without the directories that could not be locked.
func (s *Store) ownCopy(ctx context.Context, t target, without []string) (string, error) {
	tmp := s.tree(driver.TempPrefix + digest.OfText(fmt.Sprint(os.Getpid(), time.Now().UnixNano()))[:8])
	if err := s.opts.Driver.Create(ctx, tmp); err != nil {
		return "", err
	}
	mode := reflink.Never
	if s.opts.Driver.Caps().SharesData {
		mode = reflink.Always
	}
	_, err := reflink.CopyTree(ctx, tmp, t.path, reflink.Options{
		Mode:    mode,
		Skip:    func(rel string, _ fs.DirEntry) bool { return slices.Contains(without, rel) },
		LeftOut: driver.LeftOut(ctx, t.path),
	})
	if err != nil {
		return "", errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	return tmp, nil
}

// remove deletes a tree beside the build directory. What another user's directories
// in it keep from being deleted gets a name that is in nobody's way; each command
// tries again, and Undeletable tells of it.
func (s *Store) remove(ctx context.Context, t target, path string) error {
	err := s.opts.Driver.Delete(ctx, path)
	if !errors.Is(err, fs.ErrPermission) || !there(path) {
		return err
	}
	if path != t.swap && path != t.undo {
		return nil
	}
	aside := t.tmp + digest.OfText(fmt.Sprint(os.Getpid(), time.Now().UnixNano()))[:8]
	if moved := driver.Publish(path, aside); moved != nil {
		return &HelpError{errors.Join(err, moved), "sudo rm -rf " + path}
	}
	return nil
}

// undeletable lists what lies beside the build directory and could not be deleted.
// The caller has claimed the build directory, or does not mind what another command
// is preparing there.
func undeletable(t target) []string {
	parent, prefix := filepath.Split(t.tmp)
	all, _ := names(parent)
	var left []string
	for _, name := range all {
		path := filepath.Join(parent, name)
		if !strings.HasPrefix(name, prefix) || path == t.swap {
			continue
		}
		if foreign, err := foreignDirs(path); err == nil && len(foreign) > 0 {
			left = append(left, path)
		}
	}
	return left
}
