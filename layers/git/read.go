package git

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// read finds out what Open asks, from the files that git would read, or returns nil where
// these leave any doubt: then git is asked. Starting git takes some 2.5 ms of a processor's
// time, a fifth of a restore, and fifty restores at once wait for each other's.
//
// It serves the plain case only: a working tree of the caller's own, with its .git right
// in dir, at a commit, and nothing in the repository's configuration that could move any
// of it. What is read and in which order is that of git 2.39 (setup.c:
// setup_git_directory_gently_1, ensure_valid_ownership, is_git_directory; refs/files-backend.c:
// files_read_raw_ref), and a test compares the answers.
func read(dir string, environ []string) *Checkout {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil || !plainEnviron(environ) || !own(root) {
		return nil
	}
	c := &Checkout{Root: root, environ: environ}
	if c.GitDir = gitDir(root); c.GitDir == "" || !own(c.GitDir) {
		return nil
	}
	if c.CommonDir = commonDir(c.GitDir); c.CommonDir == "" || !plainRepository(c.CommonDir) {
		return nil
	}
	head, ok := readSmall(filepath.Join(c.GitDir, "HEAD"))
	if !ok {
		return nil
	}
	if ref, ok := strings.CutPrefix(head, "ref: "); ok {
		c.Ref = ref
		head = commitOf(c.CommonDir, ref)
	}
	if c.Head = head; !isCommit(head) {
		return nil
	}
	return c
}

// plainVariables are those of git's that have no say in where a repository is. They may
// end in an asterisk.
var plainVariables = []string{
	"GIT_AUTHOR_*", "GIT_COMMITTER_*", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	"GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND",
	"GIT_SSL_*", "GIT_HTTP_*", "GIT_TRACE*", "GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_REFLOG_ACTION", "GIT_EXEC_PATH",
}

func plainEnviron(environ []string) bool {
	return !slices.ContainsFunc(environ, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "GIT_") && !slices.ContainsFunc(plainVariables, func(plain string) bool {
			stem, open := strings.CutSuffix(plain, "*")
			return name == plain || open && strings.HasPrefix(name, stem)
		})
	})
}

// own reports whether a file or directory is the caller's: of others git says what it
// thinks of them.
func own(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && int(fi.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}

// gitDir is the git directory of the working tree at root, "" where it is not in the
// usual place.
func gitDir(root string) string {
	name := filepath.Join(root, ".git")
	fi, err := os.Lstat(name)
	switch {
	case err != nil:
		return ""
	case fi.IsDir():
		return name
	case !own(name):
		return ""
	}
	text, ok := readSmall(name)
	dir, named := strings.CutPrefix(text, "gitdir: ")
	if !ok || !named {
		return ""
	}
	return existing(root, dir)
}

// commonDir is what all working trees of a repository share.
func commonDir(gitDir string) string {
	name := filepath.Join(gitDir, "commondir")
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return gitDir
	}
	text, ok := readSmall(name)
	if !ok {
		return ""
	}
	return existing(gitDir, text)
}

// existing is the real name of a directory that is named from another one, "" if it is
// none.
func existing(from, name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(from, name)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil || !isDir(real) {
		return ""
	}
	return real
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// maxSmall is more than what git keeps in its files of one line, and in a configuration
// that nobody has filled by a program.
const maxSmall = 64 << 10

// readSmall reads a file of one line, an ordinary one, without the end of the line.
func readSmall(path string) (line string, ok bool) {
	text, ok := readPlain(path)
	line, _ = strings.CutSuffix(string(text), "\n")
	return line, ok && line != "" && !strings.ContainsAny(line, "\n\r\x00")
}

func readPlain(path string) ([]byte, bool) {
	fi, err := os.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > maxSmall {
		return nil, false
	}
	text, err := os.ReadFile(path)
	return text, err == nil
}

// plainRepository reports whether nothing in a repository is in another form, or another
// place, than git has made it at first.
func plainRepository(common string) bool {
	if !isDir(filepath.Join(common, "objects")) || !isDir(filepath.Join(common, "refs")) {
		return false
	}
	config, ok := readPlain(filepath.Join(common, "config"))
	return ok && plainConfig(string(config))
}

// plainConfig reports whether a repository's configuration says nothing of its form or its
// place but what git has written at first. A word is enough for doubt, wherever it stands:
// names of keys and sections are never quoted.
func plainConfig(text string) bool {
	const form = "repositoryformatversion=0"
	known := false
	for line := range strings.Lines(strings.ToLower(text)) {
		line = strings.Join(strings.Fields(line), "")
		switch {
		case line == form:
			known = true
		case line == "bare=false":
		case strings.HasPrefix(line, "[") && !strings.HasSuffix(line, "]"):
			return false // git may refuse it
		default:
			for _, word := range []string{"worktree", "include", "extensions", "bare", "repositoryformatversion"} {
				if strings.Contains(line, word) {
					return false
				}
			}
		}
	}
	return known
}

// commitOf is the commit that a branch is at, "" where that is not in the usual place.
func commitOf(common, ref string) string {
	name, branch := strings.CutPrefix(ref, "refs/heads/")
	if !branch || !filepath.IsLocal(name) || filepath.Clean(name) != name || strings.HasPrefix(name, ".") {
		return ""
	}
	loose := filepath.Join(common, ref)
	if _, err := os.Lstat(loose); err == nil {
		commit, _ := readSmall(loose)
		return commit
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return ""
	}
	packed, err := os.ReadFile(filepath.Join(common, "packed-refs"))
	if err != nil {
		return ""
	}
	end := bytes.Index(packed, []byte(" "+ref+"\n"))
	if end < 0 {
		return ""
	}
	return string(packed[bytes.LastIndexByte(packed[:end], '\n')+1 : end])
}

// isCommit tells the id of a commit in a repository of the usual form.
func isCommit(s string) bool { return len(s) == 40 && isID(s) }
