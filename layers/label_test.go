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
func TestCheckLabel(t *testing.T) {
	for label, ok := range map[string]bool{
		"": true, "green": true, "abc": true, "v1.2": true, "größe 1": true,
		"latest": false, "abcd": false, "0123456789": false, " x": false, "x\n": false, "a\x1bb": false,
	} {
		if err := CheckLabel(label); (err == nil) != ok {
			t.Errorf("%q: got %v", label, err)
		}
	}
}
