package layers

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

const shared = "debug/.fingerprint/a-0123456789abcdef/lib-a"

// sampleIndex is of two layers with one unit in common.
func sampleIndex() *index {
	x := &index{layers: []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}, units: map[string]*holding{}}
	x.add(1, []cargo.Entry{
		{Key: shared, Cost: 1200, Portable: true},
		{Key: "debug/.fingerprint/odd\tname\n-0123456789abcdef/lib-odd", Cost: 0},
	})
	x.add(0, []cargo.Entry{
		{Key: shared, Cost: 1300, Portable: true},
		{Key: "debug/.fingerprint/c-0123456789abcdef/lib-c", Cost: 7, Check: true},
	})
	return x
}

func TestIndexRoundTrip(t *testing.T) {
	want := sampleIndex()
	got := decodeIndex(want.encode())
	if got == nil {
		t.Fatalf("an index cannot be read:\n%s", want.encode())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%s, written\n%s", got.encode(), want.encode())
	}
}

// A layer that is removed takes its units along, and the others keep theirs.
func TestIndexRenumber(t *testing.T) {
	x := sampleIndex()
	left := strings.Repeat("b", 32)
	x.renumber([]string{strings.Repeat("0", 32), left})
	if len(x.units) != 2 {
		t.Errorf("%d units left, want 2", len(x.units))
	}
	if x.holds(strings.Repeat("0", 32), shared) || !x.holds(left, shared) || x.holds(strings.Repeat("a", 32), shared) {
		t.Errorf("layers of the unit that both had: %v", x.units[shared].layers)
	}
}

func TestBitset(t *testing.T) {
	var b bitset
	want := []int{0, 7, 8, 63, 1000}
	for _, n := range want {
		b.add(n)
	}
	var got []int
	b.each(func(n int) { got = append(got, n) })
	if !slices.Equal(got, want) || !b.has(63) || b.has(64) || b.has(5000) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIndexWorth(t *testing.T) {
	x := sampleIndex()
	got := x.worth(map[string]bool{
		shared: true, "debug/.fingerprint/c-0123456789abcdef/lib-c": true, "debug/.fingerprint/none": true,
	})
	if !slices.Equal(got, []int64{1307, 1300}) {
		t.Errorf("worth %v, want [1307 1300]", got)
	}
}

// The index follows the layers, and what it says of those that stayed is not read
// from them again.
func TestIndexFollowsLayers(t *testing.T) {
	s := newStore(t)
	first := s.layer(t, "first")
	x, err := s.index(t.Context())
	if err != nil || !slices.Equal(x.layers, []string{first}) {
		t.Fatalf("index of one layer: %v, %v", x, err)
	}
	second := s.layer(t, "second")
	if err := os.WriteFile(filepath.Join(s.Dir(), indexFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		x, err = s.index(t.Context())
		if want := []string{min(first, second), max(first, second)}; err != nil || !slices.Equal(x.layers, want) {
			t.Fatalf("index of two layers: %v, %v; want %v", x.layers, err, want)
		}
	}
	if err := os.RemoveAll(s.tree(first)); err != nil {
		t.Fatal(err)
	}
	if x, err = s.index(t.Context()); err != nil || !slices.Equal(x.layers, []string{second}) {
		t.Errorf("index after a removal: %v, %v", x.layers, err)
	}
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(sampleIndex().encode())
	f.Add([]byte(indexHeader))
	f.Add([]byte(indexHeader + strings.Repeat("a", 32) + "\n\"k\"\t0\tp\tAQ\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := decodeIndex(b)
		if x == nil {
			return
		}
		for key, h := range x.units {
			h.layers.each(func(n int) {
				if n >= len(x.layers) {
					t.Errorf("%q is in layer %d of %d", key, n, len(x.layers))
				}
			})
		}
		if again := decodeIndex(x.encode()); again == nil || len(again.units) != len(x.units) {
			t.Errorf("what was read cannot be written and read again")
		}
	})
}
