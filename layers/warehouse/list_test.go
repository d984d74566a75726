package warehouse

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	b := newBench(t, t.TempDir())
	if list, err := b.w.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("a warehouse that is not there lists %v, %v", list, err)
	}
	b.put("loose", "1")
	b.more = []string{"-C", "incremental=" + b.dir + "/target/i"}
	_, layered := b.compile("layered", "1")
	_, gone := b.compile("gone", "1")
	for _, rec := range []*Entry{{Record: layered}, {Record: gone}} {
		if err := b.w.Put(t.Context(), rec.Record, b.dir+"/target", false); err != nil {
			t.Fatal(err)
		}
	}
	b.layer("a", layered)
	torn, _ := b.put("torn", "1")
	if err := os.Truncate(torn, 100); err != nil {
		t.Fatal(err)
	}
	b.write("store/warehouse/units/loose-0123/.tmp-1", "half")

	list, err := b.w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Location{}
	for _, e := range list {
		got[Crate(e.Unit)] = e.Location()
		if e.Used.IsZero() || e.RecordSize == 0 || len(e.Located) != 1 || (e.Located[0].Path == "") != (e.Location() == Gone) {
			t.Errorf("listed as %+v", e)
		}
	}
	if len(list) != 3 || got["loose"] != Loose || got["layered"] != InLayer || got["gone"] != Gone {
		t.Errorf("they lie %v", got)
	}
	// A file of another length is not the one.
	if err := os.Truncate(list[2].Located[0].Path, 1); err != nil {
		t.Fatal(err)
	}
	if e, err := b.w.Lookup(t.Context(), list[2].Key); err != nil || e.Location() != Gone {
		t.Errorf("cut short it lies %v, %v", e, err)
	}
}

func TestLookup(t *testing.T) {
	b := newBench(t, t.TempDir())
	_, rec := b.compile("a", "1")
	b.keep(rec)
	for _, ref := range []string{rec.Key, rec.Key[:20], rec.Key[:16], rec.Key[:4]} {
		if e, err := b.w.Lookup(t.Context(), ref); err != nil || e.Key != rec.Key {
			t.Errorf("%s: %v, %v", ref, e, err)
		}
	}
	for _, ref := range []string{"", rec.Key[:3], "zzzz", rec.Key[:31] + "z", rec.Key + "0"} {
		if e, err := b.w.Lookup(t.Context(), ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, %v; want %v", ref, e, err, ErrNotFound)
		}
	}
	// One that begins alike: its content does not matter.
	b.write("store/warehouse/units/b-1/"+rec.Request[:16]+"-"+rec.Key[:8]+strings.Repeat("z", 8), "")
	if _, err := b.w.Lookup(t.Context(), rec.Key[:8]); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("%v, want %v", err, ErrAmbiguous)
	}
	if e, err := b.w.Lookup(t.Context(), rec.Key); err != nil || e.Key != rec.Key {
		t.Errorf("the whole key: %v, %v", e, err)
	}
}
