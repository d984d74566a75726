package active

import (
	"context"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/accesstime"
)

// MarkUnits has access times tell which units builds ask for from now on, and returns since
// when they do, for accesstime.Asked. The caller holds Cargo's locks. A mark is a change of
// files to whoever looks at them, so where nobody had touched what a restore put there, it
// is noted that nobody has.
func (c *Claim) MarkUnits(ctx context.Context) (since time.Time, err error) {
	from := ReadProvenance(c.Path)
	untouched := from.Untouched(c.Path)
	marked, err := accesstime.Mark(c.Path)
	if err != nil {
		return time.Time{}, err
	}
	if since, err = c.Tick(ctx); err != nil || marked == 0 || !untouched {
		return since, err
	}
	from.Written = since.UnixNano()
	return since, from.Write(c.Path)
}
