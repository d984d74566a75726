package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// applier makes a copy of a build directory true for a checkout.
type applier struct {
	plan  *Plan
	dir   string
	links *builddir.LinkCutter
	// failed is the first link that could not be cut: nothing is done then.
	failed error
}

// path is where something in the copy is, and in no other place: no link leads there.
func (a *applier) path(rel string) string {
	a.cut(path.Dir(rel))
	return a.dir + "/" + rel
}

// dirPath is path for a directory whose entries are looked at.
func (a *applier) dirPath(rel string) string {
	a.cut(rel)
	return a.dir + "/" + rel
}

func (a *applier) cut(rel string) {
	if err := a.links.Cut(rel); err != nil && a.failed == nil {
		a.failed = err
	}
}

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
	entries, err := os.ReadDir(a.dirPath(outDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := removal.All(a.path(outDir + "/" + e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// dirtyDoc removes the page whose presence and time Cargo checks.
func (a *applier) dirtyDoc(u *manifest.Unit) error {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	return removal.File(a.path(path.Join(path.Dir(u.Profile), "doc", crate, "index.html")))
}

// rewriteDepInfo makes Cargo watch the checkout's files instead of the origin's.
// The content of this file is not part of the unit's hash.
func (a *applier) rewriteDepInfo(u *manifest.Unit) error {
	name := a.path(u.DepFile())
	b, err := regular.Read(name)
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
			return fmt.Errorf("rewrite %s: no entry %d for %s", name, w.Index, w.Path)
		}
		info.Files[w.Index].Path = to
	}
	return atomicfile.Replace(name, info.Encode())
}

// rewriteOutput makes a script watch the checkout's files. It returns the lines as
// Cargo will read them there.
func (a *applier) rewriteOutput(u *manifest.Unit) ([]script.Line, error) {
	output, outDir, root := u.Dir().ScriptFiles()
	b, err := regular.Read(a.path(output))
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
	called, _ := regular.Read(a.path(root))
	if len(called) > 0 {
		for i := range lines {
			lines[i].Value = strings.ReplaceAll(lines[i].Value, string(called), a.plan.Checkout.Workspace.BuildDir+"/"+outDir)
		}
	}
	return lines, nil
}
