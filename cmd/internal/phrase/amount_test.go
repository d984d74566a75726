package phrase

import (
	"testing"
	"time"
)

func TestCost(t *testing.T) {
	for ms, want := range map[int64]string{
		-1: "-", 0: "-", 1: "1 ms", 999: "999 ms", 1000: "1.0 s", 1240: "1.2 s", 59_949: "59.9 s", 59_950: "1 min 0 s",
		125_499: "2 min 5 s", 3_599_499: "59 min 59 s", 3_599_500: "1 h 0 min", 90_061_000: "25 h 1 min",
	} {
		if got := Cost(ms); got != want {
			t.Errorf("%d ms: got %q, want %q", ms, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 9: "9 B", 999: "999 B", 1000: "1.0 kB", 9_949: "9.9 kB", 9_950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		123_456_789: "123 MB", 1_230_000_000: "1.2 GB", 12_345_678_901_234: "12346 GB",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: got %q, want %q", bytes, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -time.Hour: "just now", 59 * time.Second: "just now",
		61 * time.Second: "1 min ago", 47 * time.Hour: "47 h ago", 49 * time.Hour: "2 days ago",
	} {
		if got := Ago(now.Add(-d), now); got != want {
			t.Errorf("ago %v: got %q, want %q", d, got, want)
		}
	}
	if got := Ago(time.Time{}, now); got != "" {
		t.Errorf("ago of no time: got %q", got)
	}
}
