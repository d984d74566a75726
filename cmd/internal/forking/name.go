package forking

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/layers/forks"
)

// mostNumbers bounds the search for numbers that are free.
const mostNumbers = 100_000

// claim chooses names that nothing has yet, and notes them. Directories, branches and forks
// that there are keep their names.
func (j *job) claim(ctx context.Context, o Options) (claims []*forks.Claim, err error) {
	unlock, err := j.lock(ctx, j.repo)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := os.MkdirAll(j.dir, 0o777); err != nil {
		return nil, fmt.Errorf("make forks: %w", err)
	}
	tips, err := j.repo.Tips(ctx, forks.Branches)
	if err != nil {
		return nil, err
	}
	for n := 1; len(claims) < o.N && n < mostNumbers; n++ {
		f := forks.Fork{Name: j.prefix + "-" + strconv.Itoa(n), Base: j.commit, Made: time.Now()}
		f.Path = filepath.Join(realPath(j.dir), f.Name)
		branch := forks.Branches + branchName(f.Name)
		if !o.NoBranch {
			f.Branch = branch
		}
		if _, taken := tips[branch]; taken || j.forks.Taken(f.Name) || isThere(f.Path) {
			continue
		}
		var c *forks.Claim
		if c, err = j.forks.Claim(f); err != nil {
			break
		}
		claims = append(claims, c)
	}
	if err == nil && len(claims) < o.N {
		err = fmt.Errorf("name forks %s: no number below %d is free", j.prefix, mostNumbers)
	}
	if err != nil {
		for _, c := range claims {
			err = errors.Join(err, c.Forget())
		}
		return nil, err
	}
	return claims, nil
}

// where is the directory that forks are put in, and what their names begin with: beside
// the main checkout, and after it; or, of a bare repository, beside this checkout, and
// after the repository.
func (j *job) where(ctx context.Context, o Options) (dir, prefix string, err error) {
	all, err := j.repo.ListWorktrees(ctx)
	if err != nil {
		return "", "", err
	}
	root, name := j.repo.Root, ""
	if len(all) > 0 && all[0].Root != "" {
		root = all[0].Root
		name = filepath.Base(root)
	} else {
		name = strings.TrimSuffix(filepath.Base(j.repo.CommonDir), ".git")
		if name == "" || strings.HasPrefix(name, ".") { // project/.bare
			name = filepath.Base(filepath.Dir(j.repo.CommonDir))
		}
	}
	name = strings.TrimLeft(name, ".-")
	dir, prefix = filepath.Dir(root), name+"-fork"
	if o.Dir != "" {
		dir = o.Dir
	}
	if o.Prefix != "" {
		prefix = o.Prefix
	}
	if err := forks.CheckName(prefix); err != nil {
		return "", "", exit.Usage(fmt.Errorf("name forks %s: %w", prefix, err))
	}
	return dir, prefix, nil
}

// branchName is a name as git takes it for a part of a branch's (git-check-ref-format).
// What it does not take, and what a shell would, is a dash.
func branchName(name string) string {
	b := []rune(strings.ToValidUTF8(name, "-"))
	for i, c := range b {
		plain := c == '-' || c == '_' || c == '+' || c == '.' && (i == 0 || b[i-1] != '.') || unicode.IsLetter(c) || unicode.IsDigit(c)
		if !plain {
			b[i] = '-'
		}
	}
	return string(b)
}

// short is a branch as its users call it.
func short(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
