package world

import (
	"crypto/sha256"
	"os"
	"path/filepath"
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

// beside tells two states of what lies beside the checkouts apart. Tools keep what is theirs there as well, in directories
// that no history writes to.
func (w *World) beside() string {
	entries, err := os.ReadDir(w.Dir)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() || name == "ext" || name == ".cargo" {
			all = append(all, name, digest(filepath.Join(w.Dir, name)))
		}
	}
	return strings.Join(all, "\x00")
}

// truth is the outcome of a clean build of what lies in c now: sources and what lies beside the checkouts by content, the
// commit, the command and its environment.
func (c *Checkout) truth(args []string) (*Outcome, error) {
	w := c.World
	key := sha256.Sum256([]byte(strings.Join([]string{c.Dir, strings.Join(args, "\x00"), strings.Join(c.cleanEnv(), "\x00"), c.head(),
		digest(c.Dir, ".git", "target", "intermediate"), w.beside()}, "\x01")))
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
