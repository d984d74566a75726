// Package sourcelist lists the files of a path package as Cargo sees them, to
// reproduce the one value Cargo derives from them: the time and name of the
// newest file, by which it decides whether a build script that does not say
// what it watches is run again.
//
// The rules and their order are those of cargo 1.95, sources/path.rs:
// list_files and last_modified_file. A mistake here makes Cargo rebuild, it
// never makes it skip a build: Cargo computes the value itself and compares.
// Where this package knows that it cannot be exact it returns ErrUnsupported.
//
// The functions keep no state and may be called concurrently. They read a
// directory that others may change meanwhile, and then return what they met.
package sourcelist

import (
	"context"
	"errors"
)

// ErrUnsupported is wrapped by errors about packages whose list depends on
// something that is not reproduced: package.include or package.exclude with a
// pattern that Cargo refuses or with the value of the workspace, a path through a
// symbolic link, and a few shapes of Git working trees.
var ErrUnsupported = errors.New("file list cannot be reproduced")

// Options are the means that a caller provides.
type Options struct {
	// Git runs git in dir and returns its standard output. Variables such as
	// GIT_DIR and GIT_INDEX_FILE must not be set, since Cargo does not look at
	// them. It is called only if a .git lies at the package root or above.
	Git func(ctx context.Context, dir string, args ...string) ([]byte, error)
}
