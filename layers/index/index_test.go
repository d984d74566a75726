package index

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

const shared = "debug/.fingerprint/a-0123456789abcdef/lib-a"

// sampleIndex is of two layers with one unit in common.
func sampleIndex() *Index {
	x := &Index{layers: []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}, units: map[string]*unit{}}
	x.add(1, []manifest.Entry{
		{Key: shared, Cost: 1200, Portable: true},
		{Key: "debug/.fingerprint/odd\tname\n-0123456789abcdef/lib-odd", Cost: 0},
	})
	x.add(0, []manifest.Entry{
		{Key: shared, Cost: 1300, Portable: true},
		{Key: "debug/.fingerprint/c-0123456789abcdef/lib-c", Cost: 7, Check: true},
	})
	return x
}

func TestIndexRoundTrip(t *testing.T) {
	want := sampleIndex()
	got := decode(want.encode())
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
	if x.Holds(strings.Repeat("0", 32), shared) || !x.Holds(left, shared) || x.Holds(strings.Repeat("a", 32), shared) {
		t.Errorf("layers of the unit that both had: %v", x.units[shared].layers)
	}
}

func TestIndexWorth(t *testing.T) {
	x := sampleIndex()
	layers := append(x.Layers(), strings.Repeat("c", 32))
	got := x.Worth(layers, slices.Values([]string{shared, "debug/.fingerprint/c-0123456789abcdef/lib-c", "debug/.fingerprint/none"}))
	if !slices.Equal(got, []int64{1307, 1300, 0}) {
		t.Errorf("worth %v, want [1307 1300 0]", got)
	}
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(sampleIndex().encode())
	f.Add([]byte(header))
	f.Add([]byte(header + strings.Repeat("a", 32) + "\n\"k\"\t0\tp\tAQ\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := decode(b)
		if x == nil {
			return
		}
		for key, h := range x.units {
			h.layers.Each(func(n int) {
				if n >= len(x.layers) {
					t.Errorf("%q is in layer %d of %d", key, n, len(x.layers))
				}
			})
		}
		if again := decode(x.encode()); again == nil || len(again.units) != len(x.units) {
			t.Errorf("what was read cannot be written and read again")
		}
	})
}

func TestIndexHolders(t *testing.T) {
	x := sampleIndex()
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	const alone = "debug/.fingerprint/c-0123456789abcdef/lib-c"
	for n, keys := range [][]string{{"debug/.fingerprint/none"}, {alone, "debug/.fingerprint/none"}, {alone, shared}} {
		if got := x.Holders(slices.Values(keys)); got != n {
			t.Errorf("%q are in %d layers, want %d", keys, got, n)
		}
	}
	if got := slices.Sorted(x.HeldBy(a)); !slices.Equal(got, []string{shared, alone}) {
		t.Errorf("the one holds %q", got)
	}
	if got := slices.Collect(x.HeldBy(b)); len(got) != 2 || !slices.Contains(got, shared) {
		t.Errorf("the other holds %q", got)
	}
	if got := slices.Collect(x.HeldBy(strings.Repeat("c", 32))); got != nil {
		t.Errorf("no layer holds %q", got)
	}
	if x.Holders(slices.Values([]string{})) != 0 {
		t.Error("nothing is held")
	}
}

// Of layers that cover a project the one is first that has most of its packages; where others have much
// that it has not, none is enough.
func TestCover(t *testing.T) {
	a, b, c := strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 32)
	key := func(name string) string { return "debug/.fingerprint/" + name + "-0123456789abcdef/lib-x" }
	x := &Index{layers: []string{a, b, c}, units: map[string]*unit{}}
	x.add(0, []manifest.Entry{{Key: key("one"), Cost: 100}, {Key: key("other"), Cost: 9000}})
	x.add(1, []manifest.Entry{{Key: key("one"), Cost: 100}, {Key: key("two"), Cost: 300}})
	x.add(2, []manifest.Entry{{Key: key("one"), Cost: 100}, {Key: key("two"), Cost: 300}, {Key: key("three"), Cost: 50}})
	packages := map[string]bool{"one": true, "two": true, "three": true}
	for name, tt := range map[string]struct {
		covers []string
		limit  int64
		want   []string
		held   []string
	}{
		"all":          {[]string{a, b, c}, 10, []string{c, b, a}, []string{"one", "three", "two"}},
		"some":         {[]string{a, b}, 10, []string{b, a}, []string{"one", "two"}},
		"too much":     {[]string{a, b}, 0, nil, nil},
		"one":          {[]string{a}, 10, []string{a}, []string{"one"}},
		"none of them": {nil, 10, nil, nil},
	} {
		var asked []string
		covering, held := x.Cover(x.layers, packages, tt.limit, func(id string) bool {
			asked = append(asked, id)
			return slices.Contains(tt.covers, id)
		})
		want := map[string]bool{}
		for _, unit := range tt.held {
			want[key(unit)] = true
		}
		if !slices.Equal(covering, tt.want) || len(held) != len(want) || len(want) > 0 && !reflect.DeepEqual(held, want) {
			t.Errorf("%s: %q with %v, want %q with %v", name, covering, held, tt.want, want)
		}
		if !slices.Equal(asked, []string{c, b, a}) {
			t.Errorf("%s: asked about %q", name, asked)
		}
	}
	// What no covering layer has does not count, and of those that do what the first one lacks.
	x.add(0, []manifest.Entry{{Key: key("three"), Cost: 50}})
	if covering, _ := x.Cover(x.layers, packages, 50, func(id string) bool { return id != c }); covering != nil {
		t.Errorf("one has 50 ms of what the best lacks: %q", covering)
	}
	if layer, best := x.Best(x.layers, []string{key("two"), key("other")}); layer != a || !slices.Equal(best, []string{key("other")}) {
		t.Errorf("best is %s with %q", layer, best)
	}
}
