package world

import (
	"crypto/sha256"
	"strings"
	"sync"
)

// Truths are outcomes of clean builds, by all that decides them, so that what is the same for several tools, or while a
// history is made smaller, is built once. It may be used by several goroutines.
type Truths struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]*Outcome
}

func (t *Truths) get(key [sha256.Size]byte) *Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[key]
}

func (t *Truths) put(key [sha256.Size]byte, o *Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[[sha256.Size]byte]*Outcome{}
	}
	t.known[key] = o
}

// truth is the outcome of a clean build of what lies in c now: sources and what lies beside the checkouts by content, the
// commit, the command and its environment.
func (c *Checkout) truth(args []string) (*Outcome, error) {
	w := c.World
	key := sha256.Sum256([]byte(strings.Join([]string{c.Dir, strings.Join(args, "\x00"), strings.Join(c.cleanEnv(), "\x00"), c.head(),
		digest(c.Dir, ".git", "target", "intermediate"), digest(w.Dir + "/ext")}, "\x01")))
	if known := w.truths.get(key); known != nil {
		return known, nil
	}
	o, err := c.cleanBuild(args)
	if err == nil {
		w.Counts.Clean++
		w.truths.put(key, o)
	}
	return o, err
}
