package model

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// readAll reads every byte there is again, without what is remembered, and compares it.
func (r *run) readAll() error {
	f, err := r.w.read(nil)
	if err != nil {
		return err
	}
	if len(f.wrong) > 0 {
		return fmt.Errorf("%w: %s", errViolated, strings.Join(f.wrong, "\n"))
	}
	if why := r.differs(r.model, f); why != nil {
		return fmt.Errorf("%w: read again:\n  %s", errViolated, strings.Join(why, "\n  "))
	}
	return nil
}

// judge ends a sequence: the program itself finds nothing wrong, lists what is there, and
// removes all of it without a change to a build directory.
func (r *run) judge() error {
	r.end()
	if err := r.readAll(); err != nil {
		return err
	}
	cow := func(args ...string) (string, error) {
		cmd := exec.Command(fixture.Program(r.w.T), append([]string{"--json"}, args...)...)
		cmd.Dir, cmd.Env = r.w.places[0].Dir, r.w.Env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w: cargo-cow %q: %w\n%s%s", errViolated, args, err, out, &stderr)
		}
		return string(out), err
	}
	if out, err := cow("check", "--deep"); err != nil || !strings.Contains(out, `"clean":true`) {
		return fmt.Errorf("%w: check: %v\n%s", errViolated, err, out)
	}
	out, err := cow("list")
	if err != nil {
		return err
	}
	for id := range r.model.layers {
		if !strings.Contains(out, id) {
			return fmt.Errorf("%w: list does not have layer %s:\n%s", errViolated, id, out)
		}
	}
	if n := strings.Count(out, `"reason":"layer"`); n != len(r.model.layers) {
		return fmt.Errorf("%w: list has %d layers, %d are there", errViolated, n, len(r.model.layers))
	}
	if _, err := cow("store", "remove", "--force"); err != nil {
		return err
	}
	if fixture.Exists(r.w.store) {
		return fmt.Errorf("%w: the store is there after store remove", errViolated)
	}
	for i, p := range r.w.places {
		t, err := readTree(p.Target(), nil)
		if err != nil {
			return err
		}
		if found := t.same(r.w.trees[fmt.Sprintf("active %d", i)]); len(found) > 0 {
			return fmt.Errorf("%w: store remove has changed %s: %s", errViolated, p.Target(), found[0])
		}
	}
	return nil
}

// transcript is what was done, for whoever looks for the fault.
func (r *run) transcript() string { return strings.Join(r.log, "\n") }

// cargoAgrees shows that a layer of what cargo itself has built is fresh to cargo where it
// is restored, after all that was done on this file system, and that the program runs.
func (w *world) cargoAgrees(t *testing.T) {
	if _, err := w.reset(); err != nil {
		t.Fatal(err)
	}
	a, b := w.places[0].In(t), w.places[1].In(t)
	if err := w.removeAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.lay(0, w.saved[0][2], true); err != nil {
		t.Fatal(err)
	}
	a.Cow("init")
	a.Cow("snapshot")
	b.Cow("restore")
	for u, fresh := range b.Build("build", "--offline").Fresh {
		// The source of this one git has written since.
		if !fresh && u.Package != "four" {
			t.Errorf("cargo has built %v again", u)
		}
	}
	if says := b.Says(filepath.Join(b.Target(), "debug/three")); says != "three says 1.0.0" {
		t.Errorf("the program says %q", says)
	}
}
