package phrase

import (
	"fmt"
	"math"
	"time"
)

// Count tells a number of things: "1 unit", "3 units".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Ago tells a time in the past in the largest unit that fits.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return Count(int(d/(24*time.Hour)), "day") + " ago"
}

// Cost tells a time in ms that something took, "-" where it is not known.
func Cost(ms int64) string {
	switch s := float64(ms) / 1000; {
	case ms <= 0:
		return "-"
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case s < 59.95:
		return fmt.Sprintf("%.1f s", s)
	default:
		n := int64(math.Round(s))
		if n < 3600 {
			return fmt.Sprintf("%d min %d s", n/60, n%60)
		}
		return fmt.Sprintf("%d h %d min", n/3600, n%3600/60)
	}
}

// Loss tells what removing something frees, in bytes, and costs, in ms of compiling.
func Loss(frees, cost int64) string {
	if cost <= 0 {
		return "frees " + Size(frees) + ", and loses no unit"
	}
	return "frees " + Size(frees) + ", and costs " + Cost(cost) + " to compile again"
}

// Size tells bytes in the unit that leaves one to three digits, and one after the
// point if there is room.
func Size(bytes int64) string {
	n, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, next
	}
	if unit != "B" && n < 9.95 {
		return fmt.Sprintf("%.1f %s", n, unit)
	}
	return fmt.Sprintf("%.0f %s", n, unit)
}
