package depfile

import (
	"slices"
	"strings"
	"testing"
)

func TestNotes(t *testing.T) {
	const key = "#cow "
	for _, tt := range []struct {
		text  string
		want  []string
		whole bool
	}{
		{list, nil, true},
		{list + "#cow a\n# other\n#cow b\n", []string{"a", "b"}, true},
		{"#cow a\n", []string{"a"}, true},
		{list + "#cow a\n#cow b", []string{"a"}, false},
		{list + "#cow stop\n#cow b\n", []string{"stop"}, false},
		{"", nil, true},
	} {
		var got []string
		whole := Notes(tt.text, key, func(note string) bool { got = append(got, note); return note != "stop" })
		if !slices.Equal(got, tt.want) || whole != tt.whole {
			t.Errorf("%q: notes %q, whole %v", tt.text, got, whole)
		}
		if left := WithoutNotes(tt.text, key); strings.Contains(left, key) || !strings.HasPrefix(tt.text, left) && !strings.Contains(left, "other") {
			t.Errorf("%q without notes: %q", tt.text, left)
		}
	}
}

// A note that was added is the last, and taken away leaves the text.
func FuzzLastNote(f *testing.F) {
	f.Add(list, "x")
	f.Add("no newline", "")
	f.Add("# note a\n", "b")
	f.Fuzz(func(t *testing.T, text, note string) {
		if strings.Contains(note, "\n") {
			return
		}
		const key = "# note "
		noted := Add(text, key+note+"\n")
		got, before, ok := LastNote(noted, key)
		if !ok || got != note || strings.TrimSuffix(before, "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%q with %q: note %q before %q, %v", text, note, before, got, ok)
		}
		if _, left, ok := LastNote(text, key); !ok && left != text {
			t.Errorf("%q without a note is %q", text, left)
		}
		Notes(text, key, func(string) bool { return true })
		if left := WithoutNotes(text, key); strings.Contains("\n"+left, "\n"+key) {
			t.Errorf("%q without notes: %q", text, left)
		}
	})
}
