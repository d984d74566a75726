package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/reading/order"
)

// How often a file of a package uses one that stands before it, in the best order to read them in (`go run
// ./hack/reading -v ./PACKAGE` has it). What climbs makes one thought of two files, and is mended by moving a declaration
// to where it belongs. A package that is not here has none, and a number is only ever lowered; where a package is
// divided, its parts have no more together than it had.
var climbs = map[string]int{
	"driver/drivertest": 6,
}

func TestReadingOrder(t *testing.T) {
	found, err := order.Load(root, "./...")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, p := range found {
		name := strings.TrimPrefix(p.Path, module+"/")
		_, against := p.Order()
		if len(against) > 0 {
			got[name] = len(against)
		}
		if len(against) > climbs[name] {
			t.Errorf("%s: %d of its files' uses climb, more than %d: see go run ./hack/reading -v ./%s", name, len(against), climbs[name], name)
		}
	}
	for name, may := range climbs {
		if got[name] < may {
			t.Errorf("%s: %d of its files' uses climb, no longer %d: lower the number", name, got[name], may)
		}
	}
	if t.Failed() {
		var table strings.Builder
		for _, name := range slices.Sorted(maps.Keys(got)) {
			fmt.Fprintf(&table, "\t%q: %d,\n", name, got[name])
		}
		t.Logf("the figures are (gofmt aligns them):\nvar climbs = map[string]int{\n%s}", table.String())
	}
}
