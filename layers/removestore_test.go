package layers

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestRemoveStore(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := s.filed(t, "green")
	if err := s.RemoveEmpty(ctx); err == nil {
		t.Error("RemoveEmpty of a store with a layer: no error")
	}
	release, err := s.lease(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveStore(ctx); !errors.Is(err, ErrInUse) {
		t.Errorf("while a layer is leased: got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveStore(ctx); !errors.Is(err, ErrInUse) {
		t.Errorf("while somebody seals: got %v", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Layer(ctx, "green"); err != nil || r.ID != id {
		t.Errorf("after it failed: got %v, %v", r, err)
	}
	if err := s.RemoveStore(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.opts.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after all the store is there: %v", err)
	}
	again, err := Create(ctx, s.opts)
	if err == nil {
		err = again.RemoveEmpty(ctx)
	}
	if err != nil {
		t.Error(err)
	}
}
