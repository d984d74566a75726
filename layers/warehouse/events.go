package warehouse

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// Kind is what became of a call.
type Kind string

const (
	Hit      Kind = "hit"      // answered from the warehouse
	Kept     Kind = "kept"     // answered with what had been in this build directory
	Missed   Kind = "missed"   // compiled, and recorded
	Compiled Kind = "compiled" // compiled, and not recorded
	Refused  Kind = "refused"  // never asked for
)

// Event is one call.
type Event struct {
	At     time.Time
	Kind   Kind
	Unit   string
	Reason string        // one of few
	Detail string        // of this unit
	Cost   time.Duration // of the compilation
	Saved  time.Duration // what the answer had cost when it was compiled
	Bytes  int64         // of the answer
	Copied bool          // which could not share its content

	Err error // of which reason and detail are taken
}

const eventsFile = paths.WarehouseEvents

// mostEvents bounds the file of events, in bytes: some 20,000 calls. One more of
// that size, of older ones, is kept beside it.
const mostEvents = 2 << 20

// Note adds an event, for stats. It is advice: what goes wrong is passed over.
func (w *Warehouse) Note(e Event) {
	fillReason(&e)
	path := filepath.Join(w.dir, eventsFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) && os.MkdirAll(w.dir, 0o700) == nil {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	}
	if err != nil {
		return
	}
	defer f.Close()
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	// One write of one line: lines of two processes do not mix.
	f.WriteString(strings.Join([]string{
		strconv.FormatInt(time.Now().UnixMilli(), 10), string(e.Kind), strconv.Quote(e.Unit), ms(e.Cost), ms(e.Saved),
		strconv.FormatInt(e.Bytes, 10), strconv.FormatBool(e.Copied), strconv.Quote(e.Reason), strconv.Quote(e.Detail),
	}, "\t") + "\n")
	if info, err := f.Stat(); err == nil && info.Size() > mostEvents {
		w.turnEvents(f, info)
	}
}

// turnEvents makes f, which has grown too long, the file of older events. Locked, since
// another may just do so: what begins then would take the older one's place. The lock
// ends with the call, or at the latest with a child that was being started meanwhile.
func (w *Warehouse) turnEvents(f *os.File, info os.FileInfo) {
	path := filepath.Join(w.dir, eventsFile)
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return
	}
	if now, err := os.Stat(path); err == nil && os.SameFile(now, info) {
		_ = os.Rename(path, filepath.Join(w.dir, paths.WarehouseOldEvents))
	}
}

func fillReason(e *Event) {
	var refused *rustc.Uncacheable
	var miss *Miss
	switch {
	case errors.As(e.Err, &refused):
		e.Reason, e.Detail = refused.Reason, refused.Detail
	case errors.As(e.Err, &miss):
		e.Reason, e.Detail = miss.Reason, miss.Detail
	case e.Err != nil:
		e.Reason, e.Detail = "error", e.Err.Error()
	}
	const most = 400
	e.Detail = e.Detail[:min(len(e.Detail), most)]
}

// Events returns the calls that are remembered, oldest first.
func (w *Warehouse) Events() []Event {
	var all []Event
	for _, name := range []string{paths.WarehouseOldEvents, eventsFile} {
		text, err := regular.Read(filepath.Join(w.dir, name))
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(text)) {
			if e, ok := parseEvent(strings.TrimSuffix(l, "\n")); ok {
				all = append(all, e)
			}
		}
	}
	return all
}

func parseEvent(l string) (e Event, ok bool) {
	fields := strings.Split(l, "\t")
	if len(fields) != 9 {
		return e, false
	}
	// Bounded, so that none overflows as a duration.
	const most = 1 << 43
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		ok = ok && err == nil && n >= 0 && n < most
		return n
	}
	text := func(s string) string {
		t, err := strconv.Unquote(s)
		ok = ok && err == nil
		return t
	}
	ok = true
	e = Event{
		At: time.UnixMilli(number(fields[0])), Kind: Kind(fields[1]), Unit: text(fields[2]),
		Cost: time.Duration(number(fields[3])) * time.Millisecond, Saved: time.Duration(number(fields[4])) * time.Millisecond,
		Bytes: number(fields[5]), Copied: fields[6] == "true", Reason: text(fields[7]), Detail: text(fields[8]),
	}
	return e, ok
}
