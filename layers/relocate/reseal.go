package relocate

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Reseal makes trees of the driver of those layers that are ordinary directories, as all are that
// came back from a backup, so that the kernel keeps them from being changed again. It returns where
// they lie. One that somebody works with, or that cannot be read, as what a roll-back has left of
// one, stays as it is: it is for a check to tell of. Killed, it leaves each layer as it was or as a
// tree.
func Reseal(ctx context.Context, store string, d driver.Driver) (sealed []string, err error) {
	if !d.Caps().EnforcesSeal {
		return nil, nil
	}
	all, err := layersOf(store)
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		if holds, err := d.Holds(tree(store, id)); err != nil || holds {
			continue
		}
		release, err := lease.Exclusive(filepath.Join(store, paths.StoreLeases), id)
		if errors.Is(err, lease.ErrHeld) {
			continue
		}
		if err != nil {
			return sealed, err
		}
		err = reseal(ctx, store, id, d)
		if bad := errors.Join(release(), lease.Prepare(filepath.Join(store, paths.StoreLeases), id)); bad != nil {
			return sealed, bad
		}
		switch {
		case err == nil:
			sealed = append(sealed, tree(store, id))
		case ctx.Err() != nil, help.IsFull(err):
			return sealed, err
		}
	}
	return sealed, nil
}

func reseal(ctx context.Context, store, id string, d driver.Driver) error {
	layer := tree(store, id)
	temp := func() string { return tree(store, driver.TempPrefix+atomicfile.TempSuffix()) }
	clone, copied := temp(), temp()
	err := d.Clone(ctx, clone, layer)
	if err == nil {
		err = d.Seal(ctx, copied, clone)
	}
	if err == nil {
		err = driver.Exchange(copied, layer)
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(err, d.Delete(ctx, clone), d.Delete(ctx, copied))
}
