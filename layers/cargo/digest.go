package cargo

import (
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// fileState is the content of a file and the latest time it can have changed.
type fileState struct {
	digest  string
	err     error
	changed int64 // in ns
}

// digester reads each file once. It is safe for concurrent use.
type digester struct {
	mu    sync.Mutex
	files map[string]*fileState
}

// newDigester returns a digester that has read nothing yet.
func newDigester() *digester { return &digester{files: map[string]*fileState{}} }

// file returns the state of a regular file, links followed. A file that is not
// there, or is no file, has an err.
func (d *digester) file(path string) *fileState {
	d.mu.Lock()
	st := d.files[path]
	d.mu.Unlock()
	if st != nil {
		return st
	}
	f, err := digest.OfFile(path)
	if st = (&fileState{digest: f.Digest, err: err}); err == nil {
		st.changed = f.Changed.UnixNano()
	}
	d.mu.Lock()
	d.files[path] = st
	d.mu.Unlock()
	return st
}

// warm reads the files in parallel, so that the digests are at hand when asked
// for one by one.
func (d *digester) warm(paths []string, workers int) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := range work {
				d.file(p)
			}
		})
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	wg.Wait()
}
