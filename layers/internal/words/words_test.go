package words

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitRefuses(t *testing.T) {
	for _, text := range []string{" ", `"a" `, `"a"  "b"`, ` "a"`, `"a""b"`, `"a`, "`a`", `'a'`, `a`, `"\q"`} {
		if words, ok := Split(text); ok {
			t.Errorf("%q: %q", text, words)
		}
	}
	if words, ok := Split(""); !ok || len(words) > 0 {
		t.Errorf("nothing: %q, %v", words, ok)
	}
}

func FuzzWords(f *testing.F) {
	f.Add("a", "b\nc \xff", `"`)
	f.Fuzz(func(t *testing.T, a, b, text string) {
		line := Line("key", a, b)
		rest, ok := strings.CutPrefix(line, "key ")
		if !ok || strings.Count(line, "\n") != 1 || !strings.HasSuffix(rest, "\n") {
			t.Fatalf("%q", line)
		}
		if words, ok := Split(strings.TrimSuffix(rest, "\n")); !ok || !slices.Equal(words, []string{a, b}) {
			t.Errorf("%q became %q, %v", []string{a, b}, words, ok)
		}
		// What is read is written in the same way, or in one that reads the same.
		if words, ok := Split(text); ok {
			again, ok := Split(strings.TrimPrefix(strings.TrimSuffix(Line("", words...), "\n"), " "))
			if !ok || !slices.Equal(words, again) {
				t.Errorf("%q: %q, then %q", text, words, again)
			}
		}
	})
}
