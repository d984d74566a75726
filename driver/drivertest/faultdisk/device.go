package faultdisk

import (
	"sync"
	"syscall"
	"time"
)

// An operation is what the disk was told to do.
type operation struct {
	at   time.Time
	what kind
	off  int64
	data []byte // of a write
	size int64  // of a discard
}

type kind int

const (
	written kind = iota
	discarded
	flushed
)

func (o *operation) apply(m image) {
	switch o.what {
	case written:
		m.write(o.data, o.off)
	case discarded:
		m.zero(o.off, o.size)
	}
}

// A Fault is what is to go wrong. Writes and discards count.
type Fault struct {
	After int           // so many succeed first
	Times int           // so many then fail; 0: all, and flushes as well
	Errno syscall.Errno // 0: they wait until Resume, and with them all that comes later
}

// Status is how a disk stands.
type Status struct {
	Position int  // operations so far
	Pending  int  // of them, those that no flush has followed
	Failed   int  // operations that were failed
	Stalled  bool // an operation waits until Resume
}

// device is a disk as its host sees it.
type device struct {
	sector int // the least that is written whole
	keeps  bool

	mu      sync.Mutex
	resumed *sync.Cond
	base    image // before the first operation of the log
	now     image // what is read
	log     []operation
	past    int // operations before those of the log
	pending int
	failed  int
	armed   bool
	fault   Fault
	stalled bool
}

// newDevice is a disk with that content. Unless it keeps its history, it can be cut
// off only now.
func newDevice(content image, sector int, keeps bool) *device {
	d := &device{sector: sector, keeps: keeps, base: content, now: content.clone()}
	d.resumed = sync.NewCond(&d.mu)
	return d
}

func (d *device) size() int64 { return d.now.size() }

func (d *device) read(b []byte, off int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now.read(b, off)
}

// write keeps data.
func (d *device) write(data []byte, off int64) syscall.Errno {
	return d.do(operation{what: written, data: data, off: off})
}

func (d *device) discard(off, size int64) syscall.Errno {
	return d.do(operation{what: discarded, off: off, size: size})
}

func (d *device) flush() syscall.Errno { return d.do(operation{what: flushed}) }

func (d *device) do(o operation) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.stalled {
		d.resumed.Wait()
	}
	if errno := d.fails(&o); errno != 0 {
		d.failed++
		return errno
	}
	d.record(o)
	return 0
}

// record has an operation done, with d.mu held.
func (d *device) record(o operation) {
	o.at = time.Now()
	o.apply(d.now)
	d.log = append(d.log, o)
	d.pending++
	if o.what != flushed {
		return
	}
	d.pending = 0
	if !d.keeps {
		for i := range d.log {
			d.log[i].apply(d.base)
		}
		d.past += len(d.log)
		d.log = nil
	}
}

// fails decides what becomes of an operation, with d.mu held. A write that fails with
// an input or output error may have been done in part: its first half is.
func (d *device) fails(o *operation) syscall.Errno {
	if !d.armed || d.fault.After > 0 && o.what == flushed {
		return 0
	}
	if d.fault.After > 0 {
		d.fault.After--
		return 0
	}
	if d.fault.Errno == 0 {
		d.armed = false
		for d.stalled = true; d.stalled; {
			d.resumed.Wait()
		}
		return 0
	}
	switch {
	case d.fault.Times == 0:
	case o.what == flushed:
		return 0
	case d.fault.Times == 1:
		d.armed = false
	default:
		d.fault.Times--
	}
	if half := len(o.data) / 2 / d.sector * d.sector; o.what == written && d.fault.Errno == syscall.EIO && half > 0 {
		d.record(operation{what: written, off: o.off, data: o.data[:half:half]})
	}
	return d.fault.Errno
}

func (d *device) arm(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.armed = f, true
}

func (d *device) disarm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.stalled = false, false
	d.resumed.Broadcast()
}

func (d *device) status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Status{d.past + len(d.log), d.pending, d.failed, d.stalled}
}

// position is how many operations there were by a moment.
func (d *device) position(at time.Time) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.past + len(d.log)
	for n > d.past && d.log[n-d.past-1].at.After(at) {
		n--
	}
	return n
}
