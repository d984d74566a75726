// Package parallel spreads work over a few goroutines. A call returns when all of its work
// is done; it may be made from several goroutines at once.
package parallel

import (
	"sync"
	"sync/atomic"
)

// Workers bounds parallel reading: beyond a few, one disk and the page cache
// give no more (two cores hash 650 sources in 20 ms).
const Workers = 4

// Do calls do for 0 to n-1 from a few goroutines.
func Do(n int, do func(int)) {
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(n, Workers) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}
