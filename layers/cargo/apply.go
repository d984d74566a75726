package cargo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
)

// Apply makes dir, a writable copy of the build directory that the plan's
// manifest describes, true for the plan's place. Every unit that Cargo compares
// by time gets the one time t0: equal is fresh for Cargo, and what is edited
// later than t0 is newer. t0 must be a time of the kernel's own clock that had
// passed before Verify began. Apply returns the number of units whose
// fingerprint was rewritten.
//
// dir must not be in use. If Apply fails, dir is of no use to anyone.
func (p *Plan) Apply(ctx context.Context, dir string, t0 time.Time) (retagged int, err error) {
	a := &applier{plan: p, dir: dir}
	if retagged, err = a.retag(ctx); err != nil {
		return 0, err
	}
	p.bindStrays()
	dirty := p.dirty()
	for i := range p.manifest.Units {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := a.unit(&p.manifest.Units[i], p.reasons[i]); err != nil {
			return 0, fmt.Errorf("correct unit %s: %w", p.manifest.Units[i].Unit, err)
		}
	}
	if p.settings.Rules.On(RuleUnlinkUplifted) {
		if err := a.unlinkUplifted(dirty); err != nil {
			return 0, err
		}
	}
	if err := a.strays(dirty); err != nil {
		return 0, err
	}
	if err := a.dropUnknown(); err != nil {
		return 0, err
	}
	n, err := a.nested(ctx, t0)
	if err != nil {
		return 0, err
	}
	return retagged + n, a.stamp(t0)
}

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

// remove removes a file that may be missing.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !isNotDir(err) {
		return err
	}
	return nil
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

// unlinkUplifted removes the final names of programs and libraries that will be
// rebuilt, so that nobody runs the origin's before the build. Cargo makes them
// again on every build, also for units that are fresh (cargo 1.95,
// compiler/mod.rs:link_targets).
func (a *applier) unlinkUplifted(dirty []bool) error {
	for i := range a.plan.manifest.Units {
		u := &a.plan.manifest.Units[i]
		others := a.plan.needed != nil && !a.plan.needed[u.key()]
		if !dirty[i] && !others || u.Run || u.Kind == kindScript {
			continue
		}
		for _, dir := range []string{u.Profile, u.Profile + "/examples"} {
			entries, err := os.ReadDir(a.path(dir))
			if err != nil {
				continue
			}
			for _, e := range entries {
				if e.Type().IsRegular() && isUplifted(e.Name(), u.Target) {
					if err := remove(a.path(dir + "/" + e.Name())); err != nil {
						return fmt.Errorf("unlink %s: %w", e.Name(), err)
					}
				}
			}
		}
	}
	return nil
}

// isUplifted reports whether file is the final name of something built for
// target: app, app.d, libapp.so. Names are compared as crate names are.
func isUplifted(file, target string) bool {
	stem, _, _ := strings.Cut(file, ".")
	stem, target = strings.ReplaceAll(stem, "-", "_"), strings.ReplaceAll(target, "-", "_")
	return stem == target || stem == "lib"+target
}

// stamp gives t0 to the files of every unit that is mutable or above one. The
// files of the others keep their times, which are older: Cargo compares them
// only among each other and with those above.
func (a *applier) stamp(t0 time.Time) error {
	ts := unix.NsecToTimespec(t0.UnixNano())
	times := []unix.Timespec{ts, ts}
	for i := range a.plan.manifest.Units {
		for _, f := range a.plan.manifest.Units[i].Stamp {
			err := unix.UtimesNanoAt(unix.AT_FDCWD, a.path(string(f)), times, unix.AT_SYMLINK_NOFOLLOW)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("set time of %s: %w", f, err)
			}
		}
	}
	return nil
}
