package layers

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

// Who loses a layer to a removal takes another, but does not try for ever.
func TestWhileGone(t *testing.T) {
	var calls int
	after := func(n int, last error) func() (*choice, error) {
		calls = 0
		return func() (*choice, error) {
			if calls++; calls <= n {
				return nil, fmt.Errorf("use layer: %w", ErrNotFound)
			}
			return &choice{record: Record{Label: "other"}}, last
		}
	}
	for _, test := range []struct {
		gone, calls int
		err, want   error
	}{{0, 1, nil, nil}, {2, 3, nil, nil}, {1, 2, ErrNoLayer, ErrNoLayer}, {100, maxGone, nil, ErrNotFound}} {
		c, err := whileGone(after(test.gone, test.err))
		if !errors.Is(err, test.want) || calls != test.calls || err == nil && c.record.Label != "other" {
			t.Errorf("gone %d times, then %v: %+v, %v after %d calls; want %v after %d", test.gone, test.err, c, err, calls, test.want, test.calls)
		}
	}
}

// Nobody removes a layer that is being compared or restored.
func TestChoiceHoldsLease(t *testing.T) {
	s := newStore(t)
	id := s.layer(t, "")
	co := &checkout.Checkout{Workspace: &project.Workspace{Root: t.TempDir(), BuildDir: t.TempDir()}}
	c, err := s.compare(t.Context(), Record{ID: id}, cargo.NewReader(co, rule.Settings{}), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Exclusive(filepath.Join(s.Dir(), leasesDir), id); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("the exclusive lease = %v, want ErrHeld", err)
	}
	if err := c.release(); err != nil {
		t.Error(err)
	}
	release, err := lease.Exclusive(filepath.Join(s.Dir(), leasesDir), id)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
