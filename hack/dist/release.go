package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// sums is the file that lists all others.
const sums = "SHA256SUMS"

// make makes all that is released, and then puts it in the place of out.
func (r release) make(ctx context.Context, out string) error {
	if err := replaceable(out); err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	parent := filepath.Dir(filepath.Clean(out))
	work, err := os.MkdirTemp(parent, ".dist-")
	if err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "dist")
	if err := os.Mkdir(made, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	if err := r.fill(ctx, made, work); err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	if err := writeSums(made); err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	if err := errors.Join(os.RemoveAll(out), os.Rename(made, out)); err != nil {
		return fmt.Errorf("make %s: %w", out, err)
	}
	return nil
}

// fill makes everything but the sums.
func (r release) fill(ctx context.Context, dir, work string) error {
	common, err := r.common(ctx, work)
	if err != nil {
		return err
	}
	errs := make([]error, len(platforms))
	var made sync.WaitGroup
	for i, p := range platforms {
		made.Go(func() { errs[i] = r.fillFor(ctx, p, common, dir, work) })
	}
	made.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.writeCrate(filepath.Join(dir, "crate"))
}

// fillFor makes what there is for one platform.
func (r release) fillFor(ctx context.Context, p platform, common []file, dir, work string) error {
	programs, err := r.programs(ctx, p, work)
	if err != nil {
		return err
	}
	all := slices.Concat(programs, common)
	if err := r.writeArchive(filepath.Join(dir, r.archive(p)), all); err != nil {
		return err
	}
	return r.writePackage(ctx, filepath.Join(dir, r.pack(p)), p, all, work)
}

// replaceable says why out must not be removed: it is nothing that this program has made.
func replaceable(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == sums }):
		return errors.New("there is something else, without " + sums)
	}
	return nil
}

// writeSums writes the sums of all files below dir, in the form that sha256sum -c reads.
func writeSums(dir string) error {
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), strings.TrimPrefix(path, dir+"/"))
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sums), b.Bytes(), 0o644)
}
