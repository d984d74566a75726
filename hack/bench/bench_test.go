package main

import (
	"strings"
	"testing"
	"time"
)

func TestRowsTellOfAMissedAim(t *testing.T) {
	b := bencher{times: map[string][]time.Duration{}}
	aims := append((&sizes{}).aims(), aim{what: "alone", limit: time.Second / 2}, aim{what: "slow", against: "quick", over: time.Second / 2})
	for _, a := range aims {
		b.times[a.what] = []time.Duration{time.Second}
		b.times[a.against] = []time.Duration{time.Second}
	}
	// Twice as long as allowed against the ioctl, twenty times too long against cp.
	b.times[ioctlMiddle] = []time.Duration{time.Second / 6}
	want := []string{"missed by 1900 %", "missed by 100 %", "met", "met", "met", "missed by 100 %", "met"}
	for i, a := range aims {
		row := b.row(a)
		if verdict := strings.Trim(row[len(row)-1], "*"); verdict != want[i] {
			t.Errorf("%s against %s: %q, want %q", row[0], row[2], verdict, want[i])
		}
	}
}
