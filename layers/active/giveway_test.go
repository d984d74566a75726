package active

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Who waits for Cargo's lock ends what nobody has asked for, and nobody else does.
func TestGiveWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "target")
	if err := os.MkdirAll(filepath.Join(dir, "debug/.fingerprint"), 0o777); err != nil {
		t.Fatal(err)
	}
	locks, err := builddir.Lock(t.Context(), nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Unlock()
	c := &Claim{Dir: Dir{Path: dir}, cargoLocks: locks}
	ctx, stop := c.GiveWay(t.Context())
	select {
	case <-ctx.Done():
		t.Fatalf("it ends while nobody waits: %v", context.Cause(ctx))
	case <-time.After(2 * maxKept):
	}
	// As Cargo waits.
	waiting := exec.CommandContext(t.Context(), "flock", filepath.Join(dir, "debug", builddir.LockFiles[0]), "true")
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("it does not end although somebody waits")
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ErrBusy) {
		t.Errorf("it ends with %v", cause)
	}
	stop()
	if err := locks.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := waiting.Wait(); err != nil {
		t.Fatal(err)
	}
}

// It ends with its work, too.
func TestGiveWayStops(t *testing.T) {
	c := &Claim{cargoLocks: &builddir.Locks{}}
	ctx, stop := c.GiveWay(t.Context())
	stop()
	if ctx.Err() == nil {
		t.Error("it goes on")
	}
}
