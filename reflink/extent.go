package reflink

// Extent is a piece of a file. All values are in bytes. Lengths are those before
// compression.
type Extent struct {
	Logical  uint64 // where it begins in the file
	Physical uint64 // its address in the file system; 0 if Inline
	Length   uint64
	Shared   bool // another file, or another place of this one, refers to it too
	Inline   bool // it lies in metadata, and is never shared
	// Encoded: it is compressed. What lies at Physical is shorter than Length, and a part
	// of it has the Physical of the whole.
	Encoded bool
}
