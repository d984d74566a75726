package space

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/internal/bitset"
)

// A Piece is data that certain trees hold, each all of it, and no other tree any, as far
// as is known.
type Piece struct {
	Bytes   int64
	Holders []int // indices of trees, in order
	// Elsewhere: something that is none of the trees holds it, too, says the file system.
	// It can tell only of data that is referred to once as far as is known.
	Elsewhere bool
}

// Pieces says what trees take together, by who shares it. maps are those of all trees,
// nil for one that is gone.
func Pieces(maps []*Map) []Piece {
	c := &census{pieces: map[pieceKey]*Piece{}, marks: make([]mark, len(maps))}
	seed := rand.NewPCG(1, 2) // any numbers do that are all different
	for i := range c.marks {
		c.marks[i] = mark{seed.Uint64(), seed.Uint64()}
	}
	c.windows(maps)
	for i, m := range maps {
		if m != nil && m.Apart > 0 {
			c.add(c.marks[i], m.Apart, false, func() []int { return []int{i} })
		}
	}
	list := make([]Piece, 0, len(c.pieces))
	for _, p := range c.pieces {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Piece) int {
		return cmp.Or(slices.Compare(a.Holders, b.Holders), cmp.Compare(a.Bytes, b.Bytes))
	})
	return list
}

// mark is a number for a tree. That of a set of trees is the exclusive or of theirs: of
// 128 bits, so that no two sets that ever are have the same.
type mark [2]uint64

func (m mark) xor(o mark) mark { return mark{m[0] ^ o[0], m[1] ^ o[1]} }

type pieceKey struct {
	mark
	elsewhere bool
}

type census struct {
	pieces map[pieceKey]*Piece
	marks  []mark
}

func (c *census) add(m mark, bytes int64, elsewhere bool, holders func() []int) {
	key := pieceKey{m, elsewhere}
	p := c.pieces[key]
	if p == nil {
		p = &Piece{Holders: holders(), Elsewhere: elsewhere}
		c.pieces[key] = p
	}
	p.Bytes += bytes
}

// A group is trees that have the same in one window.
type group struct {
	spans []span
	trees bitset.Set
	mark  mark
	many  bool // trees
}

// windows goes through the disk, window by window.
func (c *census) windows(maps []*Map) {
	type place struct {
		disk   string
		number uint64
	}
	type same struct {
		place
		sum [32]byte
	}
	groups := map[same]*group{}
	byWindow := map[place][]*group{}
	for i, m := range maps {
		if m == nil {
			continue
		}
		for _, w := range m.windows {
			key := same{place{m.disk, w.number}, w.sum}
			g := groups[key]
			if g == nil {
				g = &group{spans: w.spans}
				groups[key] = g
				byWindow[key.place] = append(byWindow[key.place], g)
			}
			g.many = g.mark != mark{}
			g.trees.Add(i)
			g.mark = g.mark.xor(c.marks[i])
		}
	}
	for _, list := range byWindow {
		c.window(list)
	}
}

// An edge is where a span of a group begins or ends.
type edge struct {
	at    uint64
	group int
	open  bool
	span  *span
}

func (c *census) window(groups []*group) {
	var edges []edge
	packed := map[uint64][]edge{}
	for n, g := range groups {
		for i := range g.spans {
			s := &g.spans[i]
			if s.packed {
				packed[s.at] = append(packed[s.at], edge{s.at, n, true, s})
				continue
			}
			edges = append(edges, edge{s.at, n, true, s}, edge{s.at + s.length, n, false, s})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	open := map[int]*span{}
	var m mark
	at := uint64(0)
	for _, e := range edges {
		if e.at > at && len(open) > 0 {
			c.count(groups, open, m, int64(e.at-at))
		}
		at = e.at
		m = m.xor(groups[e.group].mark)
		// A group's spans do not overlap, but one may end where the next begins.
		if e.open {
			open[e.group] = e.span
		} else if open[e.group] == e.span {
			delete(open, e.group)
		}
	}
	starts := make([]uint64, 0, len(edges)+len(packed))
	for _, e := range edges {
		if e.open {
			starts = append(starts, e.at)
		}
	}
	for at := range packed {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	for at, list := range packed {
		clear(open)
		m, longest := mark{}, uint64(0)
		for _, e := range list {
			open[e.group] = e.span
			m, longest = m.xor(groups[e.group].mark), max(longest, e.span.length)
		}
		c.count(groups, open, m, int64(min(longest, next(starts, at)-at)))
	}
}

// next is the first of starts behind at. A compressed extent ends there if not before: two do
// not overlap on a disk. Btrfs writes those of a file one behind the other, so that this is most
// often where it ends, which only root may ask for (Linux fs/btrfs/ioctl.c:tree_search_v2).
func next(starts []uint64, at uint64) uint64 {
	i, _ := slices.BinarySearch(starts, at+1)
	if i == len(starts) {
		return 1<<64 - 1
	}
	return starts[i]
}

// count counts bytes that all groups hold which are open.
func (c *census) count(groups []*group, open map[int]*span, m mark, bytes int64) {
	elsewhere := false
	if len(open) == 1 {
		for n, s := range open {
			elsewhere = s.shared && !s.twice && !groups[n].many
		}
	}
	c.add(m, bytes, elsewhere, func() []int {
		var all []int
		for n := range open {
			groups[n].trees.Each(func(i int) { all = append(all, i) })
		}
		slices.Sort(all)
		return all
	})
}
