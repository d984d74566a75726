package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// account is what a background snapshot tells status, which nobody else would
// hear of: a file <store>/log/<build directory>.json. It is locked while the
// snapshot runs, empty after it succeeded, and holds the account otherwise: with
// an error, or without one when the process was killed.
type account struct {
	BuildDir string    `json:"build_dir"`
	Started  time.Time `json:"started"`
	Error    string    `json:"error,omitempty"`
}

func accountPath(store *layers.Store, buildDir string) string {
	sum := sha256.Sum256([]byte(buildDir))
	return filepath.Join(store.Dir(), paths.StoreLog, hex.EncodeToString(sum[:8])+paths.JSONSuffix)
}

// startSnapshot starts a snapshot in a process of its own that outlives this one
// and the terminal.
func (a *app) startSnapshot(s *open.Session, label string) error {
	program, err := programPath()
	if err != nil {
		return fmt.Errorf("start snapshot: %w", err)
	}
	args := []string{"--directory", s.Dir(), "snapshot", "--background"}
	if a.store != "" {
		args = append(args, "--store", a.store)
	}
	if label != "" {
		args = append(args, "--label", label)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = a.environ
	cmd.Dir = "/" // holds no directory that somebody may want to unmount
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start snapshot: %w", err)
	}
	return cmd.Process.Release()
}

// snapshotInBackground takes a snapshot and accounts for it. One at a time for a
// build directory; those that come meanwhile queue at the account's lock.
func (a *app) snapshotInBackground(ctx context.Context, o snapshotOptions) error {
	w, err := a.open(ctx)
	if err != nil {
		return err
	}
	path := accountPath(w.store, w.place.Workspace.BuildDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	locked := make(chan error, 1)
	go func() { locked <- flock(f, unix.LOCK_EX) }()
	select {
	case err = <-locked:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	defer flock(f, unix.LOCK_UN)

	acc := account{BuildDir: w.place.Workspace.BuildDir, Started: time.Now()}
	if err := acc.write(f); err != nil {
		return err
	}
	if _, err := w.store.Snapshot(ctx, w.place, layers.SnapshotOptions{Label: o.label}); err != nil {
		acc.Error = err.Error()
		return errors.Join(err, acc.write(f))
	}
	w.noteBuilt()
	return f.Truncate(0)
}

func (acc *account) write(f *os.File) error {
	text, err := json.Marshal(acc)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	return err
}

// backgroundState reads the account: running, or why the last snapshot failed.
func backgroundState(store *layers.Store, buildDir string) (running bool, failure string, err error) {
	f, err := os.Open(accountPath(store, buildDir))
	if errors.Is(err, os.ErrNotExist) {
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	defer f.Close()
	if err := flock(f, unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return true, "", nil
	} else if err != nil {
		return false, "", err
	}
	defer flock(f, unix.LOCK_UN)
	text, err := io.ReadAll(f)
	if err != nil || len(text) == 0 {
		return false, "", err
	}
	var acc account
	switch err := json.Unmarshal(text, &acc); {
	case err != nil:
		return false, "its account is torn", nil
	case acc.Error == "":
		return false, "it was killed", nil
	}
	return false, acc.Error, nil
}

// forgetFailure drops the account of a failed snapshot once a later one is made.
func forgetFailure(store *layers.Store, buildDir string) {
	if running, failure, err := backgroundState(store, buildDir); err == nil && !running && failure != "" {
		os.Truncate(accountPath(store, buildDir), 0)
	}
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
