package ui

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever a file is called or a program says: it moves no cursor, turns no text round,
// and adds no line that looks like one of ours. As JSON it is one line.
func FuzzEscape(f *testing.F) {
	for _, text := range []string{
		"plain", "a\nwarning: spoofed", "\x1b[2J\x1b]0;title\a", "\xff\xfe", "a\rb", "\u202egnp", "\u2028error: x", "\u0085x", "\x9b31m",
		"tab\there", "größe 漢字", "%s%n%!", "\u200b\u2066x", "\x00", "\ufffd",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		term, out, err := terminal(t, Options{})
		term.Status("Sealed", "%s", text)
		term.Blocking(text)
		term.Println("%s", text)
		tab := NewTable("HEAD")
		tab.Row(text, text)
		tab.Row("x", "y")
		term.Table(tab)
		one := strings.Count(out.String()+err.String(), "\n")
		if one != 6 {
			t.Errorf("%q makes %d lines of 6", text, one)
		}
		term.Warn("%s", text)
		term.Error(errors.New(text), text, 1)
		term.HookLine(text)
		for i, line := range strings.Split(out.String()+err.String(), "\n") {
			for _, r := range line {
				if r != '\t' && unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
					t.Errorf("%q is shown as %q", text, line)
				}
			}
			if !utf8.ValidString(line) {
				t.Errorf("%q is shown as no text: %q", text, line)
			}
			// A message of several lines has all but its first one set in.
			if i > 6 && line != "" && line[0] != ' ' && !strings.HasPrefix(line, "warning: ") && !strings.HasPrefix(line, "error: ") &&
				!strings.HasPrefix(line, "help: ") && !strings.HasPrefix(line, "cargo-cow: ") {
				t.Errorf("%q makes a line of its own: %q", text, line)
			}
		}

		term, out, _ = terminal(t, Options{JSON: true})
		term.JSON("layer", struct {
			Label string `json:"label"`
		}{text})
		term.Error(errors.New(text), text, 1)
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("%q makes %d lines of JSON", text, n)
		}
		for line := range strings.Lines(out.String()) {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil || !utf8.ValidString(line) {
				t.Errorf("%q makes %q: %v", text, line, err)
			}
		}
	})
}
