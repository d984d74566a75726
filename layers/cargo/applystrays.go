package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// strays finds links whose end is missing in the place: their scripts run again.
func (v *verifier) strays() {
	if !v.reader.settings.Rules.On(RuleLeftOutside) {
		return
	}
	for _, s := range v.plan.manifest.Strays {
		if s.Link == nil || s.Link.Base == BaseBuild || s.Link.Base == BaseOuter {
			continue
		}
		to, ok := v.reader.place.Abs(*s.Link)
		if ok {
			_, err := os.Lstat(to)
			ok = err == nil
		}
		if !ok {
			v.plan.remake(s.Units, escapePath(string(s.Path))+" would lead to "+s.Link.display()+", which is missing")
		}
	}
	v.plan.bindStrays()
}

// bindStrays has the run of every script made dirty that may have left something
// which goes with the dirty run of another: only both together make it again.
func (p *Plan) bindStrays() {
	if !p.settings.Rules.On(RuleLeftOutside) {
		return
	}
	for again := true; again; {
		again = false
		dirty := p.dirty()
		for _, s := range p.manifest.Strays {
			if !slices.ContainsFunc(s.Units, func(i int) bool { return dirty[i] }) {
				continue
			}
			if slices.ContainsFunc(s.Units, func(i int) bool { return !dirty[i] }) {
				p.remake(s.Units, escapePath(string(s.Path))+" may be its own, and that of a script that runs again")
				again = true
			}
		}
	}
}

func (p *Plan) remake(units []int, detail string) {
	for _, i := range units {
		if p.reasons[i] == nil {
			p.reasons[i] = &Reason{RuleLeftOutside, detail}
		}
	}
}

// strays removes what the scripts left that run again, so that they find what
// they would in an empty directory, and has the links of the others lead to what
// is in the place.
func (a *applier) strays(dirty []bool) error {
	if !a.plan.settings.Rules.On(RuleLeftOutside) {
		return nil
	}
	for i := range a.plan.manifest.Strays {
		s := &a.plan.manifest.Strays[i]
		var err error
		if slices.ContainsFunc(s.Units, func(u int) bool { return dirty[u] }) {
			err = a.removeStray(string(s.Path))
		} else if s.Link != nil {
			err = a.relink(s)
		}
		if err != nil {
			return fmt.Errorf("correct %s: %w", s.Path, err)
		}
	}
	return nil
}

// removeStray removes something, and the directories that are empty without it.
func (a *applier) removeStray(rel string) error {
	if err := discard(a.path(rel)); err != nil {
		return err
	}
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if _, own := a.known(dir); own || os.Remove(a.path(dir)) != nil {
			break
		}
	}
	return nil
}

// relink gives a link the text it would have in the place, and the time it has.
func (a *applier) relink(s *Stray) error {
	name := a.path(string(s.Path))
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	was, err := os.Readlink(name)
	if err != nil {
		return err
	}
	to, ok := a.plan.place.Abs(*s.Link)
	if !ok {
		return errors.New("it leads to " + s.Link.display())
	}
	if !filepath.IsAbs(was) {
		if to, err = filepath.Rel(filepath.Join(a.plan.place.Workspace.BuildDir, path.Dir(string(s.Path))), to); err != nil {
			return err
		}
	}
	if to == was {
		return nil
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	if err := os.Symlink(to, name); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "set time of", Path: name, Err: err}
	}
	return nil
}

// known reports whether the manifest, or Cargo itself, accounts for a directory,
// or a file beside profiles or in one. inside: for part of what lies in it.
func (a *applier) known(rel string) (inside, own bool) {
	m := a.plan.manifest
	base := path.Base(rel)
	switch {
	case rel == metaDir, isOwnFile(base), slices.Contains(m.Profiles, rel):
		return false, true
	case slices.Contains(m.Profiles, path.Dir(rel)):
		switch base {
		case ".fingerprint", "incremental", "deps", "examples", "build":
			return false, true
		}
	case base == "tmp":
		return false, true
	}
	if slices.Contains(m.Placed, Path(rel)) {
		return false, true
	}
	holds := func(p string) bool { return p == rel || strings.HasPrefix(p, rel+"/") }
	inside = slices.ContainsFunc(m.Profiles, holds) ||
		slices.ContainsFunc(m.Strays, func(s Stray) bool { return holds(string(s.Path)) }) ||
		slices.ContainsFunc(m.Nested, func(n Nested) bool { return holds(string(n.Path)) })
	return inside, false
}

// dropUnknown removes what the manifest does not account for: a build that began
// while the layer was sealed, or whoever else was at work there, had just made it.
func (a *applier) dropUnknown() error {
	rules := a.plan.settings.Rules
	all := rules.On(RuleLeftOutside) && rules.On(RuleNestedBuild)
	dirs := []string{""}
	for _, p := range a.plan.manifest.Profiles {
		dirs = append(dirs, p)
		if triple := path.Dir(p); triple != "." && !slices.Contains(dirs, triple) {
			dirs = append(dirs, triple)
		}
	}
	profiles, err := Profiles(a.dir)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(a.dir, dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			rel := path.Join(dir, e.Name())
			inside, own := a.known(rel)
			if inside || own || isLeft(e.Name()) || !all && !slices.Contains(profiles, rel) {
				continue
			}
			if err := discard(a.path(rel)); err != nil {
				return fmt.Errorf("remove unknown %s: %w", rel, err)
			}
		}
	}
	return nil
}

// leftSuffix ends the name that something gets which another user owns, as root
// does after a build with sudo: it cannot be removed, but nobody finds it.
const leftSuffix = paths.TreeLeftSuffix

// isLeft reports whether a name is one that discard has given.
func isLeft(name string) bool { return strings.HasSuffix(name, leftSuffix) }

// discard removes something from a copy of a build directory.
func discard(name string) error {
	err := os.RemoveAll(name)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	dir, base := filepath.Split(name)
	if isLeft(base) {
		return nil
	}
	if err := os.Rename(name, filepath.Join(dir, "."+base+leftSuffix)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
