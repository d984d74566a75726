package main

import (
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * 24 * time.Hour, "12h": 12 * time.Hour, "48h": 48 * time.Hour, "90m": 90 * time.Minute, "1d": 24 * time.Hour,
	} {
		var p period
		if err := p.Set(text); err != nil || time.Duration(p) != want {
			t.Errorf("%s: %v, %v; want %v", text, time.Duration(p), err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "-1d", "+1d", "0d", "1.5h", "1d12h", "30 d", "30s", "106752d", "99999999999999999999h", "1D"} {
		var p period
		if err := p.Set(text); err == nil {
			t.Errorf("%q is %v, want an error", text, time.Duration(p))
		}
	}
	for p, want := range map[time.Duration]string{0: "", 30 * 24 * time.Hour: "30d", 48 * time.Hour: "2d", 12 * time.Hour: "12h", 90 * time.Minute: "90m"} {
		if got := (*period)(&p).String(); got != want {
			t.Errorf("%v prints %q, want %q", p, got, want)
		}
	}
}
