package main

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
)

func TestInWords(t *testing.T) {
	for _, tc := range []struct {
		d    depset.Difference
		want string
	}{
		{depset.Difference{Ingredient: "packages", Kind: depset.Added, Key: "serde", New: "1.0.0"}, "serde 1.0.0 added"},
		{depset.Difference{Ingredient: "packages", Kind: depset.Removed, Key: "serde", Old: "1.0.0"}, "serde 1.0.0 removed"},
		{depset.Difference{Ingredient: "packages", Kind: depset.Changed, Key: "serde", Old: "1.0.0", New: "1.0.1"}, "serde 1.0.0 -> 1.0.1"},
		{depset.Difference{Ingredient: "packages", Kind: depset.Changed, Old: "2 packages", New: "2 packages"}, "2 packages, but with other content"},
		{depset.Difference{Ingredient: "profiles", Kind: depset.Added, Key: "dev.debug", New: "0"}, "dev.debug added: 0"},
		{depset.Difference{Ingredient: "profiles", Kind: depset.Removed, Key: "dev.debug", Old: "0"}, "dev.debug removed: 0"},
		{depset.Difference{Ingredient: "profiles", Kind: depset.Changed, Key: "dev.debug", Old: "0", New: "1"}, "dev.debug: 0 -> 1"},
		{depset.Difference{Ingredient: "cpu", Kind: depset.Added, New: "native: X"}, "added: native: X"},
		{depset.Difference{Ingredient: "cargo", Kind: depset.Changed, Old: "cargo 1", New: "cargo 2"}, "cargo 1 -> cargo 2"},
	} {
		if got := inWords(&tc.d); got != tc.want {
			t.Errorf("inWords(%+v) = %q, want %q", tc.d, got, tc.want)
		}
	}
}
