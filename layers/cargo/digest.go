package cargo

import (
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

// digestLen is the length in bytes of every content digest: 128 bits are enough
// against chance, which is all that a source tree of one's own can bring.
const digestLen = 16

// digestBytes is the digest of b, in hex.
func digestBytes(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:digestLen])
}

// fileState is the content of a file and the latest time it can have changed.
type fileState struct {
	digest string
	err    error
	// changed is the later of mtime and ctime, taken after reading, in ns.
	changed int64
	mtime   int64
}

// digester reads each file once. It is safe for concurrent use.
type digester struct {
	mu    sync.Mutex
	files map[string]*fileState
}

// newDigester returns a digester that has read nothing yet.
func newDigester() *digester { return &digester{files: map[string]*fileState{}} }

// file returns the state of a regular file, links followed. A file that is not
// there, or is no file, has an err.
func (d *digester) file(path string) *fileState {
	d.mu.Lock()
	st := d.files[path]
	d.mu.Unlock()
	if st != nil {
		return st
	}
	st = readState(path)
	d.mu.Lock()
	d.files[path] = st
	d.mu.Unlock()
	return st
}

// readState reads a regular file, links followed.
func readState(path string) *fileState {
	// O_NONBLOCK: a fifo among the sources must not hang us.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fileState{err: err}
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return &fileState{err: err}
	} else if !fi.Mode().IsRegular() {
		return &fileState{err: &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("not a regular file")}}
	}
	h := blake3.New()
	if _, err := io.Copy(h, f); err != nil {
		return &fileState{err: err}
	}
	// The times are asked for after the content was read, on the same open
	// file: whatever was written before is in the digest, whatever is written
	// later shows in a later time.
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fileState{err: err}
	}
	return &fileState{
		digest:  hex.EncodeToString(h.Sum(nil)[:digestLen]),
		changed: max(st.Mtim.Nano(), st.Ctim.Nano()),
		mtime:   st.Mtim.Nano(),
	}
}

// warm reads the files in parallel, so that the digests are at hand when asked
// for one by one.
func (d *digester) warm(paths []string, workers int) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := range work {
				d.file(p)
			}
		})
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	wg.Wait()
}

// kernelNow returns the time the kernel would stamp a file with now. It is the
// clock that file times are compared with; time.Now runs ahead of it by up to a
// tick (1 to 10 ms before Linux 6.13).
func kernelNow() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return time.Now()
	}
	return time.Unix(ts.Unix())
}
