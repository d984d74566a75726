package world

import (
	"crypto/sha256"
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
