package model

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// shrinkFor bounds the search for fewer operations: whoever waits for it has the long
	// list already.
	shrinkFor = 90 * time.Second
	// tries is how often a shorter sequence is run that does not fail at once: what comes
	// of a race does not come each time.
	tries = 2
)

// shrink looks for fewer operations that fail as well, and returns what then happens.
func (w *world) shrink(seq *sequence) error {
	until := time.Now().Add(shrinkFor)
	var best error
	fails := func(s *sequence) bool {
		for range tries {
			if time.Now().After(until) {
				return false
			}
			r, err := runSequence(w, s)
			if errors.Is(err, errViolated) {
				best = fmt.Errorf("fewer operations fail as well: %w\nwhat was done:\n%s", err, r.transcript())
				return true
			}
			if err != nil {
				return false
			}
		}
		return false
	}
	if !fails(seq) {
		return errors.New("run once more, it does not fail: what it came of is in the order of the processes")
	}
	for shorter := true; shorter; {
		shorter = false
		for _, s := range simpler(seq) {
			if fails(s) {
				seq, shorter = s, true
				break
			}
		}
	}
	return best
}

// simpler lists sequences that have less: half of the rounds, one round less, one process
// or operation less.
func simpler(seq *sequence) []*sequence {
	var list []*sequence
	add := func(rounds []round) {
		if len(rounds) > 0 {
			list = append(list, &sequence{seq.seed, seq.skewed, rounds})
		}
	}
	n := len(seq.rounds)
	if n > 3 {
		add(slices.Clone(seq.rounds[:n/2]))
		add(slices.Clone(seq.rounds[n/2:]))
		add(slices.Clone(seq.rounds[:n*3/4]))
		add(slices.Clone(seq.rounds[n/4:]))
	}
	for i := range slices.Backward(seq.rounds) {
		add(slices.Delete(slices.Clone(seq.rounds), i, i+1))
	}
	for i, rd := range seq.rounds {
		for p := range rd.ops {
			for o := range rd.ops[p] {
				rounds, less := slices.Clone(seq.rounds), rd
				less.ops[p] = slices.Delete(slices.Clone(rd.ops[p]), o, o+1)
				rounds[i] = less
				add(rounds)
			}
		}
	}
	return list
}
