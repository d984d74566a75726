package whereabouts

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUntidied(t *testing.T) {
	dir := t.TempDir()
	make := func(names ...string) {
		for _, n := range names {
			if err := os.MkdirAll(filepath.Join(dir, n), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	make("a/target", "a/.target.cargo-cow-tmp-1", "b/target", "b/.other.cargo-cow-tmp-1", `c[*\?]/target`, `c[*\?]/.target.cargo-cow-tmp-1`, "d/.target.cargo-cow-tmp-2", "e/.target.cargo-cow-tmp-3")
	cs := &Checkouts{
		visited: map[string]bool{dir + "/a/target": true, dir + "/b/target": true, dir + `/c[*\?]/target`: true, dir + "/d/.target.cargo-cow-tmp-2": true},
		claimed: []string{dir + "/e/target", dir + "/f/target"},
	}
	want := []string{dir + "/a/target", dir + `/c[*\?]/target`, dir + "/d/target", dir + "/e/target"}
	if got := cs.Untidied(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
