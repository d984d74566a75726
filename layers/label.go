package layers

import (
	"context"
	"fmt"
)

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
	if err := s.records().SetLabel(r.ID, label); err != nil {
		return nil, false, fmt.Errorf("label layer %s: %w", r.ID, err)
	}
	r.Label = label
	return r, true, nil
}
