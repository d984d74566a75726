// Package builddir reads a build directory as Cargo has left it, in both of its layouts: profiles,
// units with their files and what they were built from, Cargo's locks, and what lies beside the units.
// It changes nothing but the locks. What is read of a directory is true as long as its locks are held;
// a Dir is for one goroutine unless a method says otherwise.
package builddir

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Dir is a build directory with the units in it.
type Dir struct {
	Path     string   // absolute
	Profiles []string // profile directories, relative to Path
	Layout   string   // LayoutClassic or LayoutUnits; "" where there is no unit
	Units    []*Unit

	cargoHome  string
	fd         int              // of the directory, while it is scanned
	cache      map[string]*Unit // the unit cache it was scanned with, by UnitDir.Record
	cacheLines int              // in the text of that
	cacheSize  int              // of the text, in bytes

	mu      sync.Mutex
	written map[string]*outputIndex // of all units, by profile; see outputsIn
}

// stampFile looks at a file of the build directory. The name is relative to it:
// that saves the kernel half of the way to each of thousands of files.
func (d *Dir) stampFile(name string) (stamp, bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, 0); err != nil {
		return stamp{}, false
	}
	return stamp{st.Mtim.Nano(), st.Ino}, true
}

// outputsIn returns what units have written in a profile. The directory is listed once:
// nobody may change it between two calls. It is safe for concurrent use.
func (d *Dir) outputsIn(profile string) (*outputIndex, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.written[profile]; o != nil {
		return o, nil
	}
	o, err := newOutputIndex(d.Path, profile, nil)
	if err != nil {
		return nil, err
	}
	if d.written == nil {
		d.written = map[string]*outputIndex{}
	}
	d.written[profile] = o
	return o, nil
}

// WithDependents returns the units for which is returns true, and all that depend on
// one of them, directly or not.
func (d *Dir) WithDependents(is func(*Unit) bool) map[*Unit]bool {
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
	for _, u := range d.Units {
		if is(u) {
			up(u)
		}
	}
	return found
}
