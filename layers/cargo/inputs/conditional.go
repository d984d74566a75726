package inputs

// Conditional lists the files of the workspace root that are inputs of a script or macro
// only if its program holds one of the texts by which it could name the file. These
// files change with every dependency that anybody adds, and hardly anything reads them.
var Conditional = []struct {
	Name  string
	Texts [][]byte
}{
	// As much of a name as fits into one machine word, should the compiler have
	// made it immediate; and what asks cargo to read the file.
	{"Cargo.lock", [][]byte{[]byte("Cargo.lo"), []byte("--format-version")}},
	{"Cargo.toml", [][]byte{[]byte("Cargo.to"), []byte("--format-version"), []byte("locate-project")}},
}

// isConditional reports whether rel, below the workspace root, is such a file.
func isConditional(rel string) bool {
	for _, w := range Conditional {
		if rel == w.Name {
			return true
		}
	}
	return false
}
