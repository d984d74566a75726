package reflink

import (
	"os"
)

// Dedupe makes dst share its data with src, of which the first size bytes are the same, as
// the kernel sees for itself: it locks both and compares them. Neither content nor times
// change, and whoever has dst open or runs it need not care. Both may be open for reading
// only, if dst is the caller's own. The error is ErrDiffer if the kernel finds a difference
// or the files cannot share data with each other, and then what was shared so far stays so.
func Dedupe(dst, src *os.File, size int64) error { return dedupe(dst, src, size) }
