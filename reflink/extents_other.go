//go:build !linux

package reflink

import (
	"errors"
	"fmt"
	"os"
)

// What a file shares can be asked, and sharing can be begun for files that are there, on
// Linux only. Elsewhere the error matches [errors.ErrUnsupported].

func extents(f *os.File, settled bool, visit func(Extent) error) error {
	return fmt.Errorf("map extents of %s: %w", f.Name(), errors.ErrUnsupported)
}

func dedupe(dst, src *os.File, size int64) error {
	return fmt.Errorf("share data of %s with %s: %w", dst.Name(), src.Name(), errors.ErrUnsupported)
}
