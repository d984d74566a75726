package warm

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/lowpriority"
)

// share is by what the available memory is divided, for how much is read at most. The
// rest is for the build that the reading is for, its compilers and its linker, and for
// what else it reads: sources, the standard library.
const share = 2

// step is how much is read between two looks at the context and at memory: little
// enough to make way within some ms, enough that looking costs nothing.
const step = 1 << 20

// Why is the reason for which Run ended.
type Why string

const (
	Done      Why = "done"   // all was read
	NoMemory  Why = "memory" // the rest would take more memory than is good
	Cancelled Why = "ended"  // the context ended: a build began, or time was up
)

// Report is what was read.
type Report struct {
	Files int // whole ones
	Bytes int64
	Why   Why
}

// Run reads files in their order, as far as half of the available memory allows,
// until ctx ends. What cannot be read is passed over.
func Run(ctx context.Context, files []File, m Memory) Report {
	done := make(chan Report)
	go func() {
		// Priorities are the thread's. It stays locked, so that it ends with this
		// goroutine and no other one inherits them.
		giveWay()
		done <- read(ctx, files, m)
	}()
	return <-done
}

func read(ctx context.Context, files []File, m Memory) Report {
	rep := Report{Why: Done}
	buffer := make([]byte, step)
	for _, file := range files {
		f, err := os.Open(file.Path)
		if err != nil {
			continue
		}
		whole := false
		for {
			if ctx.Err() != nil {
				rep.Why = Cancelled
			} else if rep.Bytes+step > m.Available()/share {
				rep.Why = NoMemory
			}
			if rep.Why != Done {
				break
			}
			// Measured on Btrfs: posix_fadvise(WILLNEED) and readahead(2) on a whole
			// file bring in its first 4 MiB at most, and step by step save nothing
			// that counts. Reading waits for the disk, and so never fills its queue.
			n, err := f.Read(buffer)
			rep.Bytes += int64(n)
			if err != nil {
				whole = errors.Is(err, io.EOF)
				break
			}
		}
		f.Close()
		if whole {
			rep.Files++
		}
		if rep.Why != Done {
			break
		}
	}
	return rep
}

// giveWay has this goroutine's thread run only when no other would, holding nothing that others wait for.
func giveWay() {
	lowpriority.Take()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE, Nice: 19}, 0)
}
