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

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// strays removes what dirty runs of scripts have left, so that they find what they would
// find in an empty directory, and makes the links that others have left lead into the
// checkout.
func (a *applier) strays(dirty []bool) error {
	if !a.plan.settings.Rules.On(rule.LeftOutside) {
		return nil
	}
	for i := range a.plan.Manifest.Strays {
		s := &a.plan.Manifest.Strays[i]
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
	if err := builddir.Discard(a.path(rel)); err != nil {
		return err
	}
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if _, own := a.known(dir); own || os.Remove(a.path(dir)) != nil {
			break
		}
	}
	return nil
}

// relink gives a link the text it would have in the checkout, and keeps its time.
func (a *applier) relink(s *manifest.Stray) error {
	name := a.path(string(s.Path))
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	was, err := os.Readlink(name)
	if err != nil {
		return err
	}
	to, ok := a.plan.Checkout.Abs(*s.Link)
	if !ok {
		return errors.New("it leads to " + s.Link.Display())
	}
	if !filepath.IsAbs(was) {
		if to, err = filepath.Rel(filepath.Join(a.plan.Checkout.Workspace.BuildDir, path.Dir(string(s.Path))), to); err != nil {
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

// known reports whether the manifest, or Cargo itself, accounts for something beside
// profiles or in one: own, for itself; inside, for a part of what lies in it.
func (a *applier) known(rel string) (inside, own bool) {
	m := a.plan.Manifest
	base := path.Base(rel)
	switch {
	case rel == builddir.MetaDir, builddir.IsCargoFile(base), slices.Contains(m.Profiles, rel):
		return false, true
	case slices.Contains(m.Profiles, path.Dir(rel)):
		switch base {
		case ".fingerprint", "incremental", "deps", "examples", "build":
			return false, true
		}
	case base == "tmp":
		return false, true
	}
	if slices.Contains(m.Placed, paths.Path(rel)) {
		return false, true
	}
	holds := func(p string) bool { return p == rel || strings.HasPrefix(p, rel+"/") }
	inside = slices.ContainsFunc(m.Profiles, holds) ||
		slices.ContainsFunc(m.Strays, func(s manifest.Stray) bool { return holds(string(s.Path)) }) ||
		slices.ContainsFunc(m.Nested, func(n manifest.Nested) bool { return holds(string(n.Path)) })
	return inside, false
}

// dropUnknown removes what the manifest does not account for: it was made while the layer
// was being sealed, by a build that had begun or by somebody else.
func (a *applier) dropUnknown() error {
	rules := a.plan.settings.Rules
	all := rules.On(rule.LeftOutside) && rules.On(rule.NestedBuild)
	dirs := []string{""}
	for _, p := range a.plan.Manifest.Profiles {
		dirs = append(dirs, p)
		if triple := path.Dir(p); triple != "." && !slices.Contains(dirs, triple) {
			dirs = append(dirs, triple)
		}
	}
	profiles, err := builddir.Profiles(a.dir)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(a.dirPath(dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			rel := path.Join(dir, e.Name())
			inside, own := a.known(rel)
			if inside || own || builddir.IsDiscarded(e.Name()) || !all && !slices.Contains(profiles, rel) {
				continue
			}
			if err := builddir.Discard(a.path(rel)); err != nil {
				return fmt.Errorf("remove unknown %s: %w", rel, err)
			}
		}
	}
	return nil
}
