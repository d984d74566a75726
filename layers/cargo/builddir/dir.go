// Package builddir reads a build directory as Cargo has left it, in both of its layouts: profiles,
// units with their files and what they were built from, Cargo's locks, and what lies beside the units.
// It changes nothing but the locks. What is read of a directory is true as long as its locks are held;
// a Dir is for one goroutine unless a method says otherwise.
package builddir

import (
	"sync"

	"golang.org/x/sys/unix"
)

// stampFile looks at a file of the build directory. The name is relative to it:
// that saves the kernel half of the way to each of thousands of files.
func (s *Dir) stampFile(name string) (Stamp, bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(s.fd, name, &st, 0); err != nil {
		return Stamp{}, false
	}
	return Stamp{st.Mtim.Nano(), st.Ino}, true
}

// Dir is a build directory with the units in it.
type Dir struct {
	Path       string
	fd         int // dir, while it is scanned
	cargoHome  string
	Profiles   []string
	Layout     string
	Units      []*Unit
	Cache      map[string]*Unit
	CacheLines int // of the recall

	mu      sync.Mutex
	written map[string]*outputIndex // of all units, by profile; see outputsIn
}

// outputsIn lists what lies in a profile, once: whoever asks for the files of many
// units must not change the directory meanwhile.
func (s *Dir) outputsIn(profile string) (*outputIndex, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.written[profile]; o != nil {
		return o, nil
	}
	o, err := newOutputIndex(s.Path, profile, nil)
	if err != nil {
		return nil, err
	}
	if s.written == nil {
		s.written = map[string]*outputIndex{}
	}
	s.written[profile] = o
	return o, nil
}

// WithDependents returns the units of which is holds, and all that stand above one.
func (s *Dir) WithDependents(is func(*Unit) bool) map[*Unit]bool {
	found := map[*Unit]bool{}
	var up func(u *Unit)
	up = func(u *Unit) {
		if !found[u] {
			found[u] = true
			for _, a := range u.Dependents {
				up(a)
			}
		}
	}
	for _, u := range s.Units {
		if is(u) {
			up(u)
		}
	}
	return found
}
