package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// Problem is one thing in a store that is not as it should be.
type Problem struct {
	Path     string `json:"path"`
	Problem  string `json:"problem"`
	Repaired bool   `json:"repaired"`
}

// Checking says how far a check goes.
type Checking struct {
	Repair bool // records are made anew
	Deep   bool // every file of every layer is read
}

// Check reads every record and manifest and compares them. Layers are never removed: one
// whose manifest is damaged is reported and used by nobody. Left-over trees are put away,
// as by Open.
func (s *Store) Check(ctx context.Context, how Checking) ([]Problem, error) {
	var found []Problem
	if err := s.sweep(ctx); err != nil {
		found = append(found, Problem{Path: filepath.Join(s.opts.Dir, layersDir), Problem: err.Error()})
	}
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	defer done()
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	for _, t := range trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p := s.checkTree(t, how.Repair); p != nil {
			found = append(found, *p)
		} else if how.Deep && digest.Is(t) {
			damaged, err := s.damaged(ctx, t)
			if err != nil {
				return nil, fmt.Errorf("check store: %w", err)
			}
			found = append(found, damaged...)
		}
	}
	records, err := ls.Names(filepath.Join(s.opts.Dir, record.Dir))
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	for _, r := range records {
		if p := s.checkRecord(r, how.Repair); p != nil {
			found = append(found, *p)
		}
	}
	return found, nil
}

func (s *Store) checkTree(name string, repair bool) *Problem {
	p := s.treeProblem(name, false)
	if p == nil || !digest.Is(name) {
		return p
	}
	if rollback.IsStub(s.tree(name)) {
		return s.treeProblem(name, repair)
	}
	// It may be on its way out: look again under a lease, with which nobody removes it.
	release, err := s.lease(name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		defer release()
	}
	// Who has just sealed it is about to write its record.
	for range recordTries {
		if _, err := os.Lstat(s.records().Path(name)); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		time.Sleep(recordPause)
	}
	return s.treeProblem(name, repair)
}

// damaged reads a layer whole, and holds it meanwhile. One that is gone by now has no
// damage.
func (s *Store) damaged(ctx context.Context, name string) ([]Problem, error) {
	release, err := s.lease(name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		defer release()
	}
	m, err := s.manifest(name)
	if err != nil {
		return nil, err
	}
	found, err := contents.Damaged(ctx, s.tree(name), m)
	var problems []Problem
	for _, d := range found {
		problems = append(problems, Problem{Path: filepath.Join(s.tree(name), d.Path), Problem: fmt.Sprintf("%s; `cargo cow rm %.8s` removes the layer", d.Problem, name)})
	}
	return problems, err
}

// A record follows its layer within a few ms. Where it does not come within half a second,
// on a machine with much to do, nobody is going to write it.
const (
	recordTries = 50
	recordPause = 10 * time.Millisecond
)

func (s *Store) treeProblem(name string, repair bool) *Problem {
	path := s.tree(name)
	problem := func(format string, args ...any) *Problem {
		return &Problem{Path: path, Problem: fmt.Sprintf(format, args...)}
	}
	switch {
	case strings.HasPrefix(name, trashPrefix), strings.HasPrefix(name, driver.TempPrefix):
		return nil // somebody is at work: Open has put away what is left over
	case !digest.Is(name):
		return problem("not a layer of this store")
	}
	if rollback.IsStub(path) {
		p := problem("a roll-back of the subvolume around the store took this layer along")
		if repair {
			p.Repaired = s.forgetLost(name) == nil
		}
		return p
	}
	if holds, err := s.opts.Driver.Holds(path); err != nil || !holds {
		return problem("not a tree of the driver %s", s.opts.Driver.Name())
	}
	m, err := s.manifest(name)
	if err != nil {
		return problem("%v", err)
	}
	if s.opts.Driver.Caps().EnforcesSeal && writable(path) {
		return problem("it can be written to")
	}
	r, err := s.records().Read(name)
	if err == nil && r.Fingerprint == m.Fingerprint.ID && r.Origin == m.Origins[0].Root() {
		return nil
	}
	p := &Problem{Path: s.records().Path(name), Problem: "the record of a layer is missing or damaged"}
	if repair {
		p.Repaired = s.rebuildRecord(name) == nil
	}
	return p
}

// writable tries to change a sealed tree in a way that leaves no trace.
func writable(path string) bool {
	// Of a name that nobody knew when the layer was made: a link of a known one would
	// have a file changed wherever it leads.
	probe := atomicfile.TempName(filepath.Join(path, active.ManifestFile))
	f, err := os.OpenFile(probe, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	f.Close()
	os.Remove(probe)
	return true
}

func (s *Store) checkRecord(name string, repair bool) *Problem {
	if strings.HasPrefix(name, atomicfile.TempPrefix) {
		return nil // as above
	}
	id, ok := strings.CutSuffix(name, ".json")
	if ok && digest.Is(id) {
		if _, err := os.Lstat(s.tree(id)); err == nil {
			return nil
		}
	}
	p := &Problem{Path: filepath.Join(s.opts.Dir, record.Dir, name), Problem: "a record of nothing"}
	if _, err := os.Lstat(p.Path); errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed with its layer
	}
	if repair {
		p.Repaired = os.Remove(p.Path) == nil
	}
	return p
}
