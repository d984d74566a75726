package layers

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// Where there is nothing to restore, what is there stays.
func TestSwitchWithoutLayer(t *testing.T) {
	s := newStore(t)
	p := &Checkout{Workspace: &project.Workspace{BuildDir: t.TempDir() + "/target"}, Fingerprint: &depset.Fingerprint{ID: "0123456789abcdef0123456789abcdef"}}
	r, err := s.Switch(t.Context(), p, SwitchOptions{})
	if err != nil || r.Restored != nil || r.Why == "" {
		t.Errorf("got %+v, %v", r, err)
	}
}
