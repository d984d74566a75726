package quantity

import (
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * 24 * time.Hour, "12h": 12 * time.Hour, "48h": 48 * time.Hour, "90m": 90 * time.Minute, "1d": 24 * time.Hour, "2w": 14 * 24 * time.Hour, "30": 30 * 24 * time.Hour,
	} {
		var p Period
		if err := p.Set(text); err != nil || time.Duration(p) != want {
			t.Errorf("%s: %v, %v; want %v", text, time.Duration(p), err, want)
		}
	}
	for _, text := range []string{"", "d", "w", "-1d", "+1d", "0d", "1.5h", "1d12h", "30 d", "30s", "106752d", "99999999999999999999h", "1D", "2W"} {
		var p Period
		if err := p.Set(text); err == nil {
			t.Errorf("%q is %v, want an error", text, time.Duration(p))
		}
	}
	for p, want := range map[time.Duration]string{0: "", 30 * 24 * time.Hour: "30d", 48 * time.Hour: "2d", 14 * 24 * time.Hour: "14d", 12 * time.Hour: "12h", 90 * time.Minute: "90m"} {
		if got := (*Period)(&p).String(); got != want {
			t.Errorf("%v prints %q, want %q", p, got, want)
		}
	}
}

func TestVolume(t *testing.T) {
	for text, want := range map[string]int64{
		"1kB": 1e3, "500MB": 500e6, "20GB": 20e9, "3TB": 3e12, "1500kB": 1500e3, "9223372TB": 9223372e12,
	} {
		var v Volume
		if err := v.Set(text); err != nil || int64(v) != want {
			t.Errorf("%s: %v, %v; want %v", text, int64(v), err, want)
		}
	}
	for _, text := range []string{"", "GB", "20", "-1GB", "+1GB", "0GB", "1.5GB", "20 GB", "20B", "9223373TB", "99999999999999999999kB", "1gb"} {
		var v Volume
		if err := v.Set(text); err == nil {
			t.Errorf("%q is %v, want an error", text, int64(v))
		}
	}
	for v, want := range map[Volume]string{0: "", 20e9: "20GB", 1500e6: "1500MB", 3e12: "3TB"} {
		if got := v.String(); got != want {
			t.Errorf("%d prints %q, want %q", int64(v), got, want)
		}
	}
}
