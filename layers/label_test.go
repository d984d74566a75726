package layers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/record"
)

func TestSetLabel(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	if _, changed, err := s.SetLabel(ctx, "a", "c"); !changed || err != nil {
		t.Errorf("another label: got %v, %v", changed, err)
	}
	if _, changed, err := s.SetLabel(ctx, "c", "c"); changed || err != nil {
		t.Errorf("the same label: got %v, %v", changed, err)
	}
	if _, _, err := s.SetLabel(ctx, "b", ""); err != nil {
		t.Error(err)
	}
	want := map[string]string{a: "c", b: ""}
	for range 2 {
		list, err := s.Layers(ctx)
		if err != nil || len(list) != 2 {
			t.Fatalf("got %v, %v", list, err)
		}
		for _, r := range list {
			if r.Label != want[r.ID] {
				t.Errorf("%s is called %q, want %q", r.ID, r.Label, want[r.ID])
			}
		}
		// As sealed, in a record made anew.
		if err := errors.Join(os.Remove(s.records().Path(a)), s.recover(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(ctx, a); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(s.Dir(), record.LabelsDir, a)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the label of a layer that is gone: %v", err)
	}
}

func TestSetPinned(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	for _, want := range []bool{true, false} {
		if r, changed, err := s.SetPinned(ctx, "a", true); changed != want || err != nil || !r.Pinned {
			t.Errorf("pin: got %+v, %v, %v", r, changed, err)
		}
	}
	pinned := func(want bool) {
		t.Helper()
		list, err := s.Layers(ctx)
		if err != nil || len(list) != 2 {
			t.Fatalf("got %v, %v", list, err)
		}
		for _, r := range list {
			if r.Pinned != (want && r.ID == a) {
				t.Errorf("%s: pinned %v", r.ID, r.Pinned)
			}
		}
	}
	pinned(true)
	// Also in a record made anew, and it is no part of one.
	r, err := s.Layer(ctx, "a")
	if err == nil {
		err = s.writeRecord(*r)
	}
	if err := errors.Join(err, os.Remove(s.records().Path(b)), s.recover(ctx)); err != nil {
		t.Fatal(err)
	}
	pinned(true)
	if err := s.Remove(ctx, a); !errors.Is(err, ErrPinned) {
		t.Errorf("remove what is pinned: %v", err)
	}
	if _, _, err := s.SetPinned(ctx, "a", false); err != nil {
		t.Error(err)
	}
	pinned(false)
	if _, _, err := s.SetPinned(ctx, "a", true); err != nil {
		t.Error(err)
	}
	if _, _, err := s.SetPinned(ctx, "a", false); err != nil {
		t.Error(err)
	}
	if err := s.Remove(ctx, a); err != nil {
		t.Error(err)
	}
}
