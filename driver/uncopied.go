package driver

import (
	"context"
	"slices"
	"sync"
)

// Uncopied is what was found in a build directory and cannot be copied: sockets,
// pipes, devices, and what the user may not read. No build needs it.
type Uncopied struct {
	// Paths, sorted. There may be many.
	Paths []string `json:"uncopied,omitempty"`
	// Why the first was.
	Why error `json:"-"`
}

// An UncopiedList is what a driver has left out. It may be used by several goroutines at
// once.
type UncopiedList struct {
	mu  sync.Mutex
	why map[string]error
}

// CollectUncopied returns a context in which the driver tells the list what it leaves out.
func CollectUncopied(ctx context.Context) (context.Context, *UncopiedList) {
	l := &UncopiedList{why: map[string]error{}}
	return TellLeftOut(ctx, func(path string, why error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.why[path] = why
	}), l
}

// Uncopied is for when the calls are done.
func (l *UncopiedList) Uncopied() Uncopied {
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
