package cargo

import (
	"bytes"
	"os"
)

// A witnessed file of the workspace is an input of a script or macro only if that
// holds one of the texts by which it could name the file. They change with every
// dependency that anybody adds, and hardly anything reads them.
var witnessed = []struct {
	name  string
	texts [][]byte
}{
	// As much of a name as fits into one machine word, should the compiler have
	// made it immediate; and what asks cargo to read the file.
	{"Cargo.lock", [][]byte{[]byte("Cargo.lo"), []byte("--format-version")}},
	{"Cargo.toml", [][]byte{[]byte("Cargo.to"), []byte("--format-version"), []byte("locate-project")}},
}

// isWitnessed reports whether rel, below the workspace root, is such a file.
func isWitnessed(rel string) bool {
	for _, w := range witnessed {
		if rel == w.name {
			return true
		}
	}
	return false
}

// witnessReader looks for those files in what runs at compile time, each program once.
type witnessReader struct {
	dir    *scanned
	macros *macroUse
	may    map[fileQuestion]bool
}

// fileQuestion is a question about a program and a witnessed file.
type fileQuestion struct {
	program *built
	file    int
}

// use makes those files of the workspace inputs of a subject that its script, or a
// macro that it uses, may read. Cargo does not watch them for it.
func (r *witnessReader) use(s *subject, by Rule) {
	if s.pkg.Root == s.draft.place.Workspace.Root {
		return // they are in its tree
	}
	for i, w := range witnessed {
		if r.mayRead(s.u, i) {
			s.useFile(Loc{BaseRoot, w.name}, by)
		}
	}
}

// mayRead reports whether the run of a script, or a macro that a unit uses, may
// read the i-th witnessed file.
func (r *witnessReader) mayRead(u *built, i int) bool {
	if u.run {
		for _, d := range u.deps {
			if d != nil && d.Kind == kindScript && r.names(d, i) {
				return true
			}
		}
		return false
	}
	seen := map[*built]bool{}
	var reads func(u *built) bool
	reads = func(u *built) bool {
		if seen[u] {
			return false
		}
		seen[u] = true
		for _, d := range u.deps {
			switch {
			case d == nil || d.run:
			case d.Kind == kindMacro:
				if r.macros.reach(d).SeesFiles() && r.names(d, i) {
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

// names looks into what runs at compile time. What cannot be read may read
// anything.
func (r *witnessReader) names(u *built, i int) bool {
	q := fileQuestion{u, i}
	may, known := r.may[q]
	if !known {
		may = holdsAny(held{r.dir, u}, witnessed[i].texts)
		r.may[q] = may
	}
	return may
}

func holdsAny(h held, texts [][]byte) bool {
	files, err := h.seen()
	if err != nil || len(files) == 0 {
		return true
	}
	for _, f := range files {
		program, err := os.ReadFile(h.path(f))
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
