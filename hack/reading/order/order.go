package order

import (
	"cmp"
	"maps"
	"slices"
)

// A Climb is a use that runs against an order: of what stands in a file already read.
type Climb struct {
	Pair
	Names []string
}

// Order returns the files of the package in a reading order, each before what it uses as far as that can be, and the
// climbs that are left. It makes their number small, each counted once however much is used; it does not prove that none
// is smaller. The same uses always give the same order.
func (p Package) Order() (files []string, climbs []Climb) {
	for _, circle := range p.circles() {
		files = append(files, p.settle(circle)...)
	}
	for i, later := range files {
		for _, earlier := range files[:i] {
			if names := p.Uses[Pair{later, earlier}]; len(names) > 0 {
				climbs = append(climbs, Climb{Pair{later, earlier}, names})
			}
		}
	}
	return files, climbs
}

// circles returns the files in groups: all that use each other, by whatever way round, are one, and a group stands
// before those that it uses. (Tarjan's strongly connected components, which he finds the other way round.)
func (p Package) circles() [][]string {
	uses := map[string][]string{}
	for _, pair := range slices.SortedFunc(maps.Keys(p.Uses), comparePairs) {
		uses[pair.From] = append(uses[pair.From], pair.To)
	}
	var (
		found  [][]string
		open   []string
		number = map[string]int{} // in the order of the visits, from 1
		lowest = map[string]int{}
		visit  func(file string)
	)
	visit = func(file string) {
		number[file] = len(number) + 1
		lowest[file] = number[file]
		open = append(open, file)
		for _, used := range uses[file] {
			if number[used] == 0 {
				visit(used)
				lowest[file] = min(lowest[file], lowest[used])
			} else if slices.Contains(open, used) {
				lowest[file] = min(lowest[file], number[used])
			}
		}
		if lowest[file] == number[file] {
			i := slices.Index(open, file)
			circle := slices.Sorted(slices.Values(open[i:]))
			open = open[:i]
			found = append(found, circle)
		}
	}
	for _, file := range slices.Sorted(slices.Values(p.Files)) {
		if number[file] == 0 {
			visit(file)
		}
	}
	slices.Reverse(found)
	return found
}

func comparePairs(a, b Pair) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// settle orders the files of one circle. It begins with each of them on top once, and keeps the best outcome.
func (p Package) settle(circle []string) []string {
	g := graph{n: len(circle), uses: make([]bool, len(circle)*len(circle))}
	for i, from := range circle {
		for j, to := range circle {
			g.uses[i*g.n+j] = len(p.Uses[Pair{from, to}]) > 0
		}
	}
	var best []int
	for top := range circle {
		order := g.greedy(top)
		g.sift(order)
		if best == nil || g.climbs(order) < g.climbs(best) {
			best = order
		}
	}
	var files []string
	for _, i := range best {
		files = append(files, circle[i])
	}
	return files
}

// A graph is n files, by number, and which of them uses which.
type graph struct {
	n    int
	uses []bool
}

// climb is 1 if later, read after earlier, uses it.
func (g graph) climb(later, earlier int) int {
	if g.uses[later*g.n+earlier] {
		return 1
	}
	return 0
}

func (g graph) climbs(order []int) (n int) {
	for i, later := range order {
		for _, earlier := range order[:i] {
			n += g.climb(later, earlier)
		}
	}
	return n
}

// greedy takes next, after the one on top, always the file that uses most and is used least of those that are left.
func (g graph) greedy(top int) []int {
	order := []int{top}
	for len(order) < g.n {
		next, most := -1, 0
		for file := range g.n {
			if slices.Contains(order, file) {
				continue
			}
			surplus := 0
			for other := range g.n {
				if !slices.Contains(order, other) {
					surplus += g.climb(file, other) - g.climb(other, file)
				}
			}
			if next < 0 || surplus > most {
				next, most = file, surplus
			}
		}
		order = append(order, next)
	}
	return order
}

// sift moves single files to where they cause the fewest climbs, for as long as that saves any.
func (g graph) sift(order []int) {
	for saved := true; saved; {
		saved = false
		for file := range g.n {
			from := slices.Index(order, file)
			if to := g.bestMove(order, from); to != from {
				moved := slices.Insert(slices.Delete(slices.Clone(order), from, from+1), to, file)
				copy(order, moved)
				saved = true
			}
		}
	}
}

// bestMove returns the place in order at which the file that is at from causes the fewest climbs; from itself unless
// another is better.
func (g graph) bestMove(order []int, from int) int {
	file, best, least := order[from], from, 0
	change := 0
	for to := from - 1; to >= 0; to-- { // the file comes before order[to]
		change += g.climb(order[to], file) - g.climb(file, order[to])
		if change < least {
			best, least = to, change
		}
	}
	change = 0
	for to := from + 1; to < len(order); to++ { // it comes after order[to]
		change += g.climb(file, order[to]) - g.climb(order[to], file)
		if change < least {
			best, least = to, change
		}
	}
	return best
}
