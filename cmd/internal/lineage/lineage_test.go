package lineage

import (
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
)

// family reads "child<parent" words, the newest first.
func family(text string) []layers.Record {
	var list []layers.Record
	now := time.Unix(1_000_000, 0)
	for i, word := range strings.Fields(text) {
		id, parent, _ := strings.Cut(word, "<")
		list = append(list, layers.Record{ID: id, Parent: parent, Created: now.Add(-time.Duration(i) * time.Hour)})
	}
	return list
}

func TestDraw(t *testing.T) {
	for _, tt := range []struct{ name, family, want string }{
		{"nothing", "", ""},
		{"one", "a", "o a\n"},
		{"a line", "c<b b<a a", `
* c
* b
o a
`},
		{"a fork", "c<a b<a a", `
* c
| * b
|/
o a
`},
		{"a worktree that went on from an older layer", "e<b d<c c<b b<a a", `
* e
| * d
| * c
|/
* b
o a
`},
		{"three from one", "d<a c<a b<a a", `
* d
| * c
|/
| * b
|/
o a
`},
		{"forks in forks", "g<c f<e e<d h<d d<b c<b b<a a", `
* g
* c
| * f
| * e
| | * h
| |/
| * d
|/
* b
o a
`},
		{"lineages stay together, the one with the newest layer first", "d<b c<a b a", `
* d
o b
* c
o a
`},
		{"the parent is gone", "c<gone b<gone a", `
o c
o b
o a
`},
		{"the clock went back", "a b<a", `
* b
o a
`},
		{"a layer is its own parent", "b<b a", `
o b
o a
`},
		{"a ring, and one that hangs on it", "d<b c<b b<a a<c", `
* d
* b
* a
o c
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := picture(Draw(family(tt.family), ASCII)), strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func picture(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Art)
		if l.Layer != nil {
			b.WriteString(l.Layer.ID)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestDrawBoxes(t *testing.T) {
	want := `● g
● c
│ ● f
│ ● e
│ │ ● h
│ ├─╯
│ ● d
├─╯
● b
○ a
`
	if got := picture(Draw(family("g<c f<e e<d h<d d<b c<b b<a a"), Boxes)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every layer is drawn once, whatever the records say.
func TestDrawsAll(t *testing.T) {
	long := make([]layers.Record, 20_000)
	for i := range long {
		long[i].ID = strings.Repeat("x", i%7) + time.Duration(i).String()
		if i > 0 {
			long[i-1].Parent = long[i].ID
		}
	}
	if n := len(Draw(long, ASCII)); n != len(long) {
		t.Errorf("a line of %d layers is drawn in %d lines", len(long), n)
	}
	for _, text := range []string{"a<b b<c c<a", "c<a b<c a<b", "a<b b<a d<b c<d", "d<c c<c b<c a<d"} {
		seen := map[string]int{}
		for _, l := range Draw(family(text), ASCII) {
			if l.Layer != nil {
				seen[l.Layer.ID]++
			}
		}
		for _, r := range family(text) {
			if seen[r.ID] != 1 {
				t.Errorf("%s: %s is drawn %d times", text, r.ID, seen[r.ID])
			}
		}
	}
}
