package cargo

import (
	"bytes"
	"os"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/reach"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// conditionalReader finds out which of inputs.Conditional a program that runs at compile
// time may read. It looks into each program once.
type conditionalReader struct {
	dir    *builddir.Dir
	macros *reach.Macros
	may    map[fileQuestion]bool
}

// fileQuestion asks whether a program may read a file.
type fileQuestion struct {
	program *builddir.Unit
	file    int // in inputs.Conditional
}

// use makes inputs of a subject of the conditional files that its script, or a macro that
// it uses, may read. Cargo does not watch them for it.
func (r *conditionalReader) use(s *subject, by rule.Rule) {
	if s.pkg.Root == s.draft.checkout.Workspace.Root {
		return // they are in its tree
	}
	for i, w := range inputs.Conditional {
		if r.mayRead(s.u, i) {
			s.useFile(rooted.Path{Root: rooted.Workspace, Rel: w.Name}, by)
		}
	}
}

// mayRead reports whether the run of a script, or a macro that a unit uses, may
// read the i-th conditional file.
func (r *conditionalReader) mayRead(u *builddir.Unit, i int) bool {
	if u.Run {
		for _, d := range u.Deps {
			if d != nil && d.Kind == builddir.KindScript && r.names(d, i) {
				return true
			}
		}
		return false
	}
	seen := map[*builddir.Unit]bool{}
	var reads func(u *builddir.Unit) bool
	reads = func(u *builddir.Unit) bool {
		if seen[u] {
			return false
		}
		seen[u] = true
		for _, d := range u.Deps {
			switch {
			case d == nil || d.Run:
			case d.Kind == builddir.KindMacro:
				if r.macros.Of(d).SeesFiles() && r.names(d, i) {
					return true
				}
			case reads(d):
				return true
			}
		}
		return false
	}
	return reads(u)
}

// names reports whether a program that runs at compile time holds a name of the i-th
// conditional file. One that cannot be read may.
func (r *conditionalReader) names(u *builddir.Unit, i int) bool {
	q := fileQuestion{u, i}
	may, known := r.may[q]
	if !known {
		may = holdsAny(builddir.DiskUnit{Dir: r.dir, Unit: u}, inputs.Conditional[i].Texts)
		r.may[q] = may
	}
	return may
}

func holdsAny(h builddir.DiskUnit, texts [][]byte) bool {
	files, err := h.SeenByDependents()
	if err != nil || len(files) == 0 {
		return true
	}
	for _, f := range files {
		program, err := os.ReadFile(h.Path(f))
		if err != nil {
			return true
		}
		for _, t := range texts {
			if bytes.Contains(program, t) {
				return true
			}
		}
	}
	return false
}
