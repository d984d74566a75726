// Package git asks the git program about one checkout, and reads for itself what takes
// no more than a look at a few files.
//
// It promises answers about the directory it was given and about nothing else:
// the variables by which git tells a hook where it runs (GIT_DIR and its kin)
// are taken out of the environment, and git never takes a lock it could do
// without. Paths are absolute and free of symlinks. Nothing that the configuration of a
// repository names is run, and nothing is fetched; the one exception is ProbeHook, which
// runs the hooks and says so.
//
// A Checkout is what git said at the time of Open and is not changed after; its
// methods start processes, may be called concurrently, and see the repository as
// it is then. Only Exclude, InstallHook, RemoveHook and SetSwitch write, and only
// below the common directory; and AddWorktree and what else worktrees.go has to make and
// remove working trees.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/regular"
)

var (
	// ErrNotRepository: the directory is in no working tree of git (a bare
	// repository and the inside of a .git directory have none either).
	ErrNotRepository = errors.New("not in a git checkout")
	// ErrNoGit: there is no git program on the PATH.
	ErrNoGit = errors.New("git is not installed")
	// ErrForeign: git does not read the repository, since it belongs to another
	// user (git 2.35.2, safe.directory).
	ErrForeign = errors.New("repository of another user")
	// ErrUnknownCommit: the repository does not have the commit.
	ErrUnknownCommit = errors.New("unknown commit")
	// ErrNewline: a path of the repository has a line break in it. git prints those as
	// they are, and where one path ends cannot be told.
	ErrNewline = errors.New("a directory's name has a line break in it")
)

// Checkout is one working tree of a repository.
type Checkout struct {
	Root      string // top of the working tree
	GitDir    string // its own git directory; <CommonDir>/worktrees/<name> for a linked worktree
	CommonDir string // what all worktrees of the repository share
	Head      string // commit id; "" before the first commit
	Ref       string // refs/heads/...; "" when HEAD is detached

	environ []string
	held    []*os.File // that its git processes have open
}

// local names the variables that tie a git process to one repository
// (git 2.39, `git rev-parse --local-env-vars`), less those that carry the user's
// own configuration.
var local = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE",
	"GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE",
	"GIT_COMMON_DIR", "GIT_NAMESPACE",
}

// Environ returns environ without the variables by which git ties its children
// to one repository.
func Environ(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(local, name)
	})
}

// Run runs git at the top of the checkout and returns what it printed. The
// error carries git's own first line; output printed before a failure is
// returned with it.
func (c *Checkout) Run(ctx context.Context, args ...string) ([]byte, error) {
	return c.RunIn(ctx, c.Root, args...)
}

// RunIn is Run in a directory of the checkout.
func (c *Checkout) RunIn(ctx context.Context, dir string, args ...string) ([]byte, error) {
	verb := verbOf(args)
	git, err := program(c.environ)
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", verb, err)
	}
	cmd := exec.CommandContext(ctx, git, append(slices.Clone(inert), args...)...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(c.environ, inertEnviron, []string{"PWD=" + dir})
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.ExtraFiles = c.held
	err = cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if ctx.Err() != nil {
		return stdout.Bytes(), fmt.Errorf("git %s: %w", verb, ctx.Err())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return stdout.Bytes(), fmt.Errorf("git %s: %w", verb, err)
	}
	return stdout.Bytes(), &gitError{verb: verb, code: exit.ExitCode(), stderr: strings.TrimSpace(stderr.String())}
}

// verbOf is the command among the arguments, behind the options of git itself: those of
// one letter have a value.
func verbOf(args []string) string {
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		if len(args[0]) == 2 {
			args = args[1:]
		}
		args = args[1:]
	}
	return args[0]
}

// inert keeps git from running the program that a repository's configuration names as
// its monitor of the file system: status and ls-files would. Empty means none to every
// version; before 2.36 "false" was taken for the name of a program.
var inert = []string{"-c", "core.fsmonitor="}

// inertEnviron keeps git from what is more than looking. Messages are matched, hence
// LC_ALL. A status that refreshes the index would contend with the user's own git for
// index.lock. In a partial clone a commit or file that is asked for and lacking would be
// fetched, by whatever program the remote's configuration names: since git 2.44 that can
// be forbidden, and before that the protocols can.
var inertEnviron = []string{"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL="}

// program finds git on the PATH of environ.
func program(environ []string) (string, error) {
	path := ""
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		p := filepath.Join(dir, "git")
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", ErrNoGit
}

// gitError is a git process that ended with a code of its own.
type gitError struct {
	verb   string
	code   int
	stderr string
}

func (e *gitError) Error() string {
	line, _, _ := strings.Cut(e.stderr, "\n")
	if line == "" {
		line = "exit code " + strconv.Itoa(e.code)
	}
	return "git " + e.verb + ": " + strings.TrimPrefix(line, "fatal: ")
}

func (e *gitError) noCheckout() bool {
	return strings.Contains(e.stderr, "not a git repository") ||
		strings.Contains(e.stderr, "must be run in a work tree")
}

// Dirty tells whether the working tree differs from HEAD; untracked files that
// are not ignored count. A file that only a filter of the repository's own configuration
// makes equal may count as modified.
func (c *Checkout) Dirty(ctx context.Context) (bool, error) {
	failed := func(err error) (bool, error) {
		return false, fmt.Errorf("see whether %s is modified: %w", c.Root, err)
	}
	off, ok, err := c.filtersOff(ctx)
	if err != nil {
		return failed(err)
	}
	if !ok {
		return true, nil
	}
	out, err := c.Run(ctx, append(off, "status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none", "-z")...)
	if err != nil {
		return failed(err)
	}
	return len(out) > 0, nil
}

// filtersOff returns the options by which git runs no filter that the repository's own
// configuration names: status would run it on each file whose time does not tell that it
// is unchanged. Those of the user's configuration, such as that of Git LFS, are the
// user's. ok is false where one cannot be switched off.
func (c *Checkout) filtersOff(ctx context.Context) (options []string, ok bool, err error) {
	out, err := c.Run(ctx, "config", "--show-scope", "--null", "--name-only", "--get-regexp", `^filter\..*\.(clean|smudge|process|required)$`)
	var ge *gitError
	if errors.As(err, &ge) && (ge.code == 1 || ge.code == 129) {
		return nil, true, nil // there is none; or --show-scope is unknown, which came with git 2.26
	}
	if err != nil {
		return nil, false, err
	}
	options, ok = switchedOff(string(out))
	return options, ok, nil
}

// switchedOff reads pairs of scope and key, each ended by a NUL.
func switchedOff(pairs string) (options []string, ok bool) {
	for pairs != "" {
		scope, rest, _ := strings.Cut(pairs, "\x00")
		key, next, _ := strings.Cut(rest, "\x00")
		pairs = next
		if scope != "local" && scope != "worktree" {
			continue
		}
		if strings.ContainsAny(key, "=\n") {
			return nil, false // an option ends its key at the first =
		}
		value := ""
		if strings.HasSuffix(key, ".required") {
			value = "false"
		}
		options = append(options, "-c", key+"="+value)
	}
	return options, true
}

// Ignored tells whether git ignores a file, which need not be there. Tracked files
// are not ignored.
func (c *Checkout) Ignored(ctx context.Context, path string) (bool, error) {
	_, err := c.Run(ctx, "check-ignore", "--quiet", "--", path)
	var ge *gitError
	if errors.As(err, &ge) && ge.code == 1 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("see whether git ignores %s: %w", path, err)
	}
	return true, nil
}

// Distance counts the commits that are reachable from one of a and b but not
// from both. The error wraps ErrUnknownCommit when the repository lacks one.
func (c *Checkout) Distance(ctx context.Context, a, b string) (int, error) {
	for _, id := range []string{a, b} {
		if !isID(id) {
			return 0, fmt.Errorf("count commits: %w %q", ErrUnknownCommit, id)
		}
	}
	if a == b {
		return 0, nil
	}
	out, err := c.Run(ctx, "rev-list", "--count", a+"..."+b, "--")
	if err != nil {
		for _, id := range []string{a, b} {
			var ge *gitError
			if _, e := c.Run(ctx, "cat-file", "-e", id+"^{commit}"); errors.As(e, &ge) {
				return 0, fmt.Errorf("count commits: %w %s", ErrUnknownCommit, id)
			}
		}
		return 0, fmt.Errorf("count commits: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("count commits: git rev-list printed %q", out)
	}
	return n, nil
}

// Known tells which of the commits the repository has.
func (c *Checkout) Known(ctx context.Context, commits []string) (map[string]bool, error) {
	known := map[string]bool{}
	commits = slices.DeleteFunc(slices.Clone(commits), func(id string) bool { return !isID(id) })
	for some := range slices.Chunk(commits, 1000) { // a command line has an end
		out, err := c.Run(ctx, append([]string{"rev-list", "--no-walk", "--ignore-missing"}, some...)...)
		if err != nil {
			return nil, fmt.Errorf("look for commits: %w", err)
		}
		for _, id := range strings.Fields(string(out)) {
			known[id] = true
		}
	}
	return known, nil
}

// isID tells a full object id (SHA-1 or SHA-256), which nothing else on a
// command line can be mistaken for.
func isID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// Asker runs git in a directory and returns what it printed, as Checkout.RunIn does.
type Asker func(dir string, args ...string) ([]byte, error)

// ListFiles lists what git sees below dir (a directory of a checkout):
// tracked files, whether or not they still exist, and untracked ones that are
// not ignored. Paths are relative to dir, sorted, each once. A submodule's files
// are among them, as git sees them there; one that has not arrived is one entry,
// "sub". So is another repository inside the checkout: "sub/".
func ListFiles(run Asker, dir string) ([]string, error) {
	files, err := listFiles(run, dir)
	if err != nil {
		return nil, fmt.Errorf("list files of %s: %w", dir, err)
	}
	slices.Sort(files)
	return slices.Compact(files), nil // an unmerged file is listed once a stage
}

func listFiles(run Asker, dir string) ([]string, error) {
	// The question of package sourcelist, too: one answer serves both.
	out, err := run(dir, "ls-files", "-z", "-t", "--stage", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	var files []string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		// What is not tracked has a tag alone; what is has a mode, an object and a stage in
		// front of a tab, too.
		tag, name, _ := strings.Cut(line, " ")
		if tag != "?" {
			info, path, _ := strings.Cut(name, "\t")
			if name = path; strings.HasPrefix(info, "160000 ") && arrived(filepath.Join(dir, name)) {
				below, err := listFiles(run, filepath.Join(dir, name))
				if err != nil {
					return nil, err
				}
				for _, f := range below {
					files = append(files, name+"/"+f)
				}
				continue
			}
		}
		if name != "" {
			files = append(files, name)
		}
	}
	return files, nil
}

// arrived reports whether a submodule has been checked out.
func arrived(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ".git"))
	return err == nil
}

// Exclude adds gitignore patterns to info/exclude of the common directory, where
// all worktrees read them; those already there are left alone. Two processes
// that add at once may add the same line twice, which git does not mind.
func (c *Checkout) Exclude(patterns ...string) error {
	path := filepath.Join(c.CommonDir, "info", "exclude")
	old, err := regular.Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("exclude from git: %w", err)
	}
	have := strings.Split(string(old), "\n")
	var add strings.Builder
	for _, p := range patterns {
		if !slices.Contains(have, p) {
			have = append(have, p)
			add.WriteString(p + "\n")
		}
	}
	if add.Len() == 0 {
		return nil
	}
	text := add.String()
	if len(old) > 0 && old[len(old)-1] != '\n' {
		text = "\n" + text
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("exclude from git: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("exclude from git: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("exclude from git: %w", err)
	}
	return nil
}
