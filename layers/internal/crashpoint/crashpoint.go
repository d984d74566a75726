// Package crashpoint names the instants at which a crash must do no harm, so
// that tests can crash there. A package that writes declares its points,
//
//	var staged = crashpoint.New("restore.staged")
//
// and passes them with staged.Hit(). A point that is not armed costs one atomic
// load. All functions may be called by any number of goroutines at once.
package crashpoint

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrInjected is what Hit returns at a point armed with "error".
var ErrInjected = errors.New("injected fault")

const (
	off int32 = iota
	kill
	stop
	fail
)

var actions = map[string]int32{"kill": kill, "stop": stop, "error": fail}

var (
	mu     sync.Mutex
	points = map[string]*Point{} // guarded by mu
)

// Point is one named instant.
type Point struct {
	name   string
	action atomic.Int32
}

// New registers a point. It is meant for the initialisation of package variables
// and panics if the name is taken, empty or contains "=" or ",".
func New(name string) *Point {
	mu.Lock()
	defer mu.Unlock()
	if name == "" || strings.ContainsAny(name, "=,") {
		panic(fmt.Sprintf("crashpoint: bad name %q", name))
	}
	if points[name] != nil {
		panic(fmt.Sprintf("crashpoint: name %q is taken", name))
	}
	p := &Point{name: name}
	points[name] = p
	return p
}

// All returns the names of all points, sorted.
func All() []string {
	mu.Lock()
	defer mu.Unlock()
	names := make([]string, 0, len(points))
	for name := range points {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Arm disarms all points and then arms those in spec, a comma-separated list of
// name=action: "kill" ends the process with SIGKILL, "stop" stops it with SIGSTOP
// until somebody sends SIGCONT, and "error" makes Hit return ErrInjected. An error
// leaves everything as it was.
func Arm(spec string) error {
	mu.Lock()
	defer mu.Unlock()
	armed := map[string]int32{}
	for entry := range strings.SplitSeq(spec, ",") {
		if entry == "" {
			continue
		}
		name, verb, _ := strings.Cut(entry, "=")
		action, ok := actions[verb]
		if !ok {
			return fmt.Errorf("arm crash point %q: unknown action %q", name, verb)
		}
		if points[name] == nil {
			return fmt.Errorf("arm crash point %q: no such point", name)
		}
		armed[name] = action
	}
	for name, p := range points {
		p.action.Store(armed[name])
	}
	return nil
}

// Hit passes the point. It returns nil unless the point is armed with "error".
func (p *Point) Hit() error {
	switch p.action.Load() {
	case off:
		return nil
	case kill:
		raise(unix.SIGKILL)
	case stop:
		raise(unix.SIGSTOP)
	case fail:
		return fmt.Errorf("crash point %s: %w", p.name, ErrInjected)
	}
	return nil
}

// raise signals this very thread, so that the signal has taken effect when it
// returns; one sent to the process may be taken by another thread a moment later.
func raise(sig unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), sig); err != nil {
		panic(fmt.Sprintf("crashpoint: send %v to self: %v", sig, err))
	}
}
