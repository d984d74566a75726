package leftover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
)

// Remove carries the plan out, item by item, and calls done for each that is gone. What
// cannot be removed is in the error; the rest goes all the same. What has vanished since
// the plan was made is no error.
func (p *Plan) Remove(ctx context.Context, done func(*Item)) error {
	var failed []error
	for i := range p.Items {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(failed, err)...)
		}
		if err := p.remove(&p.Items[i]); err != nil {
			failed = append(failed, err)
		} else if done != nil {
			done(&p.Items[i])
		}
	}
	return errors.Join(failed...)
}

func (p *Plan) remove(it *Item) error {
	for _, rel := range it.Paths {
		if !filepath.IsLocal(rel) {
			return fmt.Errorf("remove %s: it leads out of %s", rel, p.Dir)
		}
		if err := removal.All(filepath.Join(p.Dir, rel)); err != nil {
			// Whatever follows is worth something only with what is still there.
			return fmt.Errorf("remove %s: %w", rel, err)
		}
		// The directory of a crate without a session goes too, and that of a package
		// without a unit. One that is not empty stays.
		if dir := path.Dir(rel); isCrateOrPackage(dir) {
			_ = os.Remove(filepath.Join(p.Dir, dir))
		}
	}
	return nil
}

func isCrateOrPackage(dir string) bool {
	switch path.Base(path.Dir(dir)) {
	case "incremental":
		return true
	case "build":
		_, id := builddir.SplitID(path.Base(dir))
		return id == ""
	}
	return false
}
