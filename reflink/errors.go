package reflink

import "errors"

// ErrUnsupported says that no file can be cloned between two places.
var ErrUnsupported = errors.New("file system cannot clone files")

// ErrDiffer says that two files are not the same, or were changed meanwhile.
var ErrDiffer = errors.New("the files differ")

// ErrSpecial says that something is neither file, directory nor symbolic link.
var ErrSpecial = errors.New("neither file, directory nor symbolic link")

// verdict is what an error of cloning means for the next step.
type verdict int

const (
	fatal       verdict = iota // nothing else would help
	copyThis                   // this file cannot be cloned, others can
	unsupported                // no file can be cloned between these places
)
