// Package usage knows when layers, units, build directories and toolchains were last used:
// a database, into which commands that have the time fold the stamps that others leave.
// Whoever restores, seals or compiles stamps a file, and never opens the database.
//
// It is advice. Lost or damaged, it is made again from the stamps, which know all but how
// often something was used and since when; where it cannot be written, the stamps alone
// serve. Any number of processes may fold at once: one after the other gets at the
// database, and none lowers what another has found. A Known is a value that nobody
// changes.
package usage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/lastuse"
)

// Kind is what is used. The values are in the database.
type Kind string

const (
	Layer     Kind = "layer"     // by its id
	Unit      Kind = "unit"      // a record of the warehouse, by its path below the units there
	Directory Kind = "directory" // a build directory, by its path
	Toolchain Kind = "toolchain" // by the first line of rustc -vV
)

// Item is something with its uses.
type Item struct {
	Key         string
	First, Last time.Time
	Uses        int64 // how many were noticed, of which there may have been more
}

// A Stamp says that something was used at a time.
type Stamp struct {
	Kind Kind
	Key  string
	At   time.Time
}

// Known is what is known of all uses.
type Known map[Kind]map[string]Item

// Last returns when something was last used, to within lastuse.Interval; the zero time if
// nothing is known of it.
func (k Known) Last(kind Kind, key string) time.Time { return k[kind][key].Last }

// All lists the items of a kind, the last used first.
func (k Known) All(kind Kind) []Item {
	list := make([]Item, 0, len(k[kind]))
	for _, it := range k[kind] {
		list = append(list, it)
	}
	slices.SortFunc(list, func(a, b Item) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Key, b.Key))
	})
	return list
}

// fold takes stamps into what is known, and returns what is then to be written, in order.
func (k Known) fold(stamps []Stamp, now time.Time) []Stamp {
	var changed []Stamp
	for _, s := range latest(stamps, now) {
		if it, ok := k[s.Kind][s.Key].after(s.At, now); ok {
			it.Key = s.Key
			if k[s.Kind] == nil {
				k[s.Kind] = map[string]Item{}
			}
			k[s.Kind][s.Key] = it
			changed = append(changed, s)
		}
	}
	return changed
}

// latest returns one stamp for each item, sorted: the last of those that are possible.
func latest(stamps []Stamp, now time.Time) []Stamp {
	sorted := slices.Clone(stamps)
	slices.SortFunc(sorted, func(a, b Stamp) int {
		ahead := func(s Stamp) int {
			if isAhead(s.At, now) {
				return 1
			}
			return 0
		}
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Key, b.Key),
			cmp.Compare(ahead(a), ahead(b)), b.At.Compare(a.At))
	})
	return slices.CompactFunc(sorted, func(a, b Stamp) bool { return a.Kind == b.Kind && a.Key == b.Key })
}

// isAhead reports whether a time lies so far in the future that the clock must have been
// set back since.
func isAhead(at, now time.Time) bool { return at.Sub(now) >= lastuse.Interval }

// after returns it after a use, and whether that is news: what is not later by an Interval
// is not worth a write. A last use is never lowered, unless it lies in the future.
func (it Item) after(at, now time.Time) (Item, bool) {
	known := !it.Last.IsZero()
	wrong := known && isAhead(it.Last, now)
	switch {
	case isAhead(at, now) && known && !wrong:
		return it, false // a stamp that says nothing
	case isAhead(at, now):
		at = now
	}
	switch {
	case !known:
		return Item{First: at, Last: at, Uses: 1}, true
	case wrong:
		it.Last = at
		if it.First.After(at) {
			it.First = at
		}
		return it, true
	case at.Sub(it.Last) < lastuse.Interval:
		return it, false
	}
	it.Last = at
	it.Uses++
	return it, true
}
