package warehouse

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Policy is what the user wants. The zero Policy chooses nothing but garbage.
type Policy struct {
	// Chosen are records that are to go, by path, and why.
	Chosen  map[string]Reason
	MaxSize int64 // of what the loose files take, in bytes; 0: not asked for
}

// Reason is why a record goes or stays. The values are part of what the program
// prints as JSON.
type Reason string

const (
	Nowhere   Reason = "nowhere"   // its files are gone
	Space     Reason = "space"     // MaxSize asks for its space
	Recent    Reason = "recent"    // used within the last hour
	Unmatched Reason = "unmatched" // nothing asks for its removal
)

// Choice is a record with the reason for its fate, and what its removal frees after
// that of all before it.
type Choice struct {
	*Entry
	Why   Reason
	Frees int64
}

// Plan says of everything what becomes of it. Victims begin with what was not used
// for longest, so that whoever is interrupted has removed what is missed least.
type Plan struct {
	Victims, Kept []Choice
	Files         []LooseFile // that no record names, or none but victims
	Leftovers     []Leftover
	Frees         int64 // in bytes
	Exact         bool  // as far as compression allows
	Short         int64 // how far MaxSize is missed
}

// Empty reports whether nothing is to go.
func (p *Plan) Empty() bool { return len(p.Victims)+len(p.Files)+len(p.Leftovers) == 0 }

// Plan chooses. It looks at nothing but the inventory: the same one gives the same
// plan.
func (v *Inventory) Plan(p Policy, now time.Time) *Plan {
	c := planner{references: map[string]int{}, files: map[string]*LooseFile{}, plan: &Plan{Exact: true}, now: now, unreadable: v.Unreadable}
	for i := range v.Loose {
		c.files[v.Loose[i].Digest] = &v.Loose[i]
	}
	entries := make([]*Entry, len(v.Entries))
	for i := range v.Entries {
		entries[i] = &v.Entries[i]
		for _, d := range entries[i].Digests() {
			c.references[d]++
		}
	}
	slices.SortFunc(entries, func(a, b *Entry) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.Path, b.Path)) })

	for _, l := range v.Leftovers {
		if now.Sub(l.Changed) > grace {
			c.plan.Leftovers = append(c.plan.Leftovers, l)
			c.plan.Frees += l.Size
		}
	}
	for _, f := range c.files {
		c.total += f.Frees
	}
	for _, f := range c.files {
		if c.references[f.Digest] == 0 {
			c.addFile(f)
		}
	}
	var rest []*Entry
	for _, e := range entries {
		switch idle := now.Sub(e.Used); {
		case e.Location() == Gone && idle > nowhereAfter:
			c.addVictim(e, Nowhere)
		case idle > grace && p.Chosen[e.Path] != "":
			c.addVictim(e, p.Chosen[e.Path])
		default:
			rest = append(rest, e)
		}
	}
	for _, e := range rest {
		switch {
		case now.Sub(e.Used) <= grace:
			c.plan.Kept = append(c.plan.Kept, Choice{e, Recent, 0})
		case c.short(p) > 0 && c.wouldFree(e):
			c.addVictim(e, Space)
		default:
			c.plan.Kept = append(c.plan.Kept, Choice{e, Unmatched, 0})
		}
	}
	c.plan.Short = max(0, c.short(p))
	slices.SortFunc(c.plan.Files, func(a, b LooseFile) int { return strings.Compare(a.Path, b.Path) })
	slices.SortStableFunc(c.plan.Victims, func(a, b Choice) int { return a.Used.Compare(b.Used) })
	return c.plan
}

type planner struct {
	references map[string]int // how many records that stay name a loose file
	files      map[string]*LooseFile
	total      int64 // that loose files which stay take
	plan       *Plan
	now        time.Time

	unreadable bool
}

// Digests are those of a record's files, each once.
func (e *Entry) Digests() []string {
	var list []string
	for _, f := range e.Files {
		list = append(list, f.Digest)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// short is how many bytes the goal is away.
func (c *planner) short(p Policy) int64 {
	if p.MaxSize <= 0 {
		return 0
	}
	return c.total - p.MaxSize
}

// wouldFree reports whether the removal of a record's files can free anything.
func (c *planner) wouldFree(e *Entry) bool {
	return slices.ContainsFunc(e.Digests(), func(d string) bool { return c.files[d] != nil && c.files[d].Frees > 0 })
}

func (c *planner) addVictim(e *Entry, why Reason) {
	before := c.plan.Frees
	c.plan.Frees += e.RecordSize
	for _, d := range e.Digests() {
		if c.references[d]--; c.references[d] == 0 && c.files[d] != nil {
			c.addFile(c.files[d])
		}
	}
	c.plan.Victims = append(c.plan.Victims, Choice{e, why, c.plan.Frees - before})
}

// addFile gives up a loose file that nothing names any more, if it is old enough.
func (c *planner) addFile(f *LooseFile) {
	if c.unreadable || c.now.Sub(f.Changed) <= grace {
		return
	}
	c.plan.Files = append(c.plan.Files, *f)
	c.plan.Frees += f.Frees
	c.plan.Exact = c.plan.Exact && f.Exact
	c.total -= f.Frees
}

const (
	// grace is the age below which nothing is removed: not a record, since whoever
	// has just used it tends to want it again; not a temporary file, which somebody
	// may be writing; and not a loose file, the record of which may be on its way. It
	// is a multiple of touchAfter, and also covers a clock that was set.
	grace = time.Hour

	// nowhereAfter is how long a record stays whose files lie nowhere. That is where
	// what was compiled incrementally begins: a snapshot tells where its files are,
	// and the one of the evening is of what was compiled in the morning.
	nowhereAfter = 24 * time.Hour
)
