package extent

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// What is told by hand is what expressions would tell.
func TestWordsOfScripts(t *testing.T) {
	up := regexp.MustCompile(`(?:\bcd +|/|[\s(,=\[]["'])(\.\.)(?:["'\s;&|)]|$)`)
	itself := regexp.MustCompile(`\bdirname\b[^;&|]*\$\{?0|BASH_SOURCE|__file__|__dir__|FindBin`)
	pieces := []string{
		"..", "cd", " ", "/", "\"", "'", "(", ",", "=", "[", ";", "&", "|", ")", "\n", "\t", ".", "x", "_", "dirname", "$0", "${0", "}", "$", "0",
		"BASH_SOURCE", "__file__",
	}
	r := rand.New(rand.NewPCG(1, 2))
	found := map[bool]int{}
	for range 200_000 {
		var text strings.Builder
		for range 1 + r.IntN(8) {
			text.WriteString(pieces[r.IntN(len(pieces)-2*r.IntN(2))])
		}
		s := text.String()
		if got, want := goesUp(s), up.MatchString(s); got != want {
			t.Fatalf("goesUp(%q) = %v", s, got)
		}
		got, want := namesItself(s), itself.MatchString(s)
		if got != want {
			t.Fatalf("namesItself(%q) = %v", s, got)
		}
		found[got]++
	}
	if found[true] == 0 || found[false] == 0 {
		t.Errorf("found %v: this shows nothing", found)
	}
}
