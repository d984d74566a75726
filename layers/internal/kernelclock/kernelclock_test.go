package kernelclock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPassedIsBeforeWhatIsWrittenThen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "clock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{path, filepath.Join(dir, "absent")} {
		c, err := Open(named, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		now, err := c.Now()
		if err != nil || time.Since(now).Abs() > time.Minute {
			t.Fatalf("%s: now %v, %v", named, now, err)
		}
		passed, err := c.Passed(t.Context())
		if err != nil || passed.Before(now) {
			t.Fatalf("%s: passed %v, before it was %v, %v", named, passed, now, err)
		}
		if fi, err := os.Stat(dir); err != nil || !fi.ModTime().Equal(before.ModTime()) {
			t.Errorf("%s: the directory was written to: %v", named, err)
		}
		written := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(written, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(written); err != nil || !fi.ModTime().After(passed) {
			t.Errorf("%s: written after %v at %v, %v", named, passed, fi.ModTime(), err)
		}
	}
}

func TestPassedEndsWithItsContext(t *testing.T) {
	c, err := Open("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Passed(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNowhereToWrite(t *testing.T) {
	if _, err := Open("", filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
}
