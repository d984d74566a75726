package space

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	for text, want := range map[string]int{
		"": 0, header + a + " 12\n": 1, header + a + " 12": 0, header + a + " -1\n" + b + " x\n": 0, "other\n" + a + " 12\n": 0,
	} {
		if got := parse([]byte(text)); len(got) != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header + strings.Repeat("a", 32) + " 12\n" + strings.Repeat("b", 32) + " 7\n"))
	f.Add([]byte(header + strings.Repeat("a", 32) + " -1\n"))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		known := parse(text)
		ids := slices.Sorted(maps.Keys(known))
		again := parse(encode(ids, known))
		if !maps.Equal(known, again) {
			t.Errorf("%q: read %v, written and read again %v", text, known, again)
		}
	})
}
