package active

import (
	"context"
	"fmt"
	"time"
)

// maxKept is how long a build may be kept waiting by what nobody has asked for: hardly
// noticed, and longer than sealing takes where little was built since the last time (28 to
// 200 ms for 1,100 to 5,300 files).
const maxKept = 200 * time.Millisecond

// lookAround is how often it is looked for who waits, which reads one file of the kernel's.
const lookAround = 20 * time.Millisecond

// GiveWay returns a context that ends when somebody has waited for Cargo's locks, which the
// claim holds, for longer than maxKept. Its cause wraps ErrBusy then. The caller calls stop
// before it gives the locks back.
func (c *Claim) GiveWay(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(lookAround)
		defer tick.Stop()
		for waited := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !c.cargoLocks.Waited() {
				waited = 0
			} else if waited++; time.Duration(waited)*lookAround > maxKept {
				cancel(fmt.Errorf("seal %s: %w: a cargo waits for it", c.Path, ErrBusy))
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}
