package bitset

import (
	"slices"
	"testing"
)

func TestSet(t *testing.T) {
	var b Set
	want := []int{0, 7, 8, 63, 1000}
	for _, n := range want {
		b.Add(n)
	}
	var got []int
	b.Each(func(n int) { got = append(got, n) })
	if !slices.Equal(got, want) || !b.Has(63) || b.Has(64) || b.Has(5000) {
		t.Errorf("%v, want %v", got, want)
	}
}
