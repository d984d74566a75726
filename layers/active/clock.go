package active

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/kernelclock"
)

// clock is the one that the kernel dates files with. It dates the file of the claim,
// since cargo looks at the time of the directory.
func (c *Claim) clock() (*kernelclock.Clock, error) {
	return kernelclock.Open(c.lockFile, filepath.Dir(c.Path))
}

// Tick returns a time of the clock that the kernel stamps files with, after
// that clock has moved on: whatever is written from now on is newer.
func (c *Claim) Tick(ctx context.Context) (time.Time, error) {
	k, err := c.clock()
	if err != nil {
		return time.Time{}, err
	}
	defer k.Close()
	return k.Passed(ctx)
}

// Now reads the clock that the kernel stamps files with, in ns.
func (c *Claim) Now() (int64, error) {
	k, err := c.clock()
	if err != nil {
		return 0, err
	}
	defer k.Close()
	at, err := k.Now()
	return at.UnixNano(), err
}
