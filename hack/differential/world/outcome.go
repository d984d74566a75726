package world

import (
	"crypto/sha256"
	"sync"
)

// An Outcome is what came of one run of cargo: whether it succeeded, and what its programs or tests printed.
type Outcome struct {
	Succeeded bool
	Says      []string // lines KEY=VALUE, each behind the name of the program, sorted
	Error     string   // what rustc or cargo said was wrong
	Units     []Unit   `json:"-"` // what cargo reported on
	First     bool     `json:"-"` // nothing was built there before
}

// A Unit is one that cargo reported on.
type Unit struct {
	Package, Target, Kind string
	// ID is what cargo calls it in the build directory, such as debug/app-407a90833ee3607c; "" where its files do not tell, as
	// those of programs do not.
	ID    string
	Fresh bool
}

func (u Unit) String() string { return u.Package + " " + u.Target + " " + u.Kind + " " + u.ID }

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
