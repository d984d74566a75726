package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/workspace"
)

// Operations.
const (
	opSnapshot = "snapshot"
	opExtend   = "extend"
	opRestore  = "restore"
	opGraft    = "graft"
	opUndo     = "undo"
	opSwitch   = "switch"
	opBuild    = "build"
	opLabel    = "label"
	opRemove   = "rm"
	opPrune    = "prune"
	opList     = "list"
	opShow     = "show"
	opCheck    = "check"
	opHold     = "hold" // lease a layer, until drop
	opDrop     = "drop"
	opPut      = "put" // into the warehouse
	opGet      = "get"
	opVerify   = "verify"
	opSweep    = "sweep"
	opTimes    = "times"   // give files of the store other times
	opClean    = "clean"   // as cargo clean does; nobody else is at work there
	opRebuild  = "rebuild" // as cargo does where nothing is; nobody else is at work there
	opSettle   = "settle"  // claim all build directories, which puts away what is left over
)

// A request is one operation, as a process is asked for it.
type request struct {
	Op    string
	Place int    // number of a checkout
	Ref   string // a layer: its id or the beginning of it, a label, latest; "" for the best
	From  string // extend: the layer that gives
	Label string
	// Commit is what switch goes to.
	Commit string
	Policy prune.Policy
	// Clock is how far the process's clock is ahead of the machine's.
	Clock time.Duration
	// Point is a crash point with what happens there.
	Point string
	// Number makes what is built or put unlike anything else.
	Number int
	Crate  int // of the warehouse
	Random uint64

	// When, since the round began, it is asked for; and, since it was, when its process is
	// killed: 0 for never.
	Wait, Kill time.Duration
}

func (q request) String() string {
	var b strings.Builder
	b.WriteString(q.Op)
	add := func(name string, value any) { fmt.Fprintf(&b, " %s=%v", name, value) }
	switch q.Op {
	case opSnapshot, opExtend, opRestore, opGraft, opUndo, opSwitch, opBuild, opClean, opRebuild:
		add("place", q.Place)
	}
	switch q.Op {
	case opExtend, opRestore, opLabel, opRemove, opShow, opHold:
		add("layer", short(q.Ref))
	case opPrune:
		add("policy", fmt.Sprintf("%+v", q.Policy))
	case opPut, opGet:
		add("crate", q.Crate)
		add("number", q.Number)
	case opBuild, opRebuild:
		add("number", q.Number)
	case opSwitch:
		add("commit", q.Commit)
	}
	if q.From != "" {
		add("from", short(q.From))
	}
	if q.Label != "" {
		add("label", q.Label)
	}
	if q.Clock != 0 {
		add("clock", q.Clock)
	}
	if q.Point != "" {
		add("point", q.Point)
	}
	if q.Kill != 0 {
		add("kill", q.Kill)
	}
	return b.String()
}

func short(id string) string { return id[:min(8, len(id))] }

// A used layer is what a prune knows of one.
type used struct {
	ID, Label        string
	Created, LastUse time.Time
	Leased           bool
}

// A fate is what a prune has done with a layer.
type fate struct{ ID, Kind string }

// A response is what became of it.
type response struct {
	Began, Middle, Ended int64 // by the kernel's monotonic clock, which all processes share
	Kind                 string
	Error                string // in words

	Layer, Label, Parent string
	Created              bool // snapshot, extend
	Changed              bool // label
	Undo                 bool // restore: something was replaced
	Units                int  // graft, extend: that were taken
	Displaced            bool // build: its lock was that of another directory
	Listed               map[string]string
	Used                 []used
	Now                  time.Time
	Fates                []fate
	Problems             []string
	Text                 string // get: the digest of it
	// Sealed is what switch has sealed before, nil for nothing; Restored, that it has
	// then restored something.
	Sealed   *response
	Restored bool
}

// Kinds of errors. "" is none.
const (
	notFound = "not found"
	noLayer  = "no layer"
	noUndo   = "nothing to undo"
	inUse    = "in use"
	busy     = "busy"
	noTarget = "no build directory"
	gone     = "gone" // what was chosen went away meanwhile
	miss     = "miss" // of the warehouse
	gitBusy  = "git is at work"
	moved    = "another commit" // was checked out meanwhile

	full     = "full"
	readOnly = "read-only"
	inputOut = "input/output"
	injected = "injected"

	other = "other"
)

// kindOf tells errors apart by what callers go by, and faults by their number or, of what
// git or cargo have said, by the words.
func kindOf(err error) string {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	if err == nil {
		return ""
	}
	text := strings.ToLower(err.Error())
	switch {
	case is(unix.ENOSPC) || strings.Contains(text, "no space left") || strings.Contains(text, "out of diskspace"):
		return full
	case is(unix.EROFS) || strings.Contains(text, "read-only file system"):
		return readOnly
	case is(unix.EIO, unix.ESHUTDOWN) || strings.Contains(text, "input/output error"):
		return inputOut
	case strings.Contains(text, "index.lock': file exists"):
		return gitBusy
	case strings.Contains(text, "injected fault"):
		return injected
	case is(layers.ErrNotFound):
		return notFound
	case is(layers.ErrNoLayer):
		return noLayer
	case is(layers.ErrNoUndo):
		return noUndo
	case is(layers.ErrInUse):
		return inUse
	case is(layers.ErrBusy):
		return busy
	case is(layers.ErrNoTarget):
		return noTarget
	case is(workspace.ErrMoved):
		return moved
	case is(fs.ErrNotExist):
		return gone
	}
	return other
}

func (r *response) fail(err error) {
	if err != nil {
		r.Kind, r.Error = kindOf(err), err.Error()
	}
}

func (r response) String() string {
	if r.Kind != "" {
		return r.Kind + ": " + r.Error
	}
	r.Began, r.Middle, r.Ended = 0, 0, 0
	text, _ := json.Marshal(r)
	var fields map[string]any
	_ = json.Unmarshal(text, &fields)
	for name, value := range fields {
		if value == nil || value == "" || value == false || value == 0.0 || value == "0001-01-01T00:00:00Z" {
			delete(fields, name)
		}
	}
	text, _ = json.Marshal(fields)
	return string(text)
}

// ticks is the time that all processes share.
func ticks() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

// background is the context of all operations: what ends them is a signal.
var background = context.Background()

// errNoBuild says that there is no build directory for a build.
var errNoBuild = fmt.Errorf("build: %w", layers.ErrNoTarget)

// flock waits for a lock as cargo does.
func flock(fd uintptr, how int) error {
	for {
		err := syscall.Flock(int(fd), how)
		if err != syscall.EINTR {
			return err
		}
	}
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
