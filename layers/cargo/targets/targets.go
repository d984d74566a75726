// Package targets finds Cargo's target directories on a disk, whoever built in them, and says what they are
// of: the project, whether that is still there, the compiler, when Cargo last built there.
//
// It only looks. A call depends on no other, and there may be any number at once.
package targets

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A Target is a target directory, or a build directory apart from one.
type Target struct {
	Path string
	// Project is the directory of the workspace that was built there, as far as that tells.
	Project string
	// Gone: Project is not there any more, or has no manifest.
	Gone bool
	// Compiler is the version that Cargo last asked, such as "1.95.0"; "" if it has not noted it.
	Compiler string
	// Used is when Cargo last built there, as far as times of its files tell.
	Used time.Time
	// Tool is what builds there beside Cargo's own commands: "rust-analyzer", "fuzz"; "" for none.
	Tool string
}

// Find looks for target directories below dir, dir included, and calls found with each. It
// stays on the disk that dir is on, follows no links, and does not look into what it has
// found, nor into stores of this program and what Cargo and rustup keep for themselves.
func Find(ctx context.Context, dir string, found func(Target)) error {
	mount := mountOf(dir)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && path == dir {
			return err
		}
		if err != nil || !d.IsDir() {
			return nil
		}
		if passedOver(path) || path != dir && mountOf(path) != mount {
			return fs.SkipDir
		}
		if !Is(path) {
			return nil
		}
		found(Describe(path))
		return fs.SkipDir
	})
}

// passedOver reports whether nothing that anybody wants to know of lies in a directory.
func passedOver(path string) bool {
	switch filepath.Base(path) {
	case ".git", "node_modules", ".rustup":
		return true
	case "registry":
		return filepath.Base(filepath.Dir(path)) == ".cargo"
	case paths.StoreLayers, paths.StoreWarehouse:
		text, err := regular.Read(filepath.Join(filepath.Dir(path), paths.StoreVersion))
		return err == nil && strings.HasPrefix(string(text), "cargo-cow ")
	}
	return false
}

// mountOf tells mounts apart, 0 where the kernel does not.
func mountOf(path string) uint64 {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &st) != nil {
		return 0
	}
	return st.Mnt_id
}

// What Cargo leaves at the top of each directory that it builds in (cargo 1.95,
// compiler/layout.rs, util/rustc.rs).
const (
	cacheTag  = "CACHEDIR.TAG"
	rustcInfo = ".rustc_info.json"
)

// Is reports whether Cargo made a directory to build in: it says so, or has notes of the
// compiler. One that sources lie in is none, whatever was built there.
func Is(path string) bool {
	if holdsSources(path) {
		return false
	}
	if info, err := os.Lstat(filepath.Join(path, rustcInfo)); err == nil && info.Mode().IsRegular() {
		return true
	}
	text, err := regular.Read(filepath.Join(path, cacheTag))
	return err == nil && strings.Contains(string(text), "created by cargo")
}

// holdsSources reports whether a directory is that of a package, or the top of a working tree.
func holdsSources(path string) bool {
	for _, name := range []string{"Cargo.toml", ".git"} {
		if _, err := os.Lstat(filepath.Join(path, name)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// Solely reports whether a target directory may be removed as a whole: it is called as Cargo
// calls it, and `cargo clean` removes whatever is in it; or there is nothing right in it but what
// Cargo and its commands put there. Somebody may have built in a directory of other things, the
// home directory for one.
func Solely(path string) bool {
	list, err := os.ReadDir(path)
	if err != nil || holdsSources(path) {
		return false
	}
	if filepath.Base(path) == "target" {
		return true
	}
	own := map[string]bool{}
	for _, p := range profilesOf(path) {
		rel, _ := filepath.Rel(path, p)
		own[strings.Split(rel, "/")[0]] = true
	}
	for _, e := range list {
		switch name := e.Name(); name {
		case rustcInfo, cacheTag, ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock", ".future-incompat-report.json", paths.TreeMeta,
			"doc", "package", "tmp", "cargo-timings", "rust-analyzer":
		default:
			if !own[name] {
				return false
			}
		}
	}
	return true
}

// Describe says what a target directory is.
func Describe(path string) Target {
	t := Target{Path: path}
	_, t.Compiler = compiler(path)
	profiles := profilesOf(path)
	for _, name := range []string{rustcInfo, cacheTag} {
		t.use(filepath.Join(path, name))
	}
	for _, p := range profiles {
		for _, name := range []string{"", ".cargo-lock", ".fingerprint", "build"} {
			t.use(filepath.Join(p, name))
		}
	}
	switch {
	case filepath.Base(path) == "rust-analyzer":
		t.Tool = "rust-analyzer"
	case filepath.Base(filepath.Dir(path)) == "fuzz":
		t.Tool = "fuzz"
	}
	t.Project, t.Gone = project(path, profiles)
	return t
}

func (t *Target) use(path string) {
	if info, err := os.Lstat(path); err == nil && info.ModTime().After(t.Used) {
		t.Used = info.ModTime()
	}
}

func entries(dir string) (names []string) {
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// profilesOf lists the directories of profiles: those in it, and those of other targets.
func profilesOf(path string) (dirs []string) {
	isProfile := func(dir string) bool {
		for _, name := range []string{".fingerprint", ".cargo-lock", "deps"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return true
			}
		}
		return false
	}
	for _, name := range entries(path) {
		dir := filepath.Join(path, name)
		if isProfile(dir) {
			dirs = append(dirs, dir)
			continue
		}
		for _, inner := range entries(dir) {
			if inner := filepath.Join(dir, inner); isProfile(inner) {
				dirs = append(dirs, inner)
			}
		}
	}
	return dirs
}

var ofCompiler = regexp.MustCompile(`"stdout":"(rustc ([0-9][^ "\\]*)[^"\\]*)`)

// compiler reads Cargo's notes of the compiler.
func compiler(path string) (line, version string) {
	text, err := regular.Read(filepath.Join(path, rustcInfo))
	if err != nil {
		return "", ""
	}
	if m := ofCompiler.FindSubmatch(text); m != nil {
		return string(m[1]), string(m[2])
	}
	return "", ""
}

// Rustc is the first line that the compiler says of itself which Cargo last asked; "" if it
// has not noted it.
func Rustc(path string) string {
	line, _ := compiler(path)
	return line
}

// project finds the workspace that was built in a target directory: the directory lies in
// it, or the sources do of what was built.
func project(path string, profiles []string) (dir string, gone bool) {
	if dir := filepath.Dir(path); hasManifest(dir) {
		return dir, false
	}
	for _, p := range profiles {
		lists, _ := filepath.Glob(filepath.Join(p, "*.d"))
		for _, list := range lists {
			text, err := regular.Read(list)
			if err != nil {
				continue
			}
			for _, source := range depfile.Inputs(string(text)) {
				if !filepath.IsAbs(source) {
					continue
				}
				for dir := filepath.Dir(source); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
					if hasManifest(dir) {
						return dir, false
					}
				}
				return filepath.Dir(source), true
			}
		}
	}
	// In its usual place it was of what lay around it; elsewhere nothing tells.
	return filepath.Dir(path), filepath.Base(path) == "target"
}

func hasManifest(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "Cargo.toml"))
	return err == nil
}
