package inputs

import (
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
)

// FileState is the content of a file and the latest time it can have changed.
type FileState struct {
	Digest  string
	Err     error // why there is no digest
	Changed int64 // ns
}

// Digester reads each file once. It is safe for concurrent use.
type Digester struct {
	mu    sync.Mutex
	files map[string]*FileState
}

// NewDigester returns a digester that has read nothing yet.
func NewDigester() *Digester { return &Digester{files: map[string]*FileState{}} }

// File returns the state of a regular file, links followed. What is missing, or is no
// regular file, has an Err.
func (d *Digester) File(path string) *FileState {
	d.mu.Lock()
	st := d.files[path]
	d.mu.Unlock()
	if st != nil {
		return st
	}
	f, err := digest.OfFile(path)
	if st = (&FileState{Digest: f.Digest, Err: err}); err == nil {
		st.Changed = f.Changed.UnixNano()
	}
	d.mu.Lock()
	d.files[path] = st
	d.mu.Unlock()
	return st
}

// Prefetch reads files, several at a time, so that File need not read them one by one.
func (d *Digester) Prefetch(paths []string) {
	parallel.Do(len(paths), func(i int) { d.File(paths[i]) })
}
