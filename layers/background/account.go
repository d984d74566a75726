// Package background keeps the account of a snapshot that is taken in the background,
// of which nobody else would hear: whether it runs, and why the last one failed.
//
// The account of a build directory is a file in the store, locked while a snapshot
// runs: any number of processes and goroutines may begin one and look at it, and one
// after the other has it. Whoever is killed leaves an account that says so.
package background

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// content is what the file has: nothing after a snapshot that succeeded, and this
// otherwise, with an error, or without one while the process runs or when it was killed.
type content struct {
	BuildDir string    `json:"build_dir"`
	Started  time.Time `json:"started"`
	Error    string    `json:"error,omitempty"`
}

// file is where a store has the account of a build directory.
func file(store, buildDir string) string {
	sum := sha256.Sum256([]byte(buildDir))
	return filepath.Join(store, paths.StoreLog, hex.EncodeToString(sum[:8])+paths.JSONSuffix)
}

// An Account is that of a snapshot under way.
type Account struct {
	path    string
	unlock  func() error
	content content
}

// Begin opens the account of a build directory. One snapshot at a time has it; those
// that come meanwhile queue here.
func Begin(ctx context.Context, store, buildDir string, now time.Time) (*Account, error) {
	a := &Account{path: file(store, buildDir), content: content{BuildDir: buildDir, Started: now}}
	if err := os.MkdirAll(filepath.Dir(a.path), 0o700); err != nil {
		return nil, err
	}
	unlock, err := flock.Lock(ctx, a.path, flock.Exclusive, nil)
	if err != nil {
		return nil, err
	}
	a.unlock = unlock
	if err := a.write(); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return a, nil
}

// End closes the account: with nothing to say, or with why the snapshot failed.
func (a *Account) End(failure error) error {
	var err error
	if failure == nil {
		err = os.Truncate(a.path, 0)
	} else {
		a.content.Error = failure.Error()
		err = a.write()
	}
	return errors.Join(err, a.unlock())
}

func (a *Account) write() error {
	text, err := json.Marshal(a.content)
	if err != nil {
		return err
	}
	return os.WriteFile(a.path, text, 0o600)
}

// State is what the account of a build directory says.
type State struct {
	Running bool
	Failure string // why the last snapshot failed; "" if it did not
}

// ReadState reads the account of a build directory.
func ReadState(store, buildDir string) (State, error) {
	path := file(store, buildDir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return State{}, nil // and none is made by looking
	}
	unlock, err := flock.TryLock(path, flock.Shared)
	if errors.Is(err, flock.ErrLocked) {
		return State{Running: true}, nil
	}
	if err != nil {
		return State{}, err
	}
	text, err := regular.Read(path)
	if err := errors.Join(err, unlock()); err != nil || len(text) == 0 {
		return State{}, err
	}
	var c content
	switch err := json.Unmarshal(text, &c); {
	case err != nil:
		return State{Failure: "its account cannot be read"}, nil
	case c.Error == "":
		return State{Failure: "it was killed"}, nil
	}
	return State{Failure: c.Error}, nil
}

// Forget drops the account of a snapshot that failed, once a later one is made.
func Forget(store, buildDir string) {
	if s, err := ReadState(store, buildDir); err == nil && s.Failure != "" {
		os.Truncate(file(store, buildDir), 0)
	}
}
