package reflink

import (
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A pair is a directory and its copy, open until all files in it are done.
type pair struct {
	rel   string
	src   *os.File
	dst   int
	plain atomic.Uint32 // see target
	names []string      // of files that nobody has begun; guarded by queue.mu
	busy  int           // how many are at work in it; guarded by queue.mu
}

func (p *pair) close() {
	p.src.Close()
	unix.Close(p.dst)
}

// A queue has the directories in which there are files to be copied. Whoever takes some of a
// directory takes of one in which nobody is at work, if there is one: files of one directory
// are made one after the other, and who makes the next waits.
type queue struct {
	mu    sync.Mutex
	moved sync.Cond
	dirs  []*pair
	ended bool // nothing comes any more, or nothing is to be done any more
}

// batched is how many files are taken at once; queued, how many directories wait, each of them
// with two descriptors.
const batched, queued = 32, 64

func newQueue() *queue {
	q := new(queue)
	q.moved.L = &q.mu
	return q
}

// put adds a directory, when there is room for it. It is closed when its files are done, or
// left.
func (q *queue) put(p *pair) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.dirs) >= queued && !q.ended {
		q.moved.Wait()
	}
	if len(p.names) == 0 || q.ended {
		p.close()
		return
	}
	q.dirs = append(q.dirs, p)
	q.moved.Broadcast()
}

// end says that no more is put; with drop, that what is there is to be left.
func (q *queue) end(drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	if drop {
		for _, p := range q.dirs {
			p.names = nil
			if p.busy == 0 {
				p.close()
			}
		}
		q.dirs = nil
	}
	q.moved.Broadcast()
}

// take returns files of a directory to work on, and none when all is done. Whoever takes
// returns them with done.
func (q *queue) take() (*pair, []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.dirs) == 0 && !q.ended {
		q.moved.Wait()
	}
	if len(q.dirs) == 0 {
		return nil, nil
	}
	at := 0
	for i, p := range q.dirs {
		if p.busy == 0 {
			at = i
			break
		}
	}
	p := q.dirs[at]
	n := min(batched, len(p.names))
	names := p.names[:n]
	p.names = p.names[n:]
	p.busy++
	if len(p.names) == 0 {
		q.dirs = append(q.dirs[:at], q.dirs[at+1:]...)
		q.moved.Broadcast()
	}
	return p, names
}

func (q *queue) done(p *pair) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.busy--; p.busy == 0 && len(p.names) == 0 {
		p.close()
	}
}
