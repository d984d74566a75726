package recompile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// view shows the checkout at a site, and dir as its build directory.
func (r *run) view(at *site, dir string) (alias.View, error) {
	p := r.sites
	seen := p.seen(at)
	var v alias.View
	if at.top != p.here.top {
		git, err := r.repository(at, dir)
		if err != nil {
			return v, err
		}
		reach, err := r.reach(at.top)
		if err != nil {
			return v, err
		}
		v.Binds = append(append(git, reach...), alias.Bind{From: p.here.top, At: at.top})
	}
	if _, inside := paths.Under(seen, at.top); !inside {
		reach, err := r.reach(seen)
		if err != nil {
			return v, err
		}
		v.Binds = append(v.Binds, reach...)
	}
	v.Binds = append(v.Binds, alias.Bind{From: dir, At: seen})
	return v, r.hideArtifacts(at, &v)
}

// showAlso shows the checkout, and the clone in it, at another site as well: so the wrapper leaves them in its views, where
// variables name them.
func (r *run) showAlso(v *alias.View, at, env *site) error {
	rel, inside := paths.Under(env.top, at.top)
	switch own := filepath.Join(r.sites.here.top, rel); {
	case env.top == r.sites.here.top && !inside: // it is where it lies
	case !inside:
		reach, err := r.reach(env.top)
		if err != nil {
			return err
		}
		v.Binds = append(append(v.Binds, reach...), alias.Bind{From: r.sites.here.top, At: env.top})
	case isDir(own): // as the wrapper has left it for that
		v.Binds = append(v.Binds, alias.Bind{From: r.sites.here.top, At: env.top})
	default:
		return fmt.Errorf("show the checkout at %s, inside of %s: there is no such directory in it", env.top, at.top)
	}
	v.Binds = append(v.Binds, alias.Bind{From: r.Clone, At: r.sites.seen(env)})
	if !slices.Contains(v.ReadOnly, env.top) {
		v.ReadOnly = append(v.ReadOnly, env.top)
	}
	return nil
}

// reach makes a path one that something can be shown at: where it does not exist, the nearest directory above it is
// shown with all that is in it, and with the missing ones.
func (r *run) reach(path string) ([]alias.Bind, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil && real != path {
		return nil, fmt.Errorf("show a directory at %s: it is another one's name now, %s", path, real)
	}
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("show a directory at %s: %w", path, err)
	}
	above := filepath.Dir(path)
	for !isDir(above) {
		above = filepath.Dir(above)
	}
	impossible := func(err error) error {
		return &help.Error{Err: fmt.Errorf("show a directory at %s, which is gone: %w", path, err), Help: "mkdir -p " + path}
	}
	if real, err := filepath.EvalSymlinks(above); err != nil || real != above || above == "/" {
		return nil, impossible(fmt.Errorf("nothing can be shown at %s instead", above))
	}
	rest, _ := paths.Under(path, above)
	stand := filepath.Join(r.temp, fmt.Sprint("above-", r.next.Add(1)))
	if err := os.MkdirAll(filepath.Join(stand, rest), 0o755); err != nil {
		return nil, impossible(err)
	}
	return r.repeat(stand, above, impossible)
}

// maxRepeated bounds what is shown once more beside a missing directory: each entry is a mount.
const maxRepeated = 1000

// repeat shows stand at the path of a directory, with all in it that the directory has.
func (r *run) repeat(stand, dir string, impossible func(error) error) ([]alias.Bind, error) {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > maxRepeated {
		err = fmt.Errorf("%s has %d entries", dir, len(entries))
	}
	if err != nil {
		return nil, impossible(err)
	}
	binds := []alias.Bind{{From: stand, At: dir}}
	for _, e := range entries {
		from, to := filepath.Join(dir, e.Name()), filepath.Join(stand, e.Name())
		switch {
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(from)
			if err == nil {
				err = os.Symlink(target, to)
			}
			if err != nil {
				return nil, impossible(err)
			}
			continue
		case e.IsDir():
			err = os.Mkdir(to, 0o755)
		default:
			err = os.WriteFile(to, nil, 0o644)
		}
		if err != nil {
			return nil, impossible(err)
		}
		binds = append(binds, alias.Bind{From: from, At: from})
	}
	return binds, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// repository has git work in a linked worktree that is shown over its repository: that is then seen in the build
// directory, and the worktree's .git file leads there.
func (r *run) repository(at *site, dir string) ([]alias.Bind, error) {
	co, top := r.Checkout, r.sites.here.top
	rel, linked := paths.Under(co.GitDir, co.CommonDir)
	_, hides := paths.Under(co.CommonDir, at.top)
	if co.GitDir == "" || !linked || rel == "" || !hides {
		return nil, nil
	}
	if info, err := os.Lstat(top + "/.git"); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	mount, file := filepath.Join(dir, handoff.GitDir), filepath.Join(r.temp, fmt.Sprint("git-", r.next.Add(1)))
	if err := os.MkdirAll(mount, 0o777); err != nil {
		return nil, err
	}
	text := "gitdir: " + r.sites.seen(at) + "/" + handoff.GitDir + "/" + rel + "\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return []alias.Bind{{From: co.CommonDir, At: mount}, {From: file, At: top + "/.git"}}, nil
}

// hideArtifacts shows an empty directory where cargo puts what it has made, if that is another one than the build
// directory.
func (r *run) hideArtifacts(at *site, v *alias.View) error {
	ws := r.Checkout.Workspace
	real, err := filepath.EvalSymlinks(ws.TargetDir)
	if errors.Is(err, fs.ErrNotExist) || real == r.sites.real {
		return nil
	}
	if err != nil {
		return err
	}
	if _, inside := paths.Under(real, r.sites.real); inside {
		return nil
	}
	if rel, inside := paths.Under(real, r.sites.here.top); inside {
		real = at.top + "/" + rel
	}
	empty := filepath.Join(r.temp, fmt.Sprint("artifacts-", r.next.Add(1)))
	v.Binds = append(v.Binds, alias.Bind{From: empty, At: real})
	return os.Mkdir(empty, 0o755)
}

// sources are the directories that are read-only while a unit is made: the checkout, by both its names and with the
// repository where that is seen in the build directory, other packages, and what cargo keeps for all. Cargo itself, when
// it is asked, changes no sources, and may have its home among them.
func (r *run) sources(at *site) (dirs []string) {
	ws, top := r.Checkout.Workspace, r.sites.here.top
	dirs = append(dirs, at.top)
	if git := r.sites.seen(at) + "/" + handoff.GitDir; isDir(filepath.Join(r.Clone, handoff.GitDir)) {
		dirs = append(dirs, git)
	}
	if _, hidden := paths.Under(top, at.top); !hidden {
		dirs = append(dirs, top)
	}
	all := []string{ws.CargoHome + "/registry", ws.CargoHome + "/git"}
	for _, p := range ws.Packages {
		all = append(all, p.Root)
	}
	for _, dir := range all {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue
		}
		_, inside := paths.Under(real, top)
		_, hidden := paths.Under(real, at.top)
		if !inside && !hidden {
			dirs = append(dirs, real)
		}
	}
	return dirs
}

// inView runs a command in a view until it ends, and kills it when the context is cancelled.
func (r *run) inView(ctx context.Context, v alias.View, c alias.Command) (syscall.WaitStatus, error) {
	p, err := v.Start(c)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Signal(syscall.SIGKILL) })
	defer stop()
	status, err := p.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return status, err
}

// lookPath finds a program by the PATH of an environment, as a shell does.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, kv := range env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(list, ":") {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("find %s: %w", name, fs.ErrNotExist)
}
