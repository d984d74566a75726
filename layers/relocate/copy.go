package relocate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// copying copies a store. What lies at the new place is no store until the last file of it is there.
type copying struct {
	from, to string
	driver   driver.Driver // of the new place
	progress func(done, of int)
}

// prepare makes the place of the copy. Its note tells of which store it is.
func (c *copying) prepare(ctx context.Context, of string) error {
	if err := c.driver.Create(ctx, c.to); err != nil {
		return err
	}
	if err := os.Chmod(c.to, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(c.to, paths.StoreLayers), 0o700); err != nil {
		return err
	}
	if err := writeSmall(filepath.Join(c.to, paths.StoreDriver), c.driver.Name()+"\n"); err != nil {
		return err
	}
	return writeSmall(filepath.Join(c.to, paths.StoreMove), markText(moveOf, of))
}

// layers copies the layers that are lacking at the new place. In a store that others work with,
// one that is on its way out is left to them.
func (c *copying) layers(ctx context.Context, leased bool) error {
	all, err := layersOf(c.from)
	if err != nil {
		return err
	}
	all = c.parentsFirst(all)
	for i, id := range all {
		if c.progress != nil {
			c.progress(i, len(all))
		}
		if _, err := os.Lstat(tree(c.to, id)); err == nil {
			continue
		}
		release := func() error { return nil }
		if leased {
			if release, err = lease.Acquire(filepath.Join(c.from, paths.StoreLeases), id); errors.Is(err, lease.ErrHeld) {
				continue
			}
			if err != nil {
				return err
			}
			if _, err := os.Lstat(tree(c.from, id)); errors.Is(err, fs.ErrNotExist) {
				_ = release()
				continue
			}
		}
		err = errors.Join(c.layer(ctx, id), release())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !help.IsFull(err) {
			return &help.Error{Err: fmt.Errorf("copy layer %s: %w", id, err), Help: "cargo cow check --deep, and `cargo cow rm " + id + "` if the layer is damaged"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func tree(store, id string) string { return filepath.Join(store, paths.StoreLayers, id) }

// layer copies one layer, seals the copy and compares the two. What it shares with the layer that
// it was made from, the copies share as well, where files can.
func (c *copying) layer(ctx context.Context, id string) error {
	from, to := tree(c.from, id), tree(c.to, id)
	var left leftOut
	ctx = driver.TellLeftOut(ctx, left.note)
	if !c.driver.Caps().SharesData {
		if err := c.driver.Seal(ctx, to, from); err != nil {
			return err
		}
		return c.compared(ctx, to, from, &left)
	}
	tmp := filepath.Join(c.to, paths.StoreLayers, driver.TempPrefix+atomicfile.TempSuffix())
	err := c.fill(ctx, tmp, from, c.parent(id), &left)
	if err == nil {
		err = c.driver.Seal(ctx, to, tmp)
	}
	if err = errors.Join(err, c.driver.Delete(context.WithoutCancel(ctx), tmp)); err != nil {
		return err
	}
	return c.compared(ctx, to, from, &left)
}

// fill makes a tree of the content of another one, if need be from the copy of its parent.
func (c *copying) fill(ctx context.Context, tmp, from, parent string, left *leftOut) error {
	var same map[string]bool
	var err error
	if parent == "" {
		err = c.driver.Create(ctx, tmp)
	} else if err = c.driver.Clone(ctx, tmp, parent); err == nil {
		same, err = keepSame(ctx, tmp, from)
	}
	if err != nil {
		return err
	}
	_, err = reflink.CopyTree(ctx, tmp, from, reflink.Options{
		Mode:    reflink.Auto,
		Skip:    func(rel string, _ fs.DirEntry) bool { return same[rel] },
		LeftOut: func(rel string, why error) { left.note(filepath.Join(from, rel), why) },
	})
	return err
}

// compared compares a copy with what it is of. One that differs is none: it goes.
func (c *copying) compared(ctx context.Context, to, from string, left *leftOut) error {
	err := compare(ctx, to, from, left.has)
	if err != nil {
		err = errors.Join(err, c.driver.Delete(context.WithoutCancel(ctx), to))
	}
	return err
}

// parent is the copy of the layer that a layer was made from, "" where there is none.
func (c *copying) parent(id string) string {
	r, err := record.In(c.from).Read(id)
	if err != nil || r.Parent == "" {
		return ""
	}
	if _, err := os.Lstat(tree(c.to, r.Parent)); err != nil {
		return ""
	}
	return tree(c.to, r.Parent)
}

// parentsFirst puts each layer behind the one it was made from.
func (c *copying) parentsFirst(all []string) (order []string) {
	placed := map[string]bool{}
	var place func(id string)
	place = func(id string) {
		if placed[id] {
			return
		}
		placed[id] = true
		if r, err := record.In(c.from).Read(id); err == nil && slices.Contains(all, r.Parent) {
			place(r.Parent)
		}
		order = append(order, id)
	}
	for _, id := range all {
		place(id)
	}
	return order
}

// Of the files in a store these are not copied: locks, and what is about this disk and made again.
var notCopied = []string{
	paths.StoreLayers, paths.StoreLock, paths.StoreMove, paths.StoreVersion, paths.StoreDriver, paths.StoreMaps, paths.StoreSizes,
	paths.StoreUsageLock, paths.StoreAutoPrune, paths.StoreIndex, paths.StoreCatalog, paths.StoreWarehouse,
}

// complete copies what is lacking of a store that is held, and makes a store of the copy, but for
// its name.
func (c *copying) complete(ctx context.Context, layers []string) error {
	if err := c.layers(ctx, false); err != nil {
		return err
	}
	copied, err := layersOf(c.to)
	if err != nil {
		return err
	}
	for _, id := range copied {
		if !slices.Contains(layers, id) { // removed meanwhile
			if err := c.driver.Delete(ctx, tree(c.to, id)); err != nil {
				return err
			}
		}
	}
	if err := c.rest(ctx); err != nil {
		return err
	}
	version, err := os.ReadFile(filepath.Join(c.from, paths.StoreVersion))
	if err == nil {
		err = writeSmall(filepath.Join(c.to, paths.StoreVersion), string(version))
	}
	if err != nil {
		return err
	}
	return driver.SyncFileSystem(c.to)
}

// rest copies what is beside the layers. What the wrapper keeps is written at any time, can be lost,
// and proves itself whenever it is used: where it cannot be copied whole, there is less of it.
func (c *copying) rest(ctx context.Context) error {
	unlock, err := flock.Lock(ctx, filepath.Join(c.from, paths.StoreUsageLock), flock.Exclusive, nil)
	if err != nil {
		return err
	}
	defer unlock()
	skip := func(rel string, _ fs.DirEntry) bool {
		return slices.Contains(notCopied, rel) || strings.HasPrefix(filepath.Base(rel), driver.TempPrefix)
	}
	if _, err := reflink.CopyTree(ctx, c.to, c.from, reflink.Options{Mode: reflink.Auto, Skip: skip}); err != nil {
		return err
	}
	warehouse := filepath.Join(c.to, paths.StoreWarehouse)
	temporary := func(rel string, _ fs.DirEntry) bool { return strings.HasPrefix(filepath.Base(rel), driver.TempPrefix) }
	if _, err := os.Lstat(filepath.Join(c.from, paths.StoreWarehouse)); err != nil {
		return nil
	}
	for range 3 {
		_, err = reflink.CopyTree(ctx, warehouse, filepath.Join(c.from, paths.StoreWarehouse), reflink.Options{Mode: reflink.Auto, Skip: temporary})
		if err == nil || ctx.Err() != nil || help.IsFull(err) {
			return err
		}
		if err := driver.RemoveAll(warehouse); err != nil {
			return err
		}
	}
	return nil
}
