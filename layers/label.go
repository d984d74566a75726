package layers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
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
	release, err := s.lease(r.ID)
	if err != nil {
		return nil, false, err
	}
	defer release()
	// Who tidies up takes a label that is being written for one that nobody will end.
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("label layer %s: %w", r.ID, err)
	}
	defer done()
	if err := s.records().SetLabel(r.ID, label); err != nil {
		return nil, false, fmt.Errorf("label layer %s: %w", r.ID, err)
	}
	r.Label = label
	return r, true, nil
}

// CheckLabel refuses labels that could not be told from another way to name a layer.
func CheckLabel(label string) error {
	switch {
	case label == "":
		return nil
	case label == "latest":
		return errors.New(`use label "latest": it stands for the newest layer`)
	case strings.TrimSpace(label) != label || strings.IndexFunc(label, unicode.IsControl) >= 0:
		return fmt.Errorf("use label %q: it begins or ends with a space or has control characters", label)
	case len(label) >= 4 && isHex(label):
		return fmt.Errorf("use label %q: it reads like the id of a layer", label)
	}
	return nil
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s + strings.Repeat("0", len(s)%2))
	return err == nil
}
