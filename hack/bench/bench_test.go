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

// A machine that becomes slower from pair to pair: what is paired is compared pair by pair.
func TestPairs(t *testing.T) {
	ms := func(all ...int) (times []time.Duration) {
		for _, n := range all {
			times = append(times, time.Duration(n)*time.Millisecond)
		}
		return times
	}
	b := bencher{times: map[string][]time.Duration{"wrapped": ms(11, 63, 22), "bare": ms(10, 60, 20)}}
	for _, c := range []struct {
		paired bool
		more   time.Duration
		ratio  float64
	}{{true, 2 * time.Millisecond, 1.1}, {false, 2 * time.Millisecond, 1.1}} {
		more, ratio := b.compared(aim{what: "wrapped", against: "bare", paired: c.paired})
		if more != c.more || ratio < c.ratio-.001 || ratio > c.ratio+.001 {
			t.Errorf("paired %v: %v, %v; want %v, %v", c.paired, more, ratio, c.more, c.ratio)
		}
	}
	b.times["bare"] = ms(10, 62, 30) // the middle ones are of different pairs
	if more, _ := b.compared(aim{what: "wrapped", against: "bare", paired: true}); more != time.Millisecond {
		t.Errorf("by pairs it is %v more, want 1ms", more)
	}
	if more, _ := b.compared(aim{what: "wrapped", against: "bare"}); more != -8*time.Millisecond {
		t.Errorf("by medians it is %v more, want -8ms", more)
	}
	row := b.row(aim{what: "wrapped", against: "bare", paired: true, told: true})
	if row[4] != "+1.0 ms" || row[6] != "" {
		t.Errorf("a row that is only told: %q", row)
	}
	if row := b.row(aim{what: "wrapped", against: "bare", told: true}); row[4] != "-8.0 ms" {
		t.Errorf("a row that tells of what is quicker: %q", row)
	}
}
