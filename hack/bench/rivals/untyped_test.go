package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/rival"
)

func entrants() []*entrant {
	some := func(s ...int) (times []time.Duration) {
		for _, n := range s {
			times = append(times, time.Duration(n)*time.Second)
		}
		return times
	}
	return []*entrant{
		{tool: tool{name: plain}, cold: time.Minute, clones: some(1, 1, 1), newcomer: some(1, 1, 1)}, // is no rival
		{tool: tool{name: "slow", crate: &rival.Mbx}, cold: time.Minute, clones: some(9, 3, 3), newcomer: some(9, 9, 8)},
		{tool: tool{name: "quick", crate: &rival.Kache}, cold: time.Minute, clones: some(6, 6, 6), newcomer: some(6, 6, 6)},
		{tool: tool{name: "cargo-cow"}, cold: time.Minute, clones: some(2, 2, 2), newcomer: some(4, 3, 3)},
	}
}

func TestUntypedRows(t *testing.T) {
	got := untypedRows(entrants())
	if want := []string{"slow", "60.0 s", "9.00 s, 3.00 s, 3.00 s", "3.00 s", "9.00 s, 9.00 s, 8.00 s", "9.00 s"}; !slices.Equal(got[2], want) {
		t.Errorf("row %q, want %q", got[2], want)
	}
}

// Only plain cargo takes part once.
func TestInRound(t *testing.T) {
	r := race{entrants: entrants()}
	for n, want := range []int{4, 3, 3} {
		if got := r.inRound(n); len(got) != want || len(r.entrants) != 4 || r.entrants[0].tool.name != plain || slices.Contains(got, nil) {
			t.Errorf("round %d: %d take part, want %d", n, len(got), want)
		}
	}
}

// The best is another one in each column, and plain cargo is none; what is just reached is met.
func TestVerdicts(t *testing.T) {
	got := verdicts(entrants())
	for i, want := range []string{"0.33 of the best of the others (quick), aim ≤ 0.33: met", "0.67 of the best of the others (slow), aim ≤ 0.33: **missed**",
		"0.67 of the best of the others (quick), aim ≤ 0.50: **missed**", "0.50 of the best of the others (quick), aim ≤ 0.50: met"} {
		if !strings.HasSuffix(got[i], want) {
			t.Errorf("verdict %q, want %q", got[i], want)
		}
	}
}

func TestKnown(t *testing.T) {
	newcomer, origin := t.TempDir(), t.TempDir()
	make := func(top, name string) {
		path := filepath.Join(top, "target", "debug", "deps", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := known(newcomer, origin); err == nil {
		t.Error("nothing was built, and all is known")
	}
	make(newcomer, "liba-1.rlib")
	make(origin, "liba-1.rlib")
	make(origin, "libb-1.rlib")
	if err := known(newcomer, origin); err != nil {
		t.Error(err)
	}
	make(newcomer, "libb-2.rlib")
	if err := known(newcomer, origin); err == nil {
		t.Error("a unit with other features is known")
	}
}
