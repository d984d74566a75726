package usage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/lastuse"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// One story of an item.
func TestAfter(t *testing.T) {
	const some = lastuse.Interval
	it := Item{}
	for _, step := range []struct {
		what    string
		at, now time.Time
		news    bool
		last    time.Time
		uses    int64
	}{
		{"the first use", monday, monday, true, monday, 1},
		{"the same again", monday, monday.Add(time.Hour), false, monday, 1},
		{"an earlier one", monday.Add(-time.Hour), monday.Add(time.Hour), false, monday, 1},
		{"one a moment later", monday.Add(some - 1), monday.Add(time.Hour), false, monday, 1},
		{"one an interval later", monday.Add(some), monday.Add(time.Hour), true, monday.Add(some), 2},
		{"a stamp in the future says nothing", monday.AddDate(1, 0, 0), monday.Add(time.Hour), false, monday.Add(some), 2},
		{"the clock was set back: corrected", monday.AddDate(-1, 0, 0), monday.AddDate(-1, 0, 0), true, monday.AddDate(-1, 0, 0), 2},
		{"and set right again", monday.Add(some), monday.Add(some), true, monday.Add(some), 3},
		{"both in the future: now", monday.Add(time.Hour), monday, true, monday, 3},
	} {
		news := false
		it, news = it.after(step.at, step.now)
		if news != step.news || !it.Last.Equal(step.last) || it.Uses != step.uses {
			t.Errorf("%s: %v, %+v; want %v, last %v, %d uses", step.what, news, it, step.news, step.last, step.uses)
		}
		if it.First.After(it.Last) {
			t.Errorf("%s: first used %v, after %v", step.what, it.First, it.Last)
		}
	}
}

// randomStamps has many of few items, some of them in the future.
func randomStamps(r *rand.Rand, now time.Time) []Stamp {
	var list []Stamp
	for range r.IntN(60) {
		list = append(list, Stamp{
			[]Kind{Layer, Unit, Directory, Toolchain}[r.IntN(4)], fmt.Sprint("k", r.IntN(5)),
			now.Add(-time.Duration(r.Int64N(int64(1000*time.Hour))) + 24*time.Hour),
		})
	}
	return list
}

// A second fold of the same says nothing new; none lowers a last use that was possible; and
// each item is at least as late as its latest possible stamp, less an interval.
func TestFoldProperties(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		known := Known{}
		now := monday
		for range 5 {
			now = now.Add(time.Duration(r.Int64N(int64(48*time.Hour))) - 6*time.Hour)
			stamps := randomStamps(r, now)
			before := map[Kind]map[string]Item{}
			for k, items := range known {
				before[k] = maps.Clone(items)
			}
			known.fold(stamps, now)
			if again := known.fold(stamps, now); len(again) > 0 {
				t.Fatalf("seed %d: a second fold changes %v", seed, again)
			}
			r.Shuffle(len(stamps), func(i, j int) { stamps[i], stamps[j] = stamps[j], stamps[i] })
			if again := known.fold(stamps, now); len(again) > 0 {
				t.Fatalf("seed %d: a fold in another order changes %v", seed, again)
			}
			for kind, items := range before {
				for key, was := range items {
					if is := known[kind][key]; is.Last.Before(was.Last) && !isAhead(was.Last, now) {
						t.Fatalf("seed %d: %s %s was last used %v, and now %v", seed, kind, key, was.Last, is.Last)
					}
				}
			}
			for _, s := range stamps {
				is := known[s.Kind][s.Key]
				if !isAhead(s.At, now) && s.At.Sub(is.Last) >= lastuse.Interval {
					t.Fatalf("seed %d: %s %s was used %v, and is said to be last used %v", seed, s.Kind, s.Key, s.At, is.Last)
				}
				if isAhead(is.Last, now) {
					t.Fatalf("seed %d: %s %s is said to be used %v, which is to come", seed, s.Kind, s.Key, is.Last)
				}
			}
		}
	}
}

func TestForget(t *testing.T) {
	old, year := monday.Add(-2*time.Hour), monday.AddDate(-2, 0, 0)
	known := Known{}
	known.fold([]Stamp{
		{Layer, "gone", old}, {Layer, "there", old}, {Layer, "just made", monday}, {Unit, "not seen", old},
		{Directory, "gone", old}, {Directory, "long gone", year}, {Toolchain, "old", year}, {Toolchain, "in use", year},
		{"later", "unknown", year},
	}, monday)
	gone := known.forget([]Stamp{{Layer, "there", old}, {Toolchain, "in use", year}}, []Kind{Layer}, monday)
	var got []string
	for _, g := range gone {
		got = append(got, string(g.Kind)+" "+g.Key)
	}
	slices.Sort(got)
	if want := []string{"directory long gone", "layer gone", "toolchain old"}; !slices.Equal(got, want) {
		t.Errorf("forgets %q, want %q", got, want)
	}
	if known.Last("later", "unknown").IsZero() || !known.Last(Layer, "gone").IsZero() {
		t.Errorf("left are %v", known)
	}
}

func TestAllIsSorted(t *testing.T) {
	known := Known{}
	known.fold([]Stamp{{Layer, "b", monday.Add(-time.Hour)}, {Layer, "a", monday}, {Layer, "c", monday}}, monday)
	var got []string
	for _, it := range known.All(Layer) {
		got = append(got, it.Key)
	}
	if want := []string{"a", "c", "b"}; !slices.Equal(got, want) {
		t.Errorf("All = %q, want %q", got, want)
	}
	if got := known.All(Unit); len(got) > 0 {
		t.Errorf("All of nothing = %v", got)
	}
}
