package layers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

func TestContents(t *testing.T) {
	s := newStore(t)
	id := s.layer(t, "green")
	fi, err := os.Stat(filepath.Join(s.tree(id), active.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{id, id[:6], "green", "latest"} {
		c, err := s.Contents(t.Context(), ref)
		if err != nil || c.ID != id || len(c.Packages) != 0 || c.Other != fi.Size() {
			t.Errorf("Contents(%s) = %+v, %v; want the %d bytes of the manifest", ref, c, err, fi.Size())
		}
	}
	if _, err := s.Contents(t.Context(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no layer: %v, want ErrNotFound", err)
	}
	// It is given back afterwards.
	release, err := lease.Exclusive(filepath.Join(s.Dir(), leasesDir), id)
	if err != nil {
		t.Fatal(err)
	}
	// What is on its way out is not read.
	if _, err := s.Contents(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a layer that is being removed: %v, want ErrNotFound", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	// Where no lease can be taken, a layer can be looked at all the same.
	if err := os.RemoveAll(filepath.Join(s.Dir(), leasesDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Contents(t.Context(), id); err != nil {
		t.Errorf("without leases: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.tree(id), active.ManifestFile), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Contents(t.Context(), id); err == nil {
		t.Error("a damaged layer was read")
	}
}

func TestSizesAndSpace(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	list, err := s.Layers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Sizes(ctx, list, time.Minute)
	if err != nil || len(first) != 2 {
		t.Fatalf("got %v, %v", first, err)
	}
	if again, err := s.Sizes(ctx, list, -1); err != nil || again[a] != first[a] || again[b] != first[b] {
		t.Errorf("kept sizes: got %v, %v, want %v", again, err, first)
	}
	v, err := s.Survey(ctx, s.BuildDirs(ctx))
	if err != nil || len(v.Holdings) != 2 {
		t.Fatalf("Survey: %v, %v", v, err)
	}
}
