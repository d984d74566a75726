package layers

import (
	"context"
	"slices"
	"sync"

	"github.com/cargo-cow/cargo-cow/driver"
)

// Uncopied is what was found in a build directory and cannot be copied: sockets,
// pipes, devices, and what the user may not read. No build needs it.
type Uncopied struct {
	// Paths, sorted. There may be many.
	Paths []string `json:"uncopied,omitempty"`
	// Why the first was.
	Why error `json:"-"`
}

// uncopiedList is what the driver has left out. It may be used by several goroutines at
// once.
type uncopiedList struct {
	mu  sync.Mutex
	why map[string]error
}

// collectUncopied returns a context in which the driver tells the list what it leaves out.
func collectUncopied(ctx context.Context) (context.Context, *uncopiedList) {
	l := &uncopiedList{why: map[string]error{}}
	return driver.TellLeftOut(ctx, func(path string, why error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.why[path] = why
	}), l
}

// report is for when the calls are done.
func (l *uncopiedList) report() Uncopied {
	l.mu.Lock()
	defer l.mu.Unlock()
	var r Uncopied
	for path := range l.why {
		r.Paths = append(r.Paths, path)
	}
	slices.Sort(r.Paths)
	if len(r.Paths) > 0 {
		r.Why = l.why[r.Paths[0]]
	}
	return r
}
