package sourcelist

import (
	"strings"
	"testing"
)

// What the ignore crate says was asked of it, with its version 0.4.25.
func TestPatternsMatchBytes(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"[a-é]", "\xc3", true},
		{"[a-é]", "\xa9", true},
		{"[a-é]", "\xc4", false},
		{"[a-é]", "é", false},
		{"[!a]b", "/b", true},
		{"a[!b]c", "a/c", true},
		{"a?c", "a/c", false},
		{"?", "\xff", true},
		{"?", "\n", true},
		{"**", "", true},
		{"*", "", true},
		{"/", "any", true},
		{"a/**", "a", false},
		{"a/**", "a/b/c", true},
		{"a/**/b", "a/b", true},
		{"a**/b", "ax/y/b", false},
		{"a/**b", "a/x/b", false},
		{`a\**`, "a*b", true},
		{`\/**`, "a", false},
		{"a/{**,x}/b", "a/y/z/b", false},
		{"a/{x,**/y}/b", "a/z/y/b", true},
		{"{}a", "a", true},
		{"{,a}b", "b", false},
		{"{a,{b,c}d}", "cd", true},
		{`{a\,b}`, "a,b", true},
		{"a,b", "a,b", true},
		{"[]-]", "-", true},
		{"[a-]", "-", true},
		{`[\]]`, `\]`, true},
		{"a[", "a[", true},
		{"a[]", "a[]", true},
		{"a[!]", "a[!]", true},
		{`a\/`, "a/x", true},
		{"a\u00a0", "a", true},
		{"$", "$", true},
		{"a.c", "abc", false},
	} {
		list, err := parsePatterns([]string{test.pattern})
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		if got := list.ignore(test.path, false); got != test.want {
			t.Errorf("%q ignores %q: %t, want %t", test.pattern, test.path, got, test.want)
		}
	}
}

func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{"*", "**/*.rs", "!a\n/b/", "{a,**}", "[!a-é]", `\ `, "a\n#b\n\n  ", "[]", "[z-a", "**/**/**", "{{{,}", "\xff"} {
		f.Add(seed, "a/b.rs")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		lines := strings.Split(text, "\n")
		list, err := parsePatterns(lines)
		if err != nil {
			return
		}
		path = strings.Trim(path, "/")
		list.ignore(path, true)
		if !strings.Contains(text, "!") && list.ignore(path, false) && !list.ignore(path+"/below", false) {
			t.Errorf("%q ignores %q and not what is below", lines, path)
		}
	})
}
