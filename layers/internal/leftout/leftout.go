// Package leftout collects what a driver has left out of a copy.
package leftout

import (
	"context"
	"slices"
	"sync"

	"github.com/cargo-cow/cargo-cow/driver"
)

// Files are what was found in a build directory and cannot be copied: sockets,
// pipes, devices, and what the user may not read. No build needs them.
type Files struct {
	// Paths, sorted. There may be many.
	Paths []string `json:"uncopied,omitempty"`
	// Why the first was.
	Why error `json:"-"`
}

// A List is what the driver has left out. It may be used by several goroutines at
// once.
type List struct {
	mu  sync.Mutex
	why map[string]error
}

// Collect returns a context in which the driver tells the list what it leaves out.
func Collect(ctx context.Context) (context.Context, *List) {
	l := &List{why: map[string]error{}}
	return driver.TellLeftOut(ctx, func(path string, why error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.why[path] = why
	}), l
}

// Files is for when the calls are done.
func (l *List) Files() Files {
	l.mu.Lock()
	defer l.mu.Unlock()
	var r Files
	for path := range l.why {
		r.Paths = append(r.Paths, path)
	}
	slices.Sort(r.Paths)
	if len(r.Paths) > 0 {
		r.Why = l.why[r.Paths[0]]
	}
	return r
}
