package rustc

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// macroCommit adds what git says of the checkout, where a macro that may run in this call
// may ask: the commit, the branch, all tags, and which files differ from the commit.
// Packages that cannot change lie in a checkout that does not change either, or in none.
func (u *unit) macroCommit() error {
	asks := slices.ContainsFunc(u.macrosInCall(), func(m Macro) bool { return m.Reach.AsksGit() })
	if !asks || u.immutable() {
		return nil
	}
	state, ok := u.git("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=none")
	if !ok {
		return u.withoutGit()
	}
	var changes []string
	for line := range strings.SplitSeq(state, "\x00") {
		about, of := strings.CutPrefix(line, "# branch.")
		name, value, _ := strings.Cut(about, " ")
		switch {
		case !of:
			changes = append(changes, line)
		case name == "oid":
			u.add("commit", value)
		case name == "head":
			u.add("branch", value)
		}
	}
	tags, ok := u.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags")
	if !ok {
		return &Uncacheable{"macro that may ask git", "which does not list its tags"}
	}
	u.add("tags", digest.OfText(tags))
	u.add("changed files", digest.OfText(strings.Join(changes, "\x00")))
	return nil
}

// withoutGit adds that there is no commit, where git says nothing. If there is a repository
// all the same, a macro may read it without git, or ask a git that is found otherwise.
func (u *unit) withoutGit() error {
	_, named := u.env("GIT_DIR")
	for dir := u.Dir; ; dir = filepath.Dir(dir) {
		if named || hasRepository(dir) {
			return &Uncacheable{"macro that may ask git", "which does not answer"}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	u.add("commit", "none")
	return nil
}

// hasRepository reports whether the .git in a directory leads to a commit: it names another
// place, or has a HEAD that names a branch or a commit.
func hasRepository(dir string) bool {
	head, _, err := digest.Read(dir + "/.git/HEAD")
	if err != nil {
		return exists(dir + "/.git")
	}
	return strings.HasPrefix(string(head), "ref: ") || len(strings.TrimSpace(string(head))) >= 40
}

// git runs git where a macro would, and reports whether it succeeded. What the repository's
// configuration has it run is no more than what the repository's macro has rustc run. It
// takes no lock, and asks no monitor of files, which might answer with an old state.
func (u *unit) git(args ...string) (out string, ok bool) {
	path := u.findProgram("git")
	if path == "" {
		return "", false
	}
	read, write, err := os.Pipe()
	if err != nil {
		return "", false
	}
	defer read.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		write.Close()
		return "", false
	}
	defer null.Close()
	p, err := os.StartProcess(path, append([]string{"git", "-c", "core.fsmonitor="}, args...), &os.ProcAttr{
		Dir: u.Dir, Env: append(slices.Clone(u.Environ), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"), Files: []*os.File{null, write, null},
	})
	write.Close()
	if err != nil {
		return "", false
	}
	text, readErr := io.ReadAll(read)
	state, err := p.Wait()
	return string(text), err == nil && readErr == nil && state.Success()
}
