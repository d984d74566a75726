package report

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		times []time.Duration
		want  time.Duration
	}{
		{nil, 0},
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1, 5}, 5},
		{[]time.Duration{8, 2, 4, 100}, 6},
	}
	for _, test := range tests {
		if got := Median(test.times); got != test.want {
			t.Errorf("Median(%v) = %v, want %v", test.times, got, test.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1530 * time.Microsecond: "1.5 ms", 153 * time.Millisecond: "153 ms", 1530 * time.Millisecond: "1.53 s", 75 * time.Second: "75.0 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 20_007: "20,007", 1_234_567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	if err := Table(&out, [][]string{{"what", "time"}, {"cp", "1 s"}}); err != nil {
		t.Fatal(err)
	}
	if want := "| what | time |\n|---|---|\n| cp | 1 s |\n"; out.String() != want {
		t.Errorf("Table wrote %q, want %q", out.String(), want)
	}
}

func TestMachine(t *testing.T) {
	if got := Machine(); !strings.Contains(got, "Linux") || strings.Contains(got, "\n") {
		t.Errorf("Machine() = %q", got)
	}
}
