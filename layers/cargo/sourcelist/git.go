package sourcelist

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// repository lists the package in the working tree that it lies in; nil if there is none,
// or the package's Cargo.toml is not in its index: then Cargo does not ask Git (path.rs:
// discover_gix_repo).
func (l *lister) repository() (*listing, error) {
	dir := l.root
	for !present(filepath.Join(dir, ".git")) {
		if dir == filepath.Dir(dir) {
			return nil, nil
		}
		dir = filepath.Dir(dir)
	}
	if l.git == nil {
		return nil, fmt.Errorf("%w: the package is in a Git repository and no git was given", ErrUnsupported)
	}
	// Asked at the top, which others may have asked about already: were it not the top
	// of a working tree, Git would name another one.
	out, err := l.git(l.ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	root := strings.TrimSuffix(string(out), "\n")
	if root != dir {
		return nil, fmt.Errorf("%w: git takes %s for the top of the working tree", ErrUnsupported, root)
	}
	prefix, err := filepath.Rel(root, l.root)
	if err != nil {
		return nil, err
	}
	g, err := l.listing(root, prefix)
	if err != nil {
		return nil, err
	}
	manifest := filepath.Join(prefix, "Cargo.toml")
	if !slices.ContainsFunc(g.index, func(e indexEntry) bool { return e.path == manifest }) {
		return nil, nil
	}
	return g, nil
}

// listing is what Git lists in one working tree, at or below prefix.
type listing struct {
	repo, prefix string
	index        []indexEntry // in its order
	untracked    []string     // neither tracked nor ignored; another repository ends in a slash
}

// indexEntry is a file in Git's index.
type indexEntry struct {
	path    string // below the top of the working tree
	gitlink bool   // a submodule
	merging bool   // one of several versions in a conflict
}

// listing asks Git for all that it knows of a working tree, at once: starting it costs
// more than its answer.
func (l *lister) listing(repo, prefix string) (*listing, error) {
	args := []string{"ls-files", "-z", "-t", "--stage", "--cached", "--others", "--exclude-standard"}
	if prefix != "." {
		args = slices.Concat([]string{"--literal-pathspecs"}, args, []string{"--", prefix})
	}
	out, err := l.git(l.ctx, repo, args...)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", repo, err)
	}
	g := &listing{repo: repo, prefix: prefix}
	for _, line := range nulTerminated(out) {
		tag, entry, _ := strings.Cut(line, " ")
		if tag == "?" {
			g.untracked = append(g.untracked, entry)
			continue
		}
		meta, path, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("list the index of %s: unexpected line %q", repo, line)
		}
		g.index = append(g.index, indexEntry{path: path, gitlink: fields[0] == "160000", merging: fields[2] != "0"})
	}
	return g, nil
}

// tree is what Git says of one working tree, below the package root if the
// package lies in it.
type tree struct {
	repo   string
	target string // the directory that is left out, below repo
	// listed are the files that are tracked, or neither tracked nor ignored;
	// nested are the repositories among them, and dirs all directories above.
	listed    map[string]bool
	untracked map[string]bool
	nested    map[string]bool
	dirs      map[string]bool
}

// listRepository lists the working tree at repo, which lies in the package.
func (l *lister) listRepository(repo string) error {
	g, err := l.listing(repo, ".")
	if err != nil {
		return err
	}
	return l.listGit(g)
}

// listGit lists what Git does (path.rs: list_files_gix). The directory walk of the gix
// crate that Cargo uses emits files in the order in which it reads them (gix-dir 0.21,
// walk/readdir.rs: recursive), and so does this one; git itself is asked only
// what to leave out.
func (l *lister) listGit(g *listing) error {
	repo, prefix := g.repo, g.prefix
	if strings.ContainsAny(prefix, `*?[\:`) {
		// Cargo does not quote it in its pathspec.
		return fmt.Errorf("%w: the path has special characters", ErrUnsupported)
	}

	t := &tree{
		repo:      repo,
		target:    filepath.Join(prefix, "target"),
		listed:    map[string]bool{},
		untracked: map[string]bool{},
		nested:    map[string]bool{},
		dirs:      map[string]bool{},
	}
	for _, e := range g.index {
		t.add(e.path)
		if e.gitlink {
			t.nested[e.path] = true
		}
	}
	for _, path := range g.untracked {
		name := strings.TrimSuffix(path, "/")
		t.add(name)
		t.untracked[name] = true
		if name != path {
			t.nested[name] = true
		}
	}
	if err := l.walkGit(t, prefix); err != nil {
		return err
	}

	// Files in the target directory that are tracked come last.
	for _, e := range g.index {
		if strings.HasPrefix(e.path, t.target+"/") && !e.merging {
			l.add(filepath.Join(repo, e.path))
		}
	}
	return nil
}

func (t *tree) add(path string) {
	t.listed[path] = true
	for dir := filepath.Dir(path); dir != "." && !t.dirs[dir]; dir = filepath.Dir(dir) {
		t.dirs[dir] = true
	}
}

// walkGit lists dir, which is below the top of the working tree or ".".
func (l *lister) walkGit(t *tree, dir string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := readDir(filepath.Join(t.repo, dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		rel := filepath.Join(dir, entry.Name())
		switch kind := entry.Type(); {
		case kind.IsDir() && rel == t.target:
		case kind.IsDir() && t.nested[rel]:
			err = l.listNested(filepath.Join(t.repo, rel))
		case kind.IsDir() && t.dirs[rel]:
			err = l.walkGit(t, rel)
		case !t.listed[rel] || kind.IsDir():
		case t.untracked[rel] && rel == "Cargo.lock":
		case kind&fs.ModeSymlink != 0:
			err = l.link(t, rel)
		case kind.IsRegular():
			l.add(filepath.Join(t.repo, rel))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listNested lists a submodule or another repository inside of the package.
func (l *lister) listNested(dir string) error {
	if present(filepath.Join(dir, ".git")) {
		return l.listRepository(dir)
	}
	return l.walk(dir, false)
}

func (l *lister) link(t *tree, rel string) error {
	path := filepath.Join(t.repo, rel)
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		l.add(path)
		return nil
	}
	if t.untracked[rel] {
		// Cargo lets an ignore rule for directories match it, git does not.
		return fmt.Errorf("%w: %s is an untracked link to a directory", ErrUnsupported, rel)
	}
	if present(filepath.Join(path, ".git")) {
		return fmt.Errorf("%w: %s is a link to a repository", ErrUnsupported, rel)
	}
	return l.walk(path, false)
}

// add records a file that Git lists. Another Cargo.toml does not belong to the
// package, nor does anything beside it.
func (l *lister) add(path string) {
	if dir := filepath.Dir(path); filepath.Base(path) == "Cargo.toml" && dir != l.root {
		l.subpackages = append(l.subpackages, dir)
		return
	}
	if l.accept(path, false) {
		l.files = append(l.files, path)
	}
}

// present tells whether something of that name exists, a dangling link included.
func present(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// nulTerminated splits the output of a git command run with -z.
func nulTerminated(out []byte) []string {
	var list []string
	for item := range bytes.SplitSeq(out, []byte{0}) {
		if len(item) > 0 {
			list = append(list, string(item))
		}
	}
	return list
}
