package layers

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// testState makes a build state of a layer with this fingerprint, "" for the build
// directory, in which units are fresh: package and id, with what they cost.
func (x *comparison) testState(t *testing.T, fingerprint string, units map[[2]string]int64) *buildState {
	t.Helper()
	b := &buildState{fresh: map[string]manifest.Entry{}}
	if fingerprint != "" {
		plan, err := cargo.Verify(t.Context(), &manifest.Manifest{}, cargo.NewReader(&checkout.Checkout{Workspace: &project.Workspace{}}, rule.Settings{}), false)
		if err != nil {
			t.Fatal(err)
		}
		b.choice = &choice{record: Record{Fingerprint: fingerprint}, plan: plan}
	}
	for u, cost := range units {
		key := u[0] + "-" + u[1]
		b.fresh[key] = manifest.Entry{Key: key, Cost: cost, UnitName: builddir.UnitName{Package: u[0], Kind: "lib", Unit: key}}
	}
	return b
}

func TestSavesMore(t *testing.T) {
	type units = map[[2]string]int64
	const here, other, dir = "here", "other", ""
	tests := map[string]struct {
		a, b           string // fingerprints
		aUnits, bUnits units
		needed         []string
		want           bool
	}{
		"nothing in either":       {here, dir, nil, nil, nil, false},
		"the same":                {here, dir, units{{"x", "1"}: 5}, units{{"x", "1"}: 5}, nil, false},
		"one unit more":           {other, dir, units{{"x", "1"}: 5, {"y", "1"}: 0}, units{{"x", "1"}: 5}, nil, true},
		"one unit less":           {here, dir, units{{"x", "1"}: 5}, units{{"x", "1"}: 5, {"y", "1"}: 0}, nil, false},
		"a dearer one":            {other, dir, units{{"x", "1"}: 9}, units{{"y", "1"}: 4, {"z", "1"}: 4}, []string{"x-1", "y-1", "z-1"}, true},
		"cheaper ones":            {other, dir, units{{"y", "1"}: 4, {"z", "1"}: 4}, units{{"x", "1"}: 9}, []string{"x-1", "y-1", "z-1"}, false},
		"a dear one of no use":    {other, dir, units{{"x", "1"}: 9}, units{{"y", "1"}: 4}, []string{"y-1"}, false},
		"by number, cost unknown": {other, dir, units{{"x", "1"}: 0, {"z", "1"}: 0}, units{{"y", "1"}: 0}, []string{"x-1", "y-1", "z-1"}, true},
		// Cargo is not asked, or this would fail.
		"made for the checkout":             {here, dir, units{{"x", "1"}: 1}, units{{"x", "2"}: 9}, nil, true},
		"against one made for the checkout": {dir, here, units{{"x", "2"}: 9}, units{{"x", "1"}: 1}, nil, false},
		"against one, between layers":       {other, here, units{{"x", "2"}: 9}, units{{"x", "1"}: 1}, nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := &comparison{checkout: &Checkout{Fingerprint: &depset.Fingerprint{ID: here}}}
			if tt.needed != nil {
				x.needed = map[string]bool{}
				for _, key := range tt.needed {
					x.needed[key] = true
				}
			}
			got, err := x.savesMore(t.Context(), x.testState(t, tt.a, tt.aUnits), x.testState(t, tt.b, tt.bUnits))
			if err != nil || got != tt.want {
				t.Errorf("got %t, %v; want %t", got, err, tt.want)
			}
		})
	}
}

// A layer made for the checkout's dependencies does not stand for something of which
// it has nothing.
func TestSupersedes(t *testing.T) {
	type units = map[[2]string]int64
	x := &comparison{checkout: &Checkout{Fingerprint: &depset.Fingerprint{ID: "here"}}}
	a := x.testState(t, "here", units{{"x", "1"}: 1})
	for name, tt := range map[string]struct {
		b    units
		want bool
	}{
		"another version":  {units{{"x", "2"}: 1}, true},
		"another thing":    {units{{"y", "1"}: 1}, false},
		"both":             {units{{"x", "1"}: 1, {"x", "2"}: 1}, true},
		"nothing":          {nil, true},
		"something beside": {units{{"x", "1"}: 1, {"y", "2"}: 1}, false},
	} {
		if got := x.supersedes(a, x.testState(t, "", tt.b)); got != tt.want {
			t.Errorf("%s: got %t, want %t", name, got, tt.want)
		}
	}
	if b := x.testState(t, "other", units{{"x", "2"}: 1}); x.supersedes(b, a) {
		t.Error("a layer made for other dependencies stands for one made for the checkout")
	}
}
