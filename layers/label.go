package layers

import (
	"context"
	"fmt"
)

// SetLabel gives a layer a label, or takes it away with "". It returns the layer as it
// is then, and whether that is new.
func (s *Store) SetLabel(ctx context.Context, ref, label string) (r *Record, changed bool, err error) {
	return s.mark(ctx, "label", ref, func(r *Record) (bool, error) {
		if r.Label == label {
			return false, nil
		}
		r.Label = label
		return true, s.records().SetLabel(r.ID, label)
	})
}

// SetPinned pins a layer, which is not removed then until it is unpinned.
func (s *Store) SetPinned(ctx context.Context, ref string, pinned bool) (r *Record, changed bool, err error) {
	return s.mark(ctx, "pin", ref, func(r *Record) (bool, error) {
		if r.Pinned == pinned {
			return false, nil
		}
		r.Pinned = pinned
		return true, s.records().SetPinned(r.ID, pinned)
	})
}

// mark has set mark a layer, of which it is told what holds.
func (s *Store) mark(ctx context.Context, what, ref string, set func(r *Record) (bool, error)) (r *Record, changed bool, err error) {
	if err := s.Writable(); err != nil {
		return nil, false, fmt.Errorf("%s layer %s: %w", what, ref, err)
	}
	if r, err = s.Layer(ctx, ref); err != nil {
		return nil, false, err
	}
	release, err := s.lease(r.ID)
	if err != nil {
		return nil, false, err
	}
	defer release()
	// Who tidies up takes a mark that is being written for one that nobody will end.
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("%s layer %s: %w", what, r.ID, err)
	}
	defer done()
	if changed, err = set(r); err != nil {
		return nil, false, fmt.Errorf("%s layer %s: %w", what, r.ID, err)
	}
	return r, changed, nil
}
