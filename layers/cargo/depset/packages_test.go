package depset

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

func TestLockedSources(t *testing.T) {
	lock, err := lockfile.Parse([]byte(`version = 4

[[package]]
name = "own"
version = "0.1.0"

[[package]]
name = "a"
version = "1.0.0+meta"
source = "registry+https://registry.example/index"

[[package]]
name = "g"
version = "0.2.0"
source = "git+https://git.example/g?branch=main#1a2b3c4d5e6f708090a0b0c0d0e0f00112233445"
`))
	if err != nil {
		t.Fatal(err)
	}
	k := LockedSources(lock)
	for from, want := range map[string]bool{
		"registry/src/index-1/a-1.0.0+meta": true,
		"registry/src/index-1/a-1.0.1":      false,
		"registry/src/index-1/own-0.1.0":    false,
		"git/checkouts/g-1234/1a2b3c4":      true,
		"git/checkouts/g-1234/9a2b3c4":      false,
	} {
		if got := k.Have(from); got != want {
			t.Errorf("%s: in the lockfile %v, want %v", from, got, want)
		}
	}
}
