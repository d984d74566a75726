package main

import (
	"strings"
	"testing"
	"time"
)

func TestRowsTellOfAMissedAim(t *testing.T) {
	b := bencher{times: map[string][]time.Duration{}}
	for _, a := range aims {
		b.times[a.what] = []time.Duration{time.Second}
		b.times[a.against] = []time.Duration{time.Second}
	}
	// Twice as long as allowed against the ioctl, twenty times too long against cp.
	b.times[ioctlMiddle] = []time.Duration{time.Second / 6}
	rows := b.rows()
	if len(rows) != len(aims)+1 {
		t.Fatalf("%d rows for %d aims", len(rows), len(aims))
	}
	want := []string{"missed by 1900 %", "missed by 100 %", "met", "met", "met"}
	for i, row := range rows[1:] {
		if verdict := strings.Trim(row[len(row)-1], "*"); verdict != want[i] {
			t.Errorf("%s against %s: %q, want %q", row[0], row[2], verdict, want[i])
		}
	}
}
