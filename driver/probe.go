package driver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// probeSize is enough that the file cannot live inside Btrfs metadata (at most
// 2048 bytes by default, mount option max_inline) and that cloning is real: a
// clone of nothing succeeds even where no other does (ZFS with block cloning off).
const probeSize = 16 << 10

// ErrUnshared says that a driver that claims to share data has copied it, as between a
// directory without copy-on-write and one with it.
var ErrUnshared = errors.New("a clone shares no data with its source")

// Probe returns the first of the candidates that works in the directory dir, in
// the order given. It asks no table of file systems: overlays, mount options and
// permissions make every such table wrong. Instead each candidate makes, clones
// and deletes a small tree in a temporary directory in dir, which is removed
// again. If no candidate works the error wraps the reasons of all of them.
func Probe(ctx context.Context, dir string, candidates ...Driver) (Driver, error) {
	return ProbeBetween(ctx, dir, dir, candidates...)
}

// ProbeBetween is Probe for trees that are made in dir and cloned to the directory to: on
// another mount, or another file system, perhaps. Neither device numbers nor the names of
// file systems tell whether that works.
func ProbeBetween(ctx context.Context, dir, to string, candidates ...Driver) (Driver, error) {
	var reasons []error
	for _, d := range candidates {
		err := try(ctx, dir, to, d)
		if err == nil {
			return d, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("probe %s: %w", dir, ctx.Err())
		}
		reasons = append(reasons, fmt.Errorf("driver %s: %w", d.Name(), err))
	}
	if len(reasons) == 0 {
		return nil, fmt.Errorf("probe %s: no driver to try", dir)
	}
	return nil, fmt.Errorf("probe %s: %w", dir, errors.Join(reasons...))
}

func try(ctx context.Context, dir, to string, d Driver) (err error) {
	tmp, err := os.MkdirTemp(dir, TempPrefix+"probe-")
	if err != nil {
		return err
	}
	end := tmp
	if to != dir {
		if end, err = os.MkdirTemp(to, TempPrefix+"probe-"); err != nil {
			return errors.Join(err, os.Remove(tmp))
		}
	}
	tree, clone := filepath.Join(tmp, "tree"), filepath.Join(end, "clone")
	defer func() {
		// Whoever cancels the probe still wants it to clean up.
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, d.Delete(ctx, clone), d.Delete(ctx, tree), os.Remove(tmp))
		if end != tmp {
			err = errors.Join(err, os.Remove(end))
		}
	}()

	if err := d.Create(ctx, tree); err != nil {
		return err
	}
	data := make([]byte, probeSize)
	rand.Read(data)
	if err := writeSynced(filepath.Join(tree, "file"), data); err != nil {
		return err
	}
	if err := d.Clone(ctx, clone, tree); err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(clone, "file"))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("compare clone with %s: the content differs", tree)
	}
	if !d.Caps().SharesData {
		return nil
	}
	// Not every file system that shares tells of it.
	if u, err := d.Usage(ctx, clone); err == nil && u.Known && u.Shared == 0 && u.Exclusive > 0 {
		return ErrUnshared
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
