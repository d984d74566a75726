package layers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// many makes as many layers as it takes for a catalog.
func (s *Store) many(t *testing.T) (ids []string) {
	t.Helper()
	for n := range record.CatalogLag + 2 {
		ids = append(ids, s.filed(t, fmt.Sprint(n)))
	}
	slices.Sort(ids)
	return ids
}

func listed(t *testing.T, s *Store, fingerprint string) (ids []string) {
	t.Helper()
	list, err := s.layersOf(t.Context(), fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

// Whatever the catalog says, the layers that are there are listed, and no others.
func TestCatalogFollowsLayers(t *testing.T) {
	s := newStore(t)
	want := s.many(t)
	path := filepath.Join(s.Dir(), record.CatalogFile)
	if got := listed(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("without a catalog: %q, want %q", got, want)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no catalog was made: %v", err)
	}
	r, err := s.record(want[0])
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := r.Fingerprint
	if got := listed(t, s, fingerprint); !slices.Equal(got, want) {
		t.Errorf("of fingerprint %q: %q, want %q", fingerprint, got, want)
	}
	if got := listed(t, s, "ffffffffffffffffffffffffffffffff"); len(got) > 0 {
		t.Errorf("of a fingerprint that none has: %q", got)
	}
	more := append(slices.Clone(want), s.filed(t, "more"))
	slices.Sort(more)
	for name, text := range map[string][]byte{
		"lacks one": whole, "torn": whole[:len(whole)/2], "another form": []byte("cargo-cow catalog 9\n"), "no lines": whole[:bytes.IndexByte(whole, '\n')+1],
		"damaged lines": bytes.ReplaceAll(whole, []byte(`"sealed"`), []byte(`sealed"`)), "empty": nil,
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := listed(t, s, ""); !slices.Equal(got, more) {
			t.Errorf("%s: %d layers, want %d", name, len(got), len(more))
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.tree(want[0])); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, s, ""); slices.Contains(got, want[0]) || len(got) != len(more)-1 {
		t.Errorf("after a removal there are %d layers, the one removed among them: %t", len(got), slices.Contains(got, want[0]))
	}
}

// What the catalog has is not read again from the records.
func TestCatalogSparesRecords(t *testing.T) {
	s := newStore(t)
	want := s.many(t)
	listed(t, s, "")
	for _, id := range want {
		if err := os.Remove(s.records().Path(id)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(s.tree(id), active.ManifestFile)); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("%d layers, want %d", len(got), len(want))
	}
}

// A damaged record that got into the catalog goes from there when it is repaired.
func TestCatalogForgetsDamaged(t *testing.T) {
	s := newStore(t)
	ids := s.many(t)
	r, err := s.records().Read(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	right := r.Label
	r.Label = "damaged"
	if err := s.writeRecord(*r); err != nil {
		t.Fatal(err)
	}
	label := func() string {
		t.Helper()
		list, err := s.layersOf(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(r Record) bool { return r.ID == ids[0] })
		return list[i].Label
	}
	if got := label(); got != "damaged" {
		t.Fatalf("label %q: the record was not read", got)
	}
	if err := s.rebuildRecord(ids[0]); err != nil {
		t.Fatal(err)
	}
	if got := label(); got != right {
		t.Errorf("label %q after the repair, want %q", got, right)
	}
}
