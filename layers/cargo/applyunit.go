package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
)

// applier makes a copy of a build directory true for a place.
type applier struct {
	plan *Plan
	dir  string
}

func (a *applier) path(rel string) string { return a.dir + "/" + rel }

func (a *applier) unit(u *manifest.Unit, reason *rule.Reason) error {
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
func (a *applier) dirty(u *manifest.Unit) error {
	if u.Doc {
		return a.dirtyDoc(u)
	}
	if !u.Run {
		return removal.File(a.path(u.DepFile()))
	}
	output, outDir, _ := u.Dir().ScriptFiles()
	if err := removal.File(a.path(output)); err != nil {
		return err
	}
	if !a.plan.settings.Rules.On(rule.EmptyOutDir) {
		return nil
	}
	// A script may leave alone what it finds written.
	entries, err := os.ReadDir(a.path(outDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := removal.All(filepath.Join(a.path(outDir), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// dirtyDoc removes the page whose presence and time Cargo checks.
func (a *applier) dirtyDoc(u *manifest.Unit) error {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	return removal.File(filepath.Join(a.dir, filepath.Dir(u.Profile), "doc", crate, "index.html"))
}

// rewriteDepInfo makes Cargo watch the place's files instead of the origin's.
// The content of this file is not part of the unit's hash.
func (a *applier) rewriteDepInfo(u *manifest.Unit) error {
	path := a.path(u.DepFile())
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := depinfo.Parse(b)
	if err != nil {
		return err
	}
	for _, w := range u.Moved {
		to, ok := a.plan.Checkout.Abs(w.Path)
		if w.Index < 0 || w.Index >= len(info.Files) || !ok {
			return fmt.Errorf("rewrite %s: no entry %d for %s", path, w.Index, w.Path)
		}
		info.Files[w.Index].Path = to
	}
	return atomicfile.Replace(path, info.Encode())
}

// rewriteOutput makes a script watch the place's files. It returns the lines as
// Cargo will read them in the place.
func (a *applier) rewriteOutput(u *manifest.Unit) ([]script.Line, error) {
	output, outDir, root := u.Dir().ScriptFiles()
	b, err := os.ReadFile(a.path(output))
	if err != nil {
		return nil, err
	}
	lines := script.Parse(b)
	if len(u.Moved) > 0 {
		to := map[int]string{}
		for _, w := range u.Moved {
			path, ok := a.plan.Checkout.Abs(w.Path)
			if !ok {
				return nil, fmt.Errorf("rewrite %s: %s has no counterpart here", output, w.Path)
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
			lines[i].Value = strings.ReplaceAll(lines[i].Value, string(called), a.plan.Checkout.Workspace.BuildDir+"/"+outDir)
		}
	}
	return lines, nil
}
