package cargo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
)

// Apply makes dir, a writable copy of the build directory that the plan's
// manifest describes, true for the plan's checkout. Every unit that Cargo compares
// by time gets the one time t0: equal is fresh for Cargo, and what is edited
// later than t0 is newer. t0 must be a time of the kernel's own clock that had
// passed before Verify began. Apply returns the number of units whose
// fingerprint was rewritten.
//
// dir must not be in use. If Apply fails, dir is of no use to anyone.
func (p *Plan) Apply(ctx context.Context, dir string, t0 time.Time) (retagged int, err error) {
	a := &applier{plan: p, dir: dir, links: builddir.NewLinkCutter(dir)}
	if retagged, err = a.retag(); err != nil {
		return 0, err
	}
	p.bindStrays()
	dirty := p.DirtyUnits()
	for i := range p.Manifest.Units {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := a.unit(&p.Manifest.Units[i], p.reasons[i]); err != nil {
			return 0, fmt.Errorf("correct unit %s: %w", p.Manifest.Units[i].Unit, err)
		}
	}
	if p.settings.Rules.On(rule.UnlinkUplifted) {
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
	if err := a.stamp(t0); err != nil {
		return 0, err
	}
	return retagged + n, a.failed
}

// unlinkUplifted removes the final names of programs and libraries that will be
// rebuilt, so that nobody runs the origin's before the build. Cargo makes them
// again on every build, also for units that are fresh (cargo 1.95,
// compiler/mod.rs:link_targets).
func (a *applier) unlinkUplifted(dirty []bool) error {
	for i := range a.plan.Manifest.Units {
		u := &a.plan.Manifest.Units[i]
		others := a.plan.needed != nil && !a.plan.needed[u.Key()]
		if !dirty[i] && !others || u.Run || u.Kind == builddir.KindScript {
			continue
		}
		for _, dir := range []string{u.Profile, u.Profile + "/examples"} {
			entries, err := os.ReadDir(a.dirPath(dir))
			if err != nil {
				continue
			}
			for _, e := range entries {
				if e.Type().IsRegular() && isUplifted(e.Name(), u.Target) {
					if err := removal.File(a.path(dir + "/" + e.Name())); err != nil {
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

// stamp gives t0 to the files of every unit that is mutable or depends on one. The
// files of the others keep their times, which are older: Cargo compares them
// only with each other and with their dependents.
func (a *applier) stamp(t0 time.Time) error {
	ts := unix.NsecToTimespec(t0.UnixNano())
	times := []unix.Timespec{ts, ts}
	for i := range a.plan.Manifest.Units {
		for _, f := range a.plan.Manifest.Units[i].Stamp {
			err := unix.UtimesNanoAt(unix.AT_FDCWD, a.path(string(f)), times, unix.AT_SYMLINK_NOFOLLOW)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("set time of %s: %w", f, err)
			}
		}
	}
	return nil
}

// nested makes the build directories inside the copy true for the checkout.
func (a *applier) nested(ctx context.Context, t0 time.Time) (retagged int, err error) {
	for _, n := range a.plan.nests {
		dir := a.dirPath(n.path)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		more, err := n.plan.Apply(ctx, dir, t0)
		if err != nil {
			return 0, fmt.Errorf("correct %s: %w", n.path, err)
		}
		retagged += more
	}
	return retagged, nil
}
