package main

import (
	"slices"
	"testing"
	"time"
)

func TestRows(t *testing.T) {
	got := rows([]figure{
		{tool: "plain cargo", cold: time.Minute, together: 50 * time.Second, edited: 30 * time.Second, away: 40 * time.Second,
			added: 2_500_000},
		{tool: "cargo-cow", cold: time.Minute, add: time.Second, build: time.Second, together: 2 * time.Second, added: 1_500_000,
			edited: 3 * time.Second, away: 4 * time.Second, fresh: time.Second, edit: 2 * time.Second, size: 1_000_000},
	})
	want := [][]string{
		{"plain cargo", "60.0 s (1.0)", "50.0 s (25.0)", "0.0 ms + 0.0 ms", "2.5 MB", "30.0 s (10.0)", "40.0 s (10.0)", "–", "–", "–"},
		{"cargo-cow", "60.0 s (1.0)", "2.00 s (1.0)", "1.00 s + 1.00 s", "1.5 MB", "3.00 s (1.0)", "4.00 s (1.0)", "1.00 s (1.0)", "1.0 MB",
			"2.00 s (1.0)"},
	}
	for i, row := range want {
		if !slices.Equal(got[i+1], row) {
			t.Errorf("row %q, want %q", got[i+1], row)
		}
	}
}
