package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// labelsDir holds what layers are called that were given another label than they were
// sealed with: a file for each, with the label, empty where it was taken away. What
// was sealed stays as it is, and whoever reads records looks here as well.
const labelsDir = paths.StoreLabels

func (s *Store) labelPath(id string) string { return filepath.Join(s.opts.Dir, labelsDir, id) }

// SetLabel gives a layer a label, or takes it away with "". It returns the layer as it
// is then, and whether that is new.
func (s *Store) SetLabel(ctx context.Context, ref, label string) (r *Record, changed bool, err error) {
	if err := s.Writable(); err != nil {
		return nil, false, fmt.Errorf("label layer %s: %w", ref, err)
	}
	if r, err = s.Layer(ctx, ref); err != nil {
		return nil, false, err
	}
	if r.Label == label {
		return r, false, nil
	}
	release, err := s.hold(r.ID)
	if err != nil {
		return nil, false, err
	}
	defer release()
	err = os.MkdirAll(filepath.Join(s.opts.Dir, labelsDir), 0o700)
	if err == nil {
		// A label protects: it is on the disk when this returns.
		err = atomicfile.Write(s.labelPath(r.ID), []byte(label), 0o600)
	}
	if err != nil {
		return nil, false, fmt.Errorf("label layer %s: %w", r.ID, err)
	}
	r.Label = label
	return r, true, nil
}

// relabel gives records the labels that their layers were given later.
func (s *Store) relabel(list []Record) {
	given, err := names(filepath.Join(s.opts.Dir, labelsDir))
	if err != nil || len(given) == 0 {
		return
	}
	for i := range list {
		s.relabelOne(&list[i])
	}
}

func (s *Store) relabelOne(r *Record) {
	if label, err := os.ReadFile(s.labelPath(r.ID)); err == nil {
		r.Label = string(label)
	}
}

// forgetLabel removes what a layer that is gone was called.
func (s *Store) forgetLabel(id string) error {
	if err := os.Remove(s.labelPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget label: %w", err)
	}
	return nil
}
