package prune

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// layer is one of the fingerprint f that was sealed and last used so long ago.
func layer(id, f string, idle time.Duration, change ...func(*Item)) Item {
	l := Item{Kind: Layer, ID: id, Fingerprint: f, Created: now.Add(-idle)}
	for _, c := range change {
		c(&l)
	}
	return l
}

func label(l *Item)  { l.Label = "green" }
func leased(l *Item) { l.Leased = true }
func gone(l *Item)   { l.OriginGone = true }
func pinned(l *Item) { l.Pinned = true }

// of says that it is something else than a layer.
func of(k Kind) func(*Item) { return func(l *Item) { l.Kind, l.Fingerprint = k, "" } }

// used says that the last use was so long ago.
func used(idle time.Duration) func(*Item) {
	return func(l *Item) { l.LastUse = now.Add(-idle) }
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
	four := []Item{layer("a", "x", 4*day), layer("b", "x", 3*day), layer("c", "x", 2*day), layer("d", "y", 9*day)}
	tests := []struct {
		name   string
		layers []Item
		policy Policy
		want   string
	}{
		{"no layers", nil, Policy{KeepLast: 1}, "|"},
		{"no policy", four, Policy{}, "| d:unmatched a:unmatched b:unmatched c:unmatched"},
		{"labels alone name nothing", four, Policy{Labelled: true}, "| d:unmatched a:unmatched b:unmatched c:unmatched"},

		{"keep-last counts by fingerprint", four, Policy{KeepLast: 1}, "a:surplus b:surplus | d:last c:last"},
		{"keep-last of more than there are", four, Policy{KeepLast: 7}, "| d:last a:last b:last c:last"},
		{"the last are those used last",
			[]Item{layer("a", "x", 4*day, used(2*time.Hour)), layer("b", "x", 3*day), layer("c", "x", 2*day)},
			Policy{KeepLast: 1}, "b:surplus c:surplus | a:last"},
		{"what is protected counts among the last",
			[]Item{layer("a", "x", 4*day), layer("b", "x", 3*day, label)},
			Policy{KeepLast: 1}, "a:surplus | b:labelled"},

		{"max-age", four, Policy{MaxAge: Every(3 * day)}, "d:unused a:unused | b:unmatched c:unmatched"},
		{"max-age counts from the last use",
			[]Item{layer("a", "x", 40*day, used(29*day)), layer("b", "x", 40*day, used(31*day))},
			Policy{MaxAge: Every(30 * day)}, "b:unused | a:unmatched"},
		{"a last use before the sealing is none",
			[]Item{layer("a", "x", 2*day, used(40*day))},
			Policy{MaxAge: Every(30 * day)}, "| a:unmatched"},
		{"keep-last holds against max-age", four, Policy{KeepLast: 1, MaxAge: Every(3 * day)}, "a:unused | d:last b:unmatched c:last"},

		{"gone worktrees",
			[]Item{layer("a", "x", 4*day, gone), layer("b", "x", 3*day), layer("c", "x", 2*day, gone)},
			Policy{GoneWorktrees: true}, "a:gone c:gone | b:unmatched"},
		{"keep-last holds against gone worktrees",
			[]Item{layer("a", "x", 4*day, gone), layer("b", "x", 3*day), layer("c", "x", 2*day, gone)},
			Policy{GoneWorktrees: true, KeepLast: 1}, "a:gone | b:unmatched c:last"},
		{"gone worktrees and max-age add up",
			[]Item{layer("a", "x", 4*day), layer("b", "x", 2*day, gone), layer("c", "x", 2*day)},
			Policy{GoneWorktrees: true, MaxAge: Every(3 * day)}, "a:unused b:gone | c:unmatched"},

		{"gone projects",
			[]Item{layer("a", "x", 4*day, gone), layer("b", "x", 3*day, gone, func(l *Item) { l.ProjectGone = true })},
			Policy{GoneProjects: true}, "b:project | a:unmatched"},
		{"abandoned directories",
			[]Item{layer("a", "x", 4*day, gone), layer("t", "", 4*day, gone, of(BuildDir)), layer("u", "", 4*day, gone, of(Undo)), layer("o", "", 4*day, of(BuildDir))},
			Policy{Abandoned: true}, "t:gone u:gone | a:unmatched o:unmatched"},
		{"toolchains that are gone",
			[]Item{layer("a", "x", 4*day), layer("b", "x", 3*day, func(l *Item) { l.ToolchainGone = true })},
			Policy{RemovedToolchains: true}, "b:toolchain | a:unmatched"},
		{"unreferenced layers",
			[]Item{layer("a", "x", 4*day, func(l *Item) { l.Referenced = true }), layer("b", "x", 3*day), layer("c", "", 3*day, of(Undo))},
			Policy{Unreferenced: true}, "b:unreferenced | a:unmatched c:unmatched"},
		{"each kind has its age",
			[]Item{layer("a", "x", 4*day), layer("u", "", 4*day, of(Undo)), layer("t", "", 4*day, of(BuildDir)), layer("r", "", 4*day, of(Record))},
			Policy{MaxAge: Ages{Undo: 3 * day, Record: 5 * day}}, "u:unused | a:unmatched r:unmatched t:unmatched"},
		{"each kind has its margin",
			[]Item{layer("a", "x", 2*time.Hour), layer("u", "", 2*time.Hour, of(Undo)), layer("t", "", 2*time.Hour, of(BuildDir)), layer("r", "", 2*time.Hour, of(Record))},
			Policy{MaxAge: Every(time.Minute)}, "a:unused r:unused | t:recent u:recent"},
		{"keep-last is about layers",
			[]Item{layer("a", "x", 4*day), layer("b", "x", 3*day), layer("u", "", 4*day, of(Undo))},
			Policy{KeepLast: 1}, "a:surplus | u:unmatched b:last"},

		{"what is protected",
			[]Item{layer("a", "x", 9*day, leased), layer("b", "x", 8*day, label, pinned), layer("c", "x", 7*day, label), layer("d", "x", 59*time.Minute), layer("e", "x", 61*time.Minute)},
			Policy{MaxAge: Every(time.Minute)}, "e:unused | a:leased b:pinned c:labelled d:recent"},
		{"recent use protects what is old",
			[]Item{layer("a", "x", 9*day, gone, used(time.Minute))},
			Policy{GoneWorktrees: true}, "| a:recent"},
		{"what will be used in the future", []Item{layer("a", "x", -day)}, Policy{MaxAge: Every(time.Minute)}, "| a:recent"},
		{"another margin", []Item{layer("a", "x", 3*time.Hour)}, Policy{MaxAge: Every(time.Minute), Margins: Every(4 * time.Hour)}, "| a:recent"},
		{"no margin", []Item{layer("a", "x", 2*time.Minute)}, Policy{MaxAge: Every(time.Minute), Margins: None}, "a:unused |"},
		{"labels that do not protect",
			[]Item{layer("a", "x", 9*day, label), layer("c", "x", 7*day, label, leased)},
			Policy{MaxAge: Every(time.Hour), Labelled: true}, "a:unused | c:leased"},

		{"equal times go by id",
			[]Item{layer("b", "x", day), layer("c", "x", day), layer("a", "x", day)},
			Policy{KeepLast: 1}, "a:surplus b:surplus | c:last"},
		{"equal use goes by sealing",
			[]Item{layer("a", "x", 2*day, used(day)), layer("b", "x", 3*day, used(day))},
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
	for _, p := range []Policy{{}, {Labelled: true, Margins: Every(time.Minute)}, {KeepLast: -1, MaxAge: Every(-1)}} {
		if !p.Empty() {
			t.Errorf("%+v names something", p)
		}
	}
	for _, p := range []Policy{{KeepLast: 1}, {MaxAge: Every(1)}, {GoneWorktrees: true}} {
		if p.Empty() {
			t.Errorf("%+v names nothing", p)
		}
	}
}

// random makes layers and a policy in which ties, protections and criteria meet
// often.
func random(r *rand.Rand) ([]Item, Policy) {
	hours := func(n int) time.Duration { return time.Duration(r.IntN(n)-2) * 30 * time.Minute }
	var list []Item
	for i := range r.IntN(24) {
		l := layer(fmt.Sprintf("%02d", i), string(rune('x'+r.IntN(3))), hours(40))
		if r.IntN(2) == 0 {
			l.LastUse = now.Add(-hours(40))
		}
		for _, change := range []func(*Item){label, leased, pinned} {
			if r.IntN(6) == 0 {
				change(&l)
			}
		}
		for _, yes := range []*bool{&l.OriginGone, &l.ProjectGone, &l.ToolchainGone, &l.Referenced} {
			*yes = r.IntN(3) == 0
		}
		if r.IntN(3) == 0 {
			l.Kind, l.Fingerprint = []Kind{Undo, BuildDir, Record}[r.IntN(3)], ""
		}
		list = append(list, l)
	}
	var p Policy
	if r.IntN(2) == 0 {
		p.KeepLast = r.IntN(5)
	}
	if r.IntN(2) == 0 {
		p.MaxAge = Ages{max(0, hours(30)), max(0, hours(30)), max(0, hours(30)), max(0, hours(30))}
	}
	p.GoneWorktrees = r.IntN(2) == 0
	for _, yes := range []*bool{&p.Abandoned, &p.GoneProjects, &p.RemovedToolchains, &p.Unreferenced, &p.Labelled} {
		*yes = r.IntN(4) == 0
	}
	p.Margins = []Ages{{}, None, Every(3 * time.Hour), {time.Minute, 2 * time.Hour, 5 * time.Hour, -1}}[r.IntN(4)]
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
		margins := p.Margins
		if margins == (Ages{}) {
			margins = Usual
		}
		idle := func(l Item) time.Duration {
			return now.Sub(slices.MaxFunc([]time.Time{l.Created, l.LastUse}, time.Time.Compare))
		}
		protected := func(l Item) bool {
			return l.Leased || l.Pinned || l.Label != "" && !p.Labelled || idle(l) < margins.Of(l.Kind)
		}
		named := func(l Item) bool {
			if !p.names() {
				return p.KeepLast > 0 && l.Kind == Layer
			}
			age := p.MaxAge.Of(l.Kind)
			return l.OriginGone && (p.GoneWorktrees || p.Abandoned && l.Kind != Layer) || p.GoneProjects && l.ProjectGone || p.RemovedToolchains && l.ToolchainGone ||
				p.Unreferenced && l.Kind == Layer && !l.Referenced || age > 0 && idle(l) > age
		}

		fate := map[string]string{}
		kept := map[string][]Item{} // by fingerprint
		var rest []Item
		for _, c := range plan.Victims {
			fate[c.ID] += "victim"
			if protected(c.Item) || !named(c.Item) {
				problem("%s must not go", c.ID)
			}
		}
		for _, c := range plan.Kept {
			fate[c.ID] += "kept"
			kept[c.Fingerprint] = append(kept[c.Fingerprint], c.Item)
			rest = append(rest, c.Item)
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
				if o.Kind == Layer && o.Fingerprint == l.Fingerprint && idle(o) <= idle(l) && o.ID != l.ID {
					fewer++
				}
			}
			if l.Kind != Layer {
				fewer = math.MaxInt // no promise is made of it
			}
			if fewer < p.KeepLast && fate[l.ID] == "victim" {
				problem("%s is among the last %d", l.ID, p.KeepLast)
			}
			if more := fewer >= p.KeepLast; more && named(l) && !protected(l) && fate[l.ID] == "kept" && !tied(list, l, idle) {
				problem("%s has to go", l.ID)
			}
		}
		delete(count, "")
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
func tied(list []Item, l Item, idle func(Item) time.Duration) bool {
	return slices.ContainsFunc(list, func(o Item) bool {
		return o.ID != l.ID && o.Fingerprint == l.Fingerprint && idle(o) == idle(l)
	})
}

func TestFit(t *testing.T) {
	list := []Item{layer("a", "x", 4*day), layer("b", "x", 3*day), layer("c", "x", 2*day, label), layer("d", "y", 9*day)}
	share := func(amount int64, layers ...string) Share { return Share{Amount: amount, Items: layers} }
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
		{"a goal that is met", data, nil, Policy{KeepUnder: 165}, "| d:unmatched a:unmatched b:unmatched c:labelled", Outcome{165, 0, 0}},
		{"the cheapest byte", data, nil, Policy{KeepUnder: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
		{"what is shared goes with the last", data, nil, Policy{KeepUnder: 154}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 30, 0}},
		{"more than can be had", data, nil, Policy{KeepUnder: 1}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 30, 0}},
		{"labels that do not protect", data, nil, Policy{KeepUnder: 1, Labelled: true}, "d:space a:space b:space c:space |", Outcome{0, 165, 0}},
		{"the last of each", data, nil, Policy{KeepUnder: 1, KeepLast: 1}, "a:space b:space | d:last c:labelled", Outcome{135, 30, 0}},
		{"all are the last", data, nil, Policy{KeepUnder: 164, KeepLast: 3}, "| d:last a:last b:last c:labelled", Outcome{165, 0, 0}},
		{"what goes by age is enough", data, nil, Policy{KeepUnder: 155, MaxAge: Every(3*day + 12*time.Hour)}, "d:unused a:unused | b:unmatched c:labelled", Outcome{155, 10, 0}},

		{"free", data, nil, Policy{Free: 10}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
		{"what others hold frees nothing", held, nil, Policy{Free: 1}, "a:space b:space | d:unmatched c:labelled", Outcome{135, 20, 0}},
		{"and does not count for the size", held, nil, Policy{KeepUnder: 155}, "| d:unmatched a:unmatched b:unmatched c:labelled", Outcome{155, 0, 0}},
		{"what stays in any case counts, and frees nothing", []Share{{Amount: 100, Items: []string{"a"}, Stays: true}, share(30, "b"), {Amount: 7, Stays: true}}, nil, Policy{KeepUnder: 120}, "b:space | d:unmatched a:unmatched c:labelled", Outcome{107, 30, 0}},
		{"a goal that cannot be met takes nothing that frees nothing", []Share{{Amount: 100, Items: []string{"a"}, Held: true}, share(30, "c"), share(10, "d")}, nil, Policy{Free: 100}, "d:space | a:unmatched b:unmatched c:labelled", Outcome{30, 10, 0}},
		{"two that share only with each other", two, nil, Policy{Free: 11}, "a:space b:space | d:unmatched c:labelled", Outcome{10, 50, 0}},
		{"what is dear goes where nothing else frees", data, []Share{share(60_000, "a"), share(1000, "b")}, Policy{KeepUnder: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 60_000}},
		{"work that another has costs nothing", data, []Share{share(60_000, "a", "c")}, Policy{KeepUnder: 164}, "a:space | d:unmatched b:unmatched c:labelled", Outcome{155, 10, 0}},
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
				share := Share{Amount: 1 + r.Int64N(1000), Held: r.IntN(6) == 0, Stays: r.IntN(6) == 0}
				for _, l := range list {
					if r.IntN(4) == 0 {
						share.Items = append(share.Items, l.ID)
					}
				}
				all = append(all, share)
			}
			return all
		}
		s.Data, s.Work = shares(), shares()
		p.KeepUnder, p.Free = []int64{0, r.Int64N(20_000)}[r.IntN(2)], []int64{0, r.Int64N(9000)}[r.IntN(2)]
		plan := New(list, p, now)
		before := text(plan)
		goes := func(without func(id string) bool) (o Outcome) {
			for _, d := range s.Data {
				stays := d.Stays || slices.ContainsFunc(d.Items, func(id string) bool { return !without(id) })
				switch {
				case d.Held:
				case stays:
					o.Size += d.Amount
				case len(d.Items) > 0:
					o.Frees += d.Amount
				}
			}
			for _, w := range s.Work {
				if !w.Held && !w.Stays && len(w.Items) > 0 && !slices.ContainsFunc(w.Items, func(id string) bool { return !without(id) }) {
					o.Costs += w.Amount
				}
			}
			return o
		}
		met := func(o Outcome) bool {
			return (p.KeepUnder <= 0 || o.Size <= p.KeepUnder) && (p.Free <= 0 || o.Frees >= p.Free)
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
			if without := goes(func(id string) bool { return gone(id) && id != c.ID }); c.Why == Space && !met(got) && without.Frees == got.Frees {
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
	var list []Item
	var s Shares
	for i := range 1000 {
		l := layer(fmt.Sprintf("%04d", i), string(rune('a'+i%20)), time.Duration(1000-i)*time.Hour)
		list = append(list, l)
		s.Data = append(s.Data, Share{Amount: 1 + r.Int64N(1<<20), Items: []string{l.ID}})
		s.Work = append(s.Work, Share{Amount: r.Int64N(9000), Items: []string{l.ID}})
	}
	for range 2000 {
		from := r.IntN(1000)
		share := Share{Amount: 1 + r.Int64N(1<<22)}
		for _, l := range list[from:min(1000, from+1+r.IntN(300))] {
			share.Items = append(share.Items, l.ID)
		}
		s.Data = append(s.Data, share)
		s.Work = append(s.Work, Share{Amount: 1 + share.Amount>>12, Items: share.Items})
	}
	p := Policy{Free: 2 << 30, Margins: None}
	for b.Loop() {
		plan := New(list, p, now)
		plan.Fit(s, p, now)
	}
}

func automatic(origin string) func(*Item) {
	return func(l *Item) { l.Automatic, l.Origin = true, origin }
}

// Of layers that nobody has asked for two stay of a checkout and eight of a fingerprint, and what was used again.
func TestSuperseded(t *testing.T) {
	var many []Item
	for n := range 12 {
		many = append(many, layer(fmt.Sprintf("m%02d", n), "many", time.Duration(n)*time.Minute, automatic(fmt.Sprint("o", n))))
	}
	tests := []struct {
		name   string
		layers []Item
		want   string
	}{
		{"of one checkout", []Item{
			layer("a", "x", 4*time.Minute, automatic("o")), layer("b", "x", 3*time.Minute, automatic("o")), layer("c", "x", 2*time.Minute, automatic("o")),
			layer("d", "x", time.Minute, automatic("o")),
		}, "a:superseded b:superseded | c:recent d:recent"},
		{"asked for", []Item{
			layer("a", "x", 4*time.Minute, automatic("o")), layer("b", "x", 3*time.Minute), layer("c", "x", 2*time.Minute), layer("d", "x", time.Minute),
		}, "| a:recent b:recent c:recent d:recent"},
		{"labelled, pinned, leased", []Item{
			layer("a", "x", 9*time.Minute, automatic("o"), label), layer("b", "x", 8*time.Minute, automatic("o"), pinned),
			layer("c", "x", 7*time.Minute, automatic("o"), leased), layer("d", "x", 2*time.Minute, automatic("o")), layer("e", "x", time.Minute, automatic("o")),
		}, "| a:labelled b:pinned c:leased d:recent e:recent"},
		{"of two checkouts", []Item{
			layer("a", "x", 4*time.Minute, automatic("o")), layer("b", "x", 3*time.Minute, automatic("p")), layer("c", "x", 2*time.Minute, automatic("o")),
			layer("d", "x", time.Minute, automatic("p")),
		}, "| a:recent b:recent c:recent d:recent"},
		{"of two fingerprints", []Item{
			layer("a", "x", 4*time.Minute, automatic("o")), layer("b", "y", 3*time.Minute, automatic("o")), layer("c", "x", 2*time.Minute, automatic("o")),
			layer("d", "y", time.Minute, automatic("o")),
		}, "| a:recent b:recent c:recent d:recent"},
		{"used again", []Item{
			layer("a", "x", 30*day, automatic("o"), used(6*day)), layer("b", "x", 30*day, automatic("o"), used(8*day)),
			layer("c", "x", 5*day, automatic("o"), used(5*day-time.Minute)), layer("d", "x", 4*day, automatic("o")), layer("e", "x", 3*day, automatic("o")),
		}, "b:superseded c:superseded | a:unmatched d:unmatched e:unmatched"},
		{"of one fingerprint", many, "m11:superseded m10:superseded m09:superseded m08:superseded | m07:recent m06:recent m05:recent m04:recent m03:recent m02:recent m01:recent m00:recent"},
	}
	for _, tt := range tests {
		if got := text(New(tt.layers, Policy{Superseded: true}, now)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}
