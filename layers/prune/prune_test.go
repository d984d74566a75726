package prune

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// layer is one of the fingerprint f that was sealed and last used so long ago.
func layer(id, f string, idle time.Duration, change ...func(*Layer)) Layer {
	l := Layer{ID: id, Fingerprint: f, Created: now.Add(-idle)}
	for _, c := range change {
		c(&l)
	}
	return l
}

func label(l *Layer)  { l.Label = "green" }
func leased(l *Layer) { l.Leased = true }
func gone(l *Layer)   { l.OriginGone = true }

// used says that the last use was so long ago.
func used(idle time.Duration) func(*Layer) {
	return func(l *Layer) { l.LastUse = now.Add(-idle) }
}

// text writes a plan as "victims | kept", each as id:reason.
func text(p Plan) string {
	var b strings.Builder
	for _, c := range p.Victims {
		fmt.Fprintf(&b, "%s:%s ", c.ID, c.Why)
	}
	b.WriteString("|")
	for _, c := range p.Kept {
		fmt.Fprintf(&b, " %s:%s", c.ID, c.Why)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	four := []Layer{layer("a", "x", 4*day), layer("b", "x", 3*day), layer("c", "x", 2*day), layer("d", "y", 9*day)}
	tests := []struct {
		name   string
		layers []Layer
		policy Policy
		want   string
	}{
		{"no layers", nil, Policy{KeepLast: 1}, "|"},
		{"no policy", four, Policy{}, "| d:unmatched a:unmatched b:unmatched c:unmatched"},
		{"labels alone name nothing", four, Policy{Labelled: true}, "| d:unmatched a:unmatched b:unmatched c:unmatched"},

		{"keep-last counts by fingerprint", four, Policy{KeepLast: 1}, "a:surplus b:surplus | d:last c:last"},
		{"keep-last of more than there are", four, Policy{KeepLast: 7}, "| d:last a:last b:last c:last"},
		{"the last are those used last",
			[]Layer{layer("a", "x", 4*day, used(2*time.Hour)), layer("b", "x", 3*day), layer("c", "x", 2*day)},
			Policy{KeepLast: 1}, "b:surplus c:surplus | a:last"},
		{"what is protected counts among the last",
			[]Layer{layer("a", "x", 4*day), layer("b", "x", 3*day, label)},
			Policy{KeepLast: 1}, "a:surplus | b:labelled"},

		{"max-age", four, Policy{MaxAge: 3 * day}, "d:unused a:unused | b:unmatched c:unmatched"},
		{"max-age counts from the last use",
			[]Layer{layer("a", "x", 40*day, used(29*day)), layer("b", "x", 40*day, used(31*day))},
			Policy{MaxAge: 30 * day}, "b:unused | a:unmatched"},
		{"a last use before the sealing is none",
			[]Layer{layer("a", "x", 2*day, used(40*day))},
			Policy{MaxAge: 30 * day}, "| a:unmatched"},
		{"keep-last holds against max-age", four, Policy{KeepLast: 1, MaxAge: 3 * day}, "a:unused | d:last b:unmatched c:last"},

		{"gone worktrees",
			[]Layer{layer("a", "x", 4*day, gone), layer("b", "x", 3*day), layer("c", "x", 2*day, gone)},
			Policy{GoneWorktrees: true}, "a:gone c:gone | b:unmatched"},
		{"keep-last holds against gone worktrees",
			[]Layer{layer("a", "x", 4*day, gone), layer("b", "x", 3*day), layer("c", "x", 2*day, gone)},
			Policy{GoneWorktrees: true, KeepLast: 1}, "a:gone | b:unmatched c:last"},
		{"gone worktrees and max-age add up",
			[]Layer{layer("a", "x", 4*day), layer("b", "x", 2*day, gone), layer("c", "x", 2*day)},
			Policy{GoneWorktrees: true, MaxAge: 3 * day}, "a:unused b:gone | c:unmatched"},

		{"what is protected",
			[]Layer{layer("a", "x", 9*day, leased), layer("c", "x", 7*day, label), layer("d", "x", 59*time.Minute), layer("e", "x", 61*time.Minute)},
			Policy{MaxAge: time.Minute}, "e:unused | a:leased c:labelled d:recent"},
		{"recent use protects what is old",
			[]Layer{layer("a", "x", 9*day, gone, used(time.Minute))},
			Policy{GoneWorktrees: true}, "| a:recent"},
		{"what will be used in the future", []Layer{layer("a", "x", -day)}, Policy{MaxAge: time.Minute}, "| a:recent"},
		{"another margin", []Layer{layer("a", "x", 3*time.Hour)}, Policy{MaxAge: time.Minute, Margin: 4 * time.Hour}, "| a:recent"},
		{"no margin", []Layer{layer("a", "x", 2*time.Minute)}, Policy{MaxAge: time.Minute, Margin: -1}, "a:unused |"},
		{"labels that do not protect",
			[]Layer{layer("a", "x", 9*day, label), layer("c", "x", 7*day, label, leased)},
			Policy{MaxAge: time.Hour, Labelled: true}, "a:unused | c:leased"},

		{"equal times go by id",
			[]Layer{layer("b", "x", day), layer("c", "x", day), layer("a", "x", day)},
			Policy{KeepLast: 1}, "a:surplus b:surplus | c:last"},
		{"equal use goes by sealing",
			[]Layer{layer("a", "x", 2*day, used(day)), layer("b", "x", 3*day, used(day))},
			Policy{KeepLast: 1}, "b:surplus | a:last"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := text(New(test.layers, test.policy, now)); got != test.want {
				t.Errorf("plan\n %s, want\n %s", got, test.want)
			}
		})
	}
}

func TestEmpty(t *testing.T) {
	for _, p := range []Policy{{}, {Labelled: true, Margin: time.Minute}, {KeepLast: -1, MaxAge: -1}} {
		if !p.Empty() {
			t.Errorf("%+v names something", p)
		}
	}
	for _, p := range []Policy{{KeepLast: 1}, {MaxAge: 1}, {GoneWorktrees: true}} {
		if p.Empty() {
			t.Errorf("%+v names nothing", p)
		}
	}
}

// random makes layers and a policy in which ties, protections and criteria meet
// often.
func random(r *rand.Rand) ([]Layer, Policy) {
	hours := func(n int) time.Duration { return time.Duration(r.IntN(n)-2) * 30 * time.Minute }
	var list []Layer
	for i := range r.IntN(24) {
		l := layer(fmt.Sprintf("%02d", i), string(rune('x'+r.IntN(3))), hours(40))
		if r.IntN(2) == 0 {
			l.LastUse = now.Add(-hours(40))
		}
		for _, change := range []func(*Layer){label, leased} {
			if r.IntN(6) == 0 {
				change(&l)
			}
		}
		l.OriginGone = r.IntN(3) == 0
		list = append(list, l)
	}
	var p Policy
	if r.IntN(2) == 0 {
		p.KeepLast = r.IntN(5)
	}
	if r.IntN(2) == 0 {
		p.MaxAge = max(0, hours(30))
	}
	p.GoneWorktrees = r.IntN(2) == 0
	p.Labelled = r.IntN(3) == 0
	p.Margin = []time.Duration{0, -1, 3 * time.Hour}[r.IntN(3)]
	return list, p
}

// Whatever the input: every layer has one fate, what is protected stays, the last
// of each fingerprint stay, all that is named goes, and nothing is left to do for
// a second plan.
func TestPlanProperties(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 4000 {
		list, p := random(r)
		before := slices.Clone(list)
		plan := New(list, p, now)
		problem := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("round %d: %s\npolicy %+v\nlayers %+v\nplan %s", round, fmt.Sprintf(format, args...), p, list, text(plan))
		}
		if !slices.Equal(list, before) {
			problem("the input was changed")
		}
		margin := p.Margin
		if margin == 0 {
			margin = time.Hour
		}
		idle := func(l Layer) time.Duration {
			return now.Sub(slices.MaxFunc([]time.Time{l.Created, l.LastUse}, time.Time.Compare))
		}
		protected := func(l Layer) bool {
			return l.Leased || l.Label != "" && !p.Labelled || idle(l) < margin
		}
		named := func(l Layer) bool {
			if !p.GoneWorktrees && p.MaxAge == 0 {
				return p.KeepLast > 0
			}
			return p.GoneWorktrees && l.OriginGone || p.MaxAge > 0 && idle(l) > p.MaxAge
		}

		fate := map[string]string{}
		kept := map[string][]Layer{} // by fingerprint
		var rest []Layer
		for _, c := range plan.Victims {
			fate[c.ID] += "victim"
			if protected(c.Layer) || !named(c.Layer) {
				problem("%s must not go", c.ID)
			}
		}
		for _, c := range plan.Kept {
			fate[c.ID] += "kept"
			kept[c.Fingerprint] = append(kept[c.Fingerprint], c.Layer)
			rest = append(rest, c.Layer)
		}
		count := map[string]int{}
		for _, l := range list {
			count[l.Fingerprint]++
			if fate[l.ID] != "victim" && fate[l.ID] != "kept" {
				problem("%s is %q", l.ID, fate[l.ID])
			}
			// The least idle KeepLast stay; of equal ones it does not say which.
			fewer := 0
			for _, o := range list {
				if o.Fingerprint == l.Fingerprint && idle(o) <= idle(l) && o.ID != l.ID {
					fewer++
				}
			}
			if fewer < p.KeepLast && fate[l.ID] == "victim" {
				problem("%s is among the last %d", l.ID, p.KeepLast)
			}
			if more := fewer >= p.KeepLast; more && named(l) && !protected(l) && fate[l.ID] == "kept" && !tied(list, l, idle) {
				problem("%s has to go", l.ID)
			}
		}
		for f, n := range count {
			if len(kept[f]) < min(n, p.KeepLast) {
				problem("of %d of fingerprint %s only %d stay", n, f, len(kept[f]))
			}
		}
		if again := New(rest, p, now); len(again.Victims) > 0 {
			problem("a second plan has victims: %s", text(again))
		}
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		if shuffled := New(list, p, now); text(shuffled) != text(plan) {
			problem("in another order the plan is %s", text(shuffled))
		}
	}
}

// tied reports whether another layer of the fingerprint was used at the same time.
func tied(list []Layer, l Layer, idle func(Layer) time.Duration) bool {
	return slices.ContainsFunc(list, func(o Layer) bool {
		return o.ID != l.ID && o.Fingerprint == l.Fingerprint && idle(o) == idle(l)
	})
}

func TestFit(t *testing.T) {
	list := []Layer{layer("a", "x", 4*day), layer("b", "x", 3*day), layer("c", "x", 2*day, label), layer("d", "y", 9*day)}
	share := func(amount int64, layers ...string) Share { return Share{Amount: amount, Layers: layers} }
	data := []Share{
		share(100, "a", "b", "c", "d"), share(10, "a"), share(20, "a", "b"), share(30, "c"),
		share(5, "c", "d"), // d alone frees nothing
		share(1000),
	}
	held := slices.Clone(data)
	held[1].Held = true // a alone frees nothing, and with b what they share
	two := []Share{share(50, "a", "b"), share(10, "d")}
	for _, tt := range []struct {
		name       string
		data, work []Share
		policy     Policy
		want       string
		outcome    Outcome
	}{
		{"no goal", data, nil, Policy{}, "| d:unmatched a:unmatched b:unmatched c:labelled", Outcome{165, 0, 0}},
		{"a goal that is met", data, nil, Policy{MaxSize: 165}, "| d:unmatched a:unmatched b:unmatched c:labelled", Outcome{165, 0, 0}},
		{"the cheapest byte", data, nil, Policy{MaxSize: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
		{"what is shared goes with the last", data, nil, Policy{MaxSize: 154}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 30, 0}},
		{"more than can be had", data, nil, Policy{MaxSize: 1}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 30, 0}},
		{"labels that do not protect", data, nil, Policy{MaxSize: 1, Labelled: true}, "d:space a:space b:space c:space |", Outcome{0, 165, 0}},
		{"the last of each", data, nil, Policy{MaxSize: 1, KeepLast: 1}, "a:space b:space | d:last c:labelled", Outcome{135, 30, 0}},
		{"all are the last", data, nil, Policy{MaxSize: 164, KeepLast: 3}, "| d:last a:last b:last c:labelled", Outcome{165, 0, 0}},
		{"what goes by age is enough", data, nil, Policy{MaxSize: 155, MaxAge: 3*day + 12*time.Hour}, "d:unused a:unused | b:unmatched c:labelled", Outcome{155, 10, 0}},

		{"free", data, nil, Policy{Free: 10}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
		{"what others hold frees nothing", held, nil, Policy{Free: 1}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 20, 0}},
		{"and counts for the size", held, nil, Policy{MaxSize: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 0, 0}},
		{"one goal that cannot be met, and another", []Share{{100, []string{"a"}, true}, share(30, "c")}, nil, Policy{Free: 1, MaxSize: 30}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{30, 0, 0}},
		{"a goal that cannot be met takes nothing that frees nothing", []Share{{100, []string{"a"}, true}, share(30, "c"), share(10, "d")}, nil, Policy{Free: 100}, "d:space | a:unmatched b:unmatched c:labelled", Outcome{130, 10, 0}},
		{"two that share only with each other", two, nil, Policy{Free: 11}, "a:space b:space | d:unmatched c:labelled", Outcome{10, 50, 0}},
		{"what is dear goes where nothing else frees", data, []Share{share(60_000, "a"), share(1000, "b")}, Policy{MaxSize: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 60_000}},
		{"work that another has costs nothing", data, []Share{share(60_000, "a", "c")}, Policy{MaxSize: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
		{"dear bytes", []Share{share(100, "a"), share(100, "b")}, []Share{share(50_000, "a"), share(10, "b")}, Policy{Free: 100}, "b:space | d:unmatched a:unmatched c:labelled", Outcome{100, 100, 10}},
		{"what is not needed in the end stays", []Share{share(10, "d"), share(100, "a")}, []Share{share(5000, "a")}, Policy{Free: 100}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{10, 100, 5000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := New(list, tt.policy, now)
			if got := plan.Fit(Shares{tt.data, tt.work}, tt.policy, now); text(plan) != tt.want || got != tt.outcome {
				t.Errorf("got %s, %+v, want %s, %+v", text(plan), got, tt.want, tt.outcome)
			}
		})
	}
}

// Whatever is shared: what is protected stays, a goal is met when it can be, nothing goes
// that is not needed for it, the figures are those of the victims, and the order in which
// layers are listed does not matter.
func TestFitProperties(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 2000 {
		list, p := random(r)
		var s Shares
		shares := func() (all []Share) {
			for range r.IntN(40) {
				share := Share{Amount: 1 + r.Int64N(1000), Held: r.IntN(5) == 0}
				for _, l := range list {
					if r.IntN(4) == 0 {
						share.Layers = append(share.Layers, l.ID)
					}
				}
				all = append(all, share)
			}
			return all
		}
		s.Data, s.Work = shares(), shares()
		p.MaxSize, p.Free = []int64{0, r.Int64N(20_000)}[r.IntN(2)], []int64{0, r.Int64N(9000)}[r.IntN(2)]
		plan := New(list, p, now)
		before := text(plan)
		goes := func(without func(id string) bool) (o Outcome) {
			for _, d := range s.Data {
				gone := !slices.ContainsFunc(d.Layers, func(id string) bool { return !without(id) })
				switch {
				case !gone:
					o.Size += d.Amount
				case !d.Held && len(d.Layers) > 0:
					o.Frees += d.Amount
				}
			}
			for _, w := range s.Work {
				if !w.Held && len(w.Layers) > 0 && !slices.ContainsFunc(w.Layers, func(id string) bool { return !without(id) }) {
					o.Costs += w.Amount
				}
			}
			return o
		}
		met := func(o Outcome) bool {
			return (p.MaxSize <= 0 || o.Size <= p.MaxSize) && (p.Free <= 0 || o.Frees >= p.Free)
		}
		most := goes(func(id string) bool { // all that may go
			return !slices.ContainsFunc(plan.Kept, func(c Choice) bool { return c.ID == id && c.Why != Unmatched })
		})
		got := plan.Fit(s, p, now)
		problem := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("round %d: %s\npolicy %+v\nshares %+v\nplan %s\nfitted %s, %+v", round, fmt.Sprintf(format, args...), p, s, before, text(plan), got)
		}
		gone := func(id string) bool {
			return slices.ContainsFunc(plan.Victims, func(c Choice) bool { return c.ID == id })
		}
		if want := goes(gone); got != want {
			problem("the outcome is %+v", want)
		}
		if met(most) && !met(got) {
			problem("the goal could be met")
		}
		for _, c := range plan.Victims {
			if c.Why == Space && met(got) && met(goes(func(id string) bool { return gone(id) && id != c.ID })) {
				problem("%s need not go", c.ID)
			}
		}
		for _, c := range plan.Victims {
			if without := goes(func(id string) bool { return gone(id) && id != c.ID }); c.Why == Space && p.MaxSize <= 0 && !met(got) && without.Frees == got.Frees {
				problem("%s frees nothing, and goes", c.ID)
			}
		}
		for _, c := range New(list, p, now).Kept {
			if c.Why != Unmatched && gone(c.ID) {
				problem("%s is %s, and goes", c.ID, c.Why)
			}
		}
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		again := New(list, p, now)
		if again.Fit(s, p, now); text(again) != text(plan) {
			problem("in another order it is %s", text(again))
		}
	}
}

// A thousand layers of one lineage, and some that share nothing.
func BenchmarkFit(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var list []Layer
	var s Shares
	for i := range 1000 {
		l := layer(fmt.Sprintf("%04d", i), string(rune('a'+i%20)), time.Duration(1000-i)*time.Hour)
		list = append(list, l)
		s.Data = append(s.Data, Share{Amount: 1 + r.Int64N(1<<20), Layers: []string{l.ID}})
		s.Work = append(s.Work, Share{Amount: r.Int64N(9000), Layers: []string{l.ID}})
	}
	for range 2000 {
		from := r.IntN(1000)
		share := Share{Amount: 1 + r.Int64N(1<<22)}
		for _, l := range list[from:min(1000, from+1+r.IntN(300))] {
			share.Layers = append(share.Layers, l.ID)
		}
		s.Data = append(s.Data, share)
		s.Work = append(s.Work, Share{Amount: 1 + share.Amount>>12, Layers: share.Layers})
	}
	p := Policy{Free: 2 << 30, Margin: -1}
	for b.Loop() {
		plan := New(list, p, now)
		plan.Fit(s, p, now)
	}
}
