package space

import (
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
