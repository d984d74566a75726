package layers

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The index follows the layers, and what it says of those that stayed is not read
// from them again.
func TestIndexFollowsLayers(t *testing.T) {
	s := newStore(t)
	first := s.layer(t, "first")
	x, err := s.index(t.Context())
	if err != nil || !slices.Equal(x.Layers(), []string{first}) {
		t.Fatalf("index of one layer: %v, %v", x, err)
	}
	second := s.layer(t, "second")
	if err := os.WriteFile(filepath.Join(s.Dir(), indexFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		x, err = s.index(t.Context())
		if want := []string{min(first, second), max(first, second)}; err != nil || !slices.Equal(x.Layers(), want) {
			t.Fatalf("index of two layers: %v, %v; want %v", x.Layers(), err, want)
		}
	}
	if err := os.RemoveAll(s.tree(first)); err != nil {
		t.Fatal(err)
	}
	if x, err = s.index(t.Context()); err != nil || !slices.Equal(x.Layers(), []string{second}) {
		t.Errorf("index after a removal: %v, %v", x.Layers(), err)
	}
}
