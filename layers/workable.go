package layers

import (
	"fmt"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Usable returns nil if the checkout's build directory can be sealed and replaced, or is
// not there, and else why not, with what would mend it.
func (s *Store) Usable(co *Checkout) error {
	_, err := s.kindOf(co, co.BuildDir())
	return err
}

// kindOf says what stands under the name of a checkout's build directory. It fails, with
// what would mend it, where that is nothing to be replaced. Which directory it is a
// project's own configuration can say, of any directory of the user's: so one that has
// the checkout in it, or anything but what cargo makes, is left as it is.
func (s *Store) kindOf(co *Checkout, d active.Dir) (active.Kind, error) {
	kind, err := d.Kind(s.opts.Driver)
	if err != nil || kind == active.Absent {
		return kind, err
	}
	unsuitable := func(what string) (active.Kind, error) {
		return active.Absent, &help.Error{
			Err:  fmt.Errorf("use %s: %w: %s", d.Path, active.ErrUnsuitable, what),
			Help: "name another directory with build.build-dir in cargo's configuration",
		}
	}
	real := realPath(d.Path)
	roots := []string{co.Workspace.Root}
	if co.Git != nil {
		roots = append(roots, co.Git.Root, co.Git.CommonDir)
	}
	for _, root := range roots {
		if _, inside := paths.Under(realPath(root), real); inside || real == "/" {
			return unsuitable(root + " lies in it")
		}
	}
	if !active.LooksBuilt(d.Path) {
		return unsuitable("it is not empty, and nothing in it is of cargo's")
	}
	return kind, nil
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}
