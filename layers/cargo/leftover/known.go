package leftover

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Known is what decides which units a build can ask for. It is plain data. Nothing is
// concluded from a part of it that is nil.
type Known struct {
	CargoHome string
	// Lockfiles are those of every workspace that may build in the directory, and Packages
	// the names of packages whose sources lie in the workspace.
	Lockfiles []*lockfile.Lockfile
	Packages  []string
	// Compilers are what each one that is installed says of itself, rustc -vV byte by byte.
	Compilers []string
	// Doubts say why a part is nil.
	Doubts []string
}

// Learn asks for all of it. What cannot be learnt is nil, with a doubt that says why; the
// error is that of ctx.
func Learn(ctx context.Context, t project.Tool, a *project.Answers) (Known, error) {
	ws := a.Workspace
	k := Known{CargoHome: ws.CargoHome}
	switch locks, err := lockfilesIn(ctx, ws.Root, ws.BuildDir, ws.TargetDir); {
	case ctx.Err() != nil:
		return k, ctx.Err()
	case ws.Lock == nil:
		k.Doubts = append(k.Doubts, "there is no Cargo.lock: units of packages that are gone stay")
	case !ownedBy(ws.BuildDir, ws.Root):
		k.Doubts = append(k.Doubts, "other workspaces may build in "+ws.BuildDir+": units of packages that are gone from this one stay")
	case err != nil:
		k.Doubts = append(k.Doubts, "units of packages that are gone stay: "+err.Error())
	default:
		k.Lockfiles = append(locks, ws.Lock)
	}
	for _, p := range ws.Packages {
		k.Packages = append(k.Packages, p.Name)
	}
	installed, err := t.Installed(ctx)
	if ctx.Err() != nil {
		return k, ctx.Err()
	}
	if err != nil {
		k.Doubts = append(k.Doubts, "units of compilers that are gone stay: "+err.Error())
		return k, nil
	}
	k.Compilers = append(installed, a.Toolchain.Rustc+"\n") // which is kept without its last end of line
	return k, nil
}

// hashedPath is what Cargo makes of {workspace-path-hash} in build.build-dir: such a
// directory is one workspace's alone (cargo 1.95, util/context/mod.rs: custom_build_dir).
var hashedPath = regexp.MustCompile(`/[0-9a-f]{2}/[0-9a-f]{14}(/|$)`)

// ownedBy reports whether nobody builds in a directory but the workspaces below root.
func ownedBy(buildDir, root string) bool {
	_, inside := paths.Under(realPath(buildDir), realPath(root))
	return inside || hashedPath.MatchString(buildDir)
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// mostEntries bounds how many files and directories lockfilesIn looks at.
const mostEntries = 1 << 20

var errTooMany = errors.New("the workspace has too many files to look for lockfiles")

// lockfilesIn reads every Cargo.lock below root, but in the directories without: a
// workspace inside another, and a worktree, take up the configuration of the directories
// around them, and with it a build directory that is set there.
func lockfilesIn(ctx context.Context, root string, without ...string) (locks []*lockfile.Lockfile, err error) {
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if seen++; seen > mostEntries {
			return errTooMany
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == ".git" || d.Name() == "node_modules" || slices.Contains(without, path) || isBuildDir(path) || isVendored(path)):
			return fs.SkipDir
		case d.IsDir() || d.Name() != "Cargo.lock":
			return nil
		}
		b, err := regular.Read(path)
		if err != nil {
			return err
		}
		l, err := lockfile.Parse(b)
		if err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		locks = append(locks, l)
		return nil
	})
	return locks, err
}

// isBuildDir reports whether a directory is one for caches, as Cargo marks its own.
func isBuildDir(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "CACHEDIR.TAG"))
	return err == nil
}

// isVendored reports whether a directory is a package that cargo vendor has put there.
// Nobody builds in it.
func isVendored(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ".cargo-checksum.json"))
	return err == nil
}

// buildable are the packages that can be built.
type buildable struct {
	locked []depset.Locked
	names  map[string]bool
}

func (k *Known) buildable() buildable {
	b := buildable{names: map[string]bool{}}
	for _, name := range k.Packages {
		b.names[name] = true
	}
	for _, l := range k.Lockfiles {
		b.locked = append(b.locked, depset.LockedSources(l))
		for _, p := range l.Packages {
			b.names[p.Name] = true
		}
	}
	return b
}

// has reports whether the package of u may be one of them: by its version where that is
// known, else by its name alone.
func (b *buildable) has(u *builddir.Unit) bool {
	if u.From == "" {
		return b.names[u.Package]
	}
	return slices.ContainsFunc(b.locked, func(l depset.Locked) bool { return l.Have(u.From) })
}

// compiles reports whether hash, of a fingerprint, is that of an installed compiler.
func (k *Known) compiles(hash uint64) bool {
	return slices.ContainsFunc(k.Compilers, func(said string) bool { return fingerprint.HashCompiler(said) == hash })
}

// named reports whether an installed compiler calls itself so.
func (k *Known) named(name string) bool {
	return slices.ContainsFunc(k.Compilers, func(said string) bool { return strings.HasPrefix(said, name+"\n") })
}
