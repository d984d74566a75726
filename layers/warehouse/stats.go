package warehouse

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Stats is what events come to.
type Stats struct {
	Calls map[Kind]int
	// Reasons are why calls were compiled, by kind and then the most frequent first.
	Reasons []ReasonCount
	Saved   time.Duration // what answers had cost when they were compiled
	Spent   time.Duration // on compiling
	Shared  int64         // bytes of answers that share their content
	Copied  int64         // bytes of answers that do not
	Copies  int           // how many answers those were
}

// ReasonCount is how many calls of a kind had a reason.
type ReasonCount struct {
	Kind   Kind
	Reason string
	Calls  int
}

// allKinds are all there are, the best for the user first.
var allKinds = []Kind{Hit, Kept, Missed, Compiled, Refused}

// Sum adds up events. What is of no known kind is passed over.
func Sum(events []Event) Stats {
	s := Stats{Calls: map[Kind]int{}}
	reasons := map[ReasonCount]int{}
	for _, e := range events {
		if !slices.Contains(allKinds, e.Kind) {
			continue
		}
		s.Calls[e.Kind]++
		s.Saved += e.Saved
		s.Spent += e.Cost
		switch {
		case e.Kind != Hit && e.Kind != Kept:
			if e.Reason != "" {
				reasons[ReasonCount{e.Kind, e.Reason, 0}]++
			}
		case e.Copied:
			s.Copies++
			s.Copied += e.Bytes
		default:
			s.Shared += e.Bytes
		}
	}
	for r, n := range reasons {
		r.Calls = n
		s.Reasons = append(s.Reasons, r)
	}
	slices.SortFunc(s.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(slices.Index(allKinds, a.Kind), slices.Index(allKinds, b.Kind)), b.Calls-a.Calls, strings.Compare(a.Reason, b.Reason))
	})
	return s
}
