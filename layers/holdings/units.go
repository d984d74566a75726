package holdings

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
	"github.com/cargo-cow/cargo-cow/layers/index"
)

// Units are the units of all layers, each once, whatever number of layers hold it. Like a
// Survey they are what was there, and do not change.
type Units struct {
	// Layers is how many layers were read.
	Layers int
	list   []contents.Unit
	index  *index.Index
}

// LookAtUnits looks at the units of layers, in this order, each in the first layer that has
// it. A layer that has none but those that were seen before is not read, by what the index
// says: of many of one lineage few are. What read cannot read has nothing to give.
func LookAtUnits(ctx context.Context, x *index.Index, layers []string, read func(ctx context.Context, layer string) (*contents.Contents, error)) (*Units, error) {
	us := &Units{index: x}
	seen := map[string]bool{}
	for _, id := range layers {
		if !hasMore(x, id, seen) {
			continue
		}
		c, err := read(ctx, id)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // it was removed meanwhile, or Check tells of it
		}
		us.Layers++
		for _, u := range c.Units {
			if !seen[u.Key] {
				seen[u.Key] = true
				us.list = append(us.list, u)
			}
		}
		// What the index alone knows of is looked for only once.
		for key := range x.HeldBy(id) {
			seen[key] = true
		}
	}
	return us, nil
}

func hasMore(x *index.Index, layer string, seen map[string]bool) bool {
	for key := range x.HeldBy(layer) {
		if !seen[key] {
			return true
		}
	}
	return false
}

// A UnitGroup is units that belong together.
type UnitGroup struct {
	Name, Source string
	Units        int
	Layers       int   // how many hold any of them
	Bytes        int64 // of their files, each once, by their length
	Cost         int64 // of building them, in ms
}

// ByPackage puts the units of a package together: all that bear one name and version and
// come from one kind of source. The largest come first.
func (us *Units) ByPackage() []UnitGroup {
	return us.by(func(u *contents.Unit) UnitGroup {
		return UnitGroup{Name: strings.TrimSpace(u.Package + " " + u.Version), Source: u.Source}
	})
}

// ByProfile puts those together that lie in one directory of a build directory: debug,
// x86_64-unknown-linux-gnu/release. The largest come first.
func (us *Units) ByProfile() []UnitGroup {
	return us.by(func(u *contents.Unit) UnitGroup { return UnitGroup{Name: u.Profile} })
}

// All is what all units take together.
func (us *Units) All() UnitGroup {
	for _, g := range us.by(func(*contents.Unit) UnitGroup { return UnitGroup{} }) {
		return g
	}
	return UnitGroup{}
}

// by puts those units together for which called returns the same.
func (us *Units) by(called func(u *contents.Unit) UnitGroup) []UnitGroup {
	members := map[UnitGroup][]int{}
	for i := range us.list {
		g := called(&us.list[i])
		members[g] = append(members[g], i)
	}
	var list []UnitGroup
	for g, all := range members {
		keys := func(yield func(key string) bool) {
			for _, i := range all {
				if !yield(us.list[i].Key) {
					return
				}
			}
		}
		g.Units, g.Layers = len(all), us.index.Holders(keys)
		for _, i := range all {
			g.Bytes += us.list[i].Size
			g.Cost += us.index.Cost(us.list[i].Key)
		}
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b UnitGroup) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name), strings.Compare(a.Source, b.Source))
	})
	return list
}
