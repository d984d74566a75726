package main

import "testing"

func TestVolume(t *testing.T) {
	for text, want := range map[string]int64{
		"1kB": 1e3, "500MB": 500e6, "20GB": 20e9, "3TB": 3e12, "1500kB": 1500e3, "9223372TB": 9223372e12,
	} {
		var v volume
		if err := v.Set(text); err != nil || int64(v) != want {
			t.Errorf("%s: %v, %v; want %v", text, int64(v), err, want)
		}
	}
	for _, text := range []string{"", "GB", "20", "-1GB", "+1GB", "0GB", "1.5GB", "20 GB", "20B", "9223373TB", "99999999999999999999kB", "1gb"} {
		var v volume
		if err := v.Set(text); err == nil {
			t.Errorf("%q is %v, want an error", text, int64(v))
		}
	}
	for v, want := range map[volume]string{0: "", 20e9: "20GB", 1500e6: "1500MB", 3e12: "3TB"} {
		if got := v.String(); got != want {
			t.Errorf("%d prints %q, want %q", int64(v), got, want)
		}
	}
}
