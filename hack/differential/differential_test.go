package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
)

func TestMain(m *testing.M) {
	world.Covered()
	os.Exit(m.Run())
}

// newRunner is a runner for a test, which must be allowed to mount.
func newRunner(t *testing.T) *runner {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root to mount, and CI is set")
		}
		t.Skip("NOT RUN: needs root to mount")
	}
	return &runner{jobs: 2, tool: "cargo-cow", out: t.TempDir(), steps: 9}
}

// TestKept: histories that went wrong once.
func TestKept(t *testing.T) {
	r := newRunner(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	r.do1(t, files...)
	if r.done != len(files) {
		t.Errorf("%d of %d histories done", r.done, len(files))
	}
}

// TestMadeUp: as many random histories as the time allows. CARGO_COW_TEST_HISTORIES=N does N, from the first that
// CARGO_COW_TEST_SEED says.
func TestMadeUp(t *testing.T) {
	r := newRunner(t)
	r.n, r.seed, r.time = 1000, 1, 25*time.Second // with what has begun, and two at once, some 45 s of make test
	r.automatic = 3
	if n, err := strconv.Atoi(os.Getenv("CARGO_COW_TEST_HISTORIES")); err == nil {
		r.n, r.time = n, 0
	}
	if seed, err := strconv.ParseUint(os.Getenv("CARGO_COW_TEST_SEED"), 10, 64); err == nil {
		r.seed = seed
	}
	r.do1(t)
	if r.counts.Builds < 3*r.done || r.counts.Fresh == 0 || r.counts.Acquired == 0 {
		t.Errorf("the histories show nothing: %s", r.summary())
	}
}

// TestByItself: what a sibling has built, and nobody has asked to be sealed, is compared with the checkout like any layer.
// Histories that show what a rule is there for are right, and wrong without the rule, where nobody types a command.
func TestByItself(t *testing.T) {
	r := newRunner(t)
	r.automatic = 1
	err := r.inSpace(context.Background(), func() error {
		for _, rule := range []string{"source-content", "changed-since-build", "script-files-name-origin"} {
			file := filepath.Join("testdata", "rules", rule+".txtar")
			for _, without := range []string{"", switchedOff(rule, file)} {
				o, err := r.one(context.Background(), without, file)
				if err != nil {
					return err
				}
				if wrong := len(o.faults) > 0; wrong != (without != "") {
					t.Errorf("%s, without %q: %s", file, without, o.kindsFound())
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.summary())
}

// do1 runs r, and fails with each history that goes wrong.
func (r *runner) do1(t *testing.T, files ...string) {
	t.Helper()
	if err := r.inSpace(context.Background(), func() error { return r.run(context.Background(), files) }); err != nil {
		t.Fatal(err)
	}
	t.Log(r.summary())
	for _, path := range r.faults {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s:\n%s", filepath.Base(path), text)
	}
}

// TestCopyIsStale: the tester finds what it is there for: that a build directory which is merely copied is stale.
func TestCopyIsStale(t *testing.T) {
	r := newRunner(t)
	r.n, r.seed, r.tool, r.first = 30, 1, "plain-copy", true
	if err := r.inSpace(context.Background(), func() error { return r.run(context.Background(), nil) }); err != nil {
		t.Fatal(err)
	}
	t.Log(r.summary())
	if len(r.faults) == 0 {
		t.Errorf("in %d histories nothing was found", r.done)
	}
}
