package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
)

// applier makes a copy of a build directory true for a place.
type applier struct {
	plan *Plan
	dir  string
}

func (a *applier) path(rel string) string { return a.dir + "/" + rel }

func (a *applier) unit(u *Unit, reason *Reason) error {
	if reason != nil {
		return a.dirty(u)
	}
	if len(u.Moved) > 0 && !u.Run {
		return a.rewriteDepInfo(u)
	}
	return nil
}

// dirty makes Cargo rebuild a unit and all that depends on it. It works through
// what Cargo looks for in the file system: removing or emptying the hash file
// instead would leave the dependents fresh (cargo 1.95, fingerprint/mod.rs,
// documentation of prepare_target).
func (a *applier) dirty(u *Unit) error {
	if u.Doc {
		return a.dirtyDoc(u)
	}
	if !u.Run {
		return remove(a.path(u.depFile()))
	}
	output, outDir, _ := u.dir().script()
	if err := remove(a.path(output)); err != nil {
		return err
	}
	if !a.plan.settings.Rules.On(RuleEmptyOutDir) {
		return nil
	}
	// A script may leave alone what it finds written.
	entries, err := os.ReadDir(a.path(outDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := removeAll(filepath.Join(a.path(outDir), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeAll also removes directories that their owner may not list or write to.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(p, 0o700) // what cannot be changed shows below
		}
		return nil
	})
	return os.RemoveAll(path)
}

// dirtyDoc removes the page whose presence and time Cargo checks.
func (a *applier) dirtyDoc(u *Unit) error {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	return remove(filepath.Join(a.dir, filepath.Dir(u.Profile), "doc", crate, "index.html"))
}

// rewriteDepInfo makes Cargo watch the place's files instead of the origin's.
// The content of this file is not part of the unit's hash.
func (a *applier) rewriteDepInfo(u *Unit) error {
	path := a.path(u.depFile())
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := depinfo.Parse(b)
	if err != nil {
		return err
	}
	for _, w := range u.Moved {
		to, ok := a.plan.place.Abs(w.Loc)
		if w.Index < 0 || w.Index >= len(info.Files) || !ok {
			return fmt.Errorf("rewrite %s: no entry %d for %s", path, w.Index, w.Loc)
		}
		info.Files[w.Index].Path = to
	}
	return atomicfile.Replace(path, info.Encode())
}

// rewriteOutput makes a script watch the place's files. It returns the lines as
// Cargo will read them in the place.
func (a *applier) rewriteOutput(u *Unit) ([]script.Line, error) {
	output, outDir, root := u.dir().script()
	b, err := os.ReadFile(a.path(output))
	if err != nil {
		return nil, err
	}
	lines := script.Parse(b)
	if len(u.Moved) > 0 {
		to := map[int]string{}
		for _, w := range u.Moved {
			path, ok := a.plan.place.Abs(w.Loc)
			if !ok {
				return nil, fmt.Errorf("rewrite %s: %s has no counterpart here", output, w.Loc)
			}
			to[w.Index] = path
		}
		line := -1
		b, err = script.Rewrite(lines, func(string, string) (string, bool) {
			for line++; !lines[line].Directive; line++ {
			}
			path, ok := to[line]
			return path, ok
		})
		if err != nil {
			return nil, err
		}
		if err := atomicfile.Replace(a.path(output), b); err != nil {
			return nil, err
		}
		lines = script.Parse(b)
	}
	called, _ := os.ReadFile(a.path(root))
	if len(called) > 0 {
		for i := range lines {
			lines[i].Value = strings.ReplaceAll(lines[i].Value, string(called), a.plan.place.Workspace.BuildDir+"/"+outDir)
		}
	}
	return lines, nil
}
