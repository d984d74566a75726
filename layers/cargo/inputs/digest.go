package inputs

import (
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// fileState is the content of a file and the latest time it can have changed.
type FileState struct {
	Digest  string
	Err     error
	Changed int64 // in ns
}

// digester reads each file once. It is safe for concurrent use.
type Digester struct {
	mu    sync.Mutex
	files map[string]*FileState
}

// NewDigester returns a digester that has read nothing yet.
func NewDigester() *Digester { return &Digester{files: map[string]*FileState{}} }

// File returns the state of a regular file, links followed. A file that is not
// there, or is no file, has an err.
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

// Prefetch reads the files in parallel, so that the digests are at hand when asked
// for one by one.
func (d *Digester) Prefetch(paths []string, workers int) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := range work {
				d.File(p)
			}
		})
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	wg.Wait()
}
