package recompile

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

func TestEligible(t *testing.T) {
	all := []freshness.Verdict{
		{UnitName: builddir.UnitName{Package: "a", Unit: "a-1", Kind: "lib"}, Fresh: true},
		{UnitName: builddir.UnitName{Package: "a", Unit: "a-2", Kind: builddir.KindDoc}, Fresh: true},
		{UnitName: builddir.UnitName{Package: "b", Unit: "b-3", Kind: "lib"}, Reason: rule.Because(rule.Cargo, "it changed")},
		{UnitName: builddir.UnitName{Package: "b", Unit: "b-4", Kind: "bin"}, Fresh: true},
	}
	for _, tt := range []struct{ names, fresh, dirty []string }{
		{nil, []string{"a-1", "b-4"}, []string{"b-3"}},
		{[]string{"a"}, []string{"a-1"}, nil},
		{[]string{"b"}, []string{"b-4"}, []string{"b-3"}},
		{[]string{"b-3", "a"}, []string{"a-1"}, []string{"b-3"}},
	} {
		fresh, dirty, err := Eligible(all, tt.names)
		var got, rest []string
		for _, u := range fresh {
			got = append(got, u.Unit)
		}
		for _, v := range dirty {
			rest = append(rest, v.Unit)
			if v.Result != Unknown || v.Why == "" {
				t.Errorf("%q: %+v", tt.names, v)
			}
		}
		if err != nil || !slices.Equal(got, tt.fresh) || !slices.Equal(rest, tt.dirty) {
			t.Errorf("%q: %q, %q, %v; want %q, %q", tt.names, got, rest, err, tt.fresh, tt.dirty)
		}
	}
	if _, _, err := Eligible(all, []string{"a", "c"}); !errors.Is(err, ErrNoUnit) {
		t.Errorf("a name that nothing has: %v", err)
	}
}

// Half of a sample are members', as long as there are enough of both; and it is never larger, and has nothing twice.
func TestSample(t *testing.T) {
	for _, tt := range []struct{ members, others, n, wantMembers, wantOthers int }{
		{10, 10, 4, 2, 2},
		{10, 10, 5, 3, 2},
		{1, 10, 6, 1, 5},
		{10, 1, 6, 5, 1},
		{2, 2, 9, 2, 2},
		{0, 3, 2, 0, 2},
		{3, 0, 2, 2, 0},
		{0, 0, 2, 0, 0},
	} {
		var all []builddir.UnitName
		for i := range tt.members {
			all = append(all, builddir.UnitName{Package: "member", Unit: fmt.Sprint(i)})
		}
		for i := range tt.others {
			all = append(all, builddir.UnitName{Package: "other", Unit: fmt.Sprint(i)})
		}
		ws := &project.Workspace{Packages: []project.Package{{Name: "member"}}}
		got := Sample(all, tt.n, 7, ws)
		seen := map[builddir.UnitName]bool{}
		members := 0
		for _, u := range got {
			seen[u] = true
			if u.Package == "member" {
				members++
			}
		}
		if members != tt.wantMembers || len(got)-members != tt.wantOthers || len(seen) != len(got) {
			t.Errorf("%+v: %v", tt, got)
		}
		if again := Sample(all, tt.n, 7, ws); !slices.Equal(got, again) {
			t.Errorf("%+v: the same seed gives %v and %v", tt, got, again)
		}
	}
	var all []builddir.UnitName
	for i := range 1000 {
		all = append(all, builddir.UnitName{Unit: fmt.Sprint(i)})
	}
	none := &project.Workspace{}
	if slices.Equal(Sample(all, 10, 1, none), Sample(all, 10, 2, none)) {
		t.Error("two seeds give the same")
	}
}
