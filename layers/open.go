package layers

import (
	"bytes"
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
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// Create makes the store if it is not there, private to the user, and opens it.
func Create(ctx context.Context, o Options) (*Store, error) {
	if s, err := Open(ctx, o); !errors.Is(err, ErrNoStore) {
		return s, err
	}
	if err := driver.MakeDirs(filepath.Dir(o.Dir), 0o777); err != nil {
		return nil, fmt.Errorf("make store: %w", rollback.Explain(err))
	}
	// A tree of its own, so that snapshots a system takes of the tree around
	// it do not pin what is deleted here.
	err := o.Driver.Create(ctx, o.Dir)
	if errors.Is(err, fs.ErrExist) {
		err = checkHalfMade(o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	if err := os.Chmod(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	// First of all: the store may lie in a working tree, of whatever repository.
	if err := os.WriteFile(filepath.Join(o.Dir, ignoreFile), []byte(ignoreAll), 0o600); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	for _, d := range []string{layersDir, record.Dir, leasesDir} {
		if err := os.Mkdir(filepath.Join(o.Dir, d), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make store: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(o.Dir, cacheTagFile), []byte(cacheTag), 0o600); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	// Whoever makes the store at the same time, and is done, tidies up in it.
	done, err := (&Store{opts: o}).holdOffSweep(ctx)
	if err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	err = atomicfile.Write(filepath.Join(o.Dir, versionFile), []byte(versionLine), 0o600)
	if err = errors.Join(err, done()); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	return Open(ctx, o)
}

// checkHalfMade allows a store to be made in an empty directory, or in one where
// a process died or is busy making it, but not around what somebody else keeps
// there.
func checkHalfMade(dir string) error {
	found, err := ls.Names(dir)
	if err != nil {
		return err
	}
	if slices.Contains(found, versionFile) {
		return nil // another process has just made it
	}
	own := []string{layersDir, record.Dir, leasesDir, cacheTagFile, lockFile, ignoreFile}
	for _, name := range found {
		if !slices.Contains(own, name) && !strings.HasPrefix(name, atomicfile.TempPrefix) {
			return &HelpError{Err: fmt.Errorf("%s has other things in it, such as %s", dir, name), Help: "name a new directory with --store DIR"}
		}
	}
	return nil
}

// cacheTag keeps backup programs out of what can be built again.
const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n# Layers of cargo-cow; all of it can be built again.\n"

// Open opens the store and puts away what a crash left behind. It fails with
// ErrNoStore where there is none.
func Open(ctx context.Context, o Options) (*Store, error) {
	b, err := os.ReadFile(filepath.Join(o.Dir, versionFile))
	if errors.Is(err, fs.ErrNotExist) && rollback.IsStub(o.Dir) {
		return nil, RolledBackStore(o.Dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err := fmt.Errorf("open store %s: %w", o.Dir, ErrNoStore)
		if onlyLayers(o.Dir) {
			err = &HelpError{
				Err:  fmt.Errorf("%w, but layers of one", err),
				Help: "run `cargo cow init`, which takes them in again, and then `cargo cow store remove --force` to be rid of them",
			}
		}
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if string(b) != versionLine {
		return nil, fmt.Errorf("open store %s: version %q is not one this program knows", o.Dir, bytes.TrimSpace(b))
	}
	s := &Store{opts: o}
	if err := s.recover(ctx); err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	return s, nil
}

// onlyLayers reports whether a directory that is no store has layers where a store
// has them: an rm -rf has taken all but what the kernel keeps from it.
func onlyLayers(dir string) bool {
	ids, _ := ls.Names(filepath.Join(dir, layersDir))
	return slices.ContainsFunc(ids, digest.Is)
}
