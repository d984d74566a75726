// Package bitset is small sets of numbers. A Set is a value like a slice: it may be read
// from anywhere at once, and added to by one.
package bitset

import "math/bits"

// Set is a set of numbers from 0: a bit for each, the lowest first.
type Set []byte

// Has reports whether n is in the set.
func (b Set) Has(n int) bool { return n/8 < len(b) && b[n/8]&(1<<(n%8)) != 0 }

// Add puts n into the set.
func (b *Set) Add(n int) {
	for n/8 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n/8] |= 1 << (n % 8)
}

// Each calls f with every number in the set.
func (b Set) Each(f func(n int)) {
	for i, set := range b {
		for ; set != 0; set &= set - 1 {
			f(8*i + bits.TrailingZeros8(set))
		}
	}
}
