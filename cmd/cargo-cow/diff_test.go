package main

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

func TestInWords(t *testing.T) {
	for _, tc := range []struct {
		d    cargo.Difference
		want string
	}{
		{cargo.Difference{Ingredient: "packages", Kind: cargo.Added, Key: "serde", New: "1.0.0"}, "serde 1.0.0 added"},
		{cargo.Difference{Ingredient: "packages", Kind: cargo.Removed, Key: "serde", Old: "1.0.0"}, "serde 1.0.0 removed"},
		{cargo.Difference{Ingredient: "packages", Kind: cargo.Changed, Key: "serde", Old: "1.0.0", New: "1.0.1"}, "serde 1.0.0 -> 1.0.1"},
		{cargo.Difference{Ingredient: "packages", Kind: cargo.Changed, Old: "2 packages", New: "2 packages"}, "2 packages, but with other content"},
		{cargo.Difference{Ingredient: "profiles", Kind: cargo.Added, Key: "dev.debug", New: "0"}, "dev.debug added: 0"},
		{cargo.Difference{Ingredient: "profiles", Kind: cargo.Removed, Key: "dev.debug", Old: "0"}, "dev.debug removed: 0"},
		{cargo.Difference{Ingredient: "profiles", Kind: cargo.Changed, Key: "dev.debug", Old: "0", New: "1"}, "dev.debug: 0 -> 1"},
		{cargo.Difference{Ingredient: "cpu", Kind: cargo.Added, New: "native: X"}, "added: native: X"},
		{cargo.Difference{Ingredient: "cargo", Kind: cargo.Changed, Old: "cargo 1", New: "cargo 2"}, "cargo 1 -> cargo 2"},
	} {
		if got := inWords(&tc.d); got != tc.want {
			t.Errorf("inWords(%+v) = %q, want %q", tc.d, got, tc.want)
		}
	}
}
