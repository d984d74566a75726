package phrase

import (
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// Where tells where files lie.
func Where(l warehouse.Location) string {
	switch l {
	case warehouse.Loose:
		return "loose"
	case warehouse.InLayer:
		return "in a layer"
	case warehouse.Built:
		return "where it was built"
	}
	return "gone"
}

// Serves tells where a record may be used.
func Serves(e *warehouse.Entry) string {
	switch e.Portability {
	case rustc.Anywhere:
		return "anywhere"
	case rustc.SameDir:
		return "where rustc runs in " + e.Dir
	}
	return "where outputs go to " + e.OutDir
}

// InputDigest tells what an input was when the record was made.
func InputDigest(in rustc.Input) string {
	if in.Digest == rustc.Absent {
		return "must not be there"
	}
	return ID(in.Digest)
}
