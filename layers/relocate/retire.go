package relocate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

var pointRetired = crashpoint.New("move.retired")

// staging is where a copy is made: beside its place, under a name of this move's alone.
func staging(from, to string) string {
	return filepath.Join(filepath.Dir(to), driver.TempPrefix+"move-"+digest.OfText(from)[:8])
}

// retire ends a store whose every layer is at another place: first it is none any more, then it
// goes. The caller holds it.
func retire(ctx context.Context, from, to string, d driver.Driver) error {
	if err := os.Remove(filepath.Join(from, paths.StoreVersion)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := errors.Join(driver.SyncNames(from), pointRetired.Hit()); err != nil {
		return err
	}
	return clear(ctx, from, to, d)
}

// clear removes what is left of a store that is none any more, and then the note of it at the new
// place. The lock and the note go last: who waits for the one finds no place for layers, and by the
// other it is known what this is.
func clear(ctx context.Context, from, to string, d driver.Driver) error {
	trees, err := names(filepath.Join(from, paths.StoreLayers))
	for _, t := range trees {
		err = errors.Join(err, d.Delete(ctx, filepath.Join(from, paths.StoreLayers, t)))
	}
	all, errs := names(from)
	err = errors.Join(err, errs)
	for _, name := range all {
		if err == nil && name != paths.StoreLock && name != paths.StoreMove {
			err = driver.RemoveAll(filepath.Join(from, name))
		}
	}
	if err == nil {
		err = d.Delete(ctx, from)
	}
	if err == nil {
		err = os.Remove(filepath.Join(to, paths.StoreMove))
	}
	if err != nil {
		return fmt.Errorf("remove what is left of %s: %w", from, err)
	}
	return nil
}
