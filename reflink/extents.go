package reflink

import "os"

// Extents calls visit for each extent of f in order. What is not yet written to
// disk is written first, since it has no place before. An error of visit ends the
// visit and is returned as it is.
func Extents(f *os.File, visit func(Extent) error) error {
	return extents(f, false, visit)
}

// SettledExtents is Extents of a file that nobody has written to since it was last
// synced, as those of a sealed tree: it waits for nothing.
func SettledExtents(f *os.File, visit func(Extent) error) error { return extents(f, true, visit) }

// Usage is space in bytes, before compression.
type Usage struct{ Shared, Exclusive int64 }

// FileUsage sums the extents of f by whether they are shared. Btrfs and XFS know
// that; on most other file systems either this fails or all is exclusive. What lies in
// metadata is neither: a clone has its own of it, and no block of data is freed with it.
func FileUsage(f *os.File) (Usage, error) {
	var u Usage
	err := Extents(f, func(e Extent) error {
		switch {
		case e.Inline:
		case e.Shared:
			u.Shared += int64(e.Length)
		default:
			u.Exclusive += int64(e.Length)
		}
		return nil
	})
	return u, err
}
