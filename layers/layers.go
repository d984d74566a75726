package layers

import (
	"errors"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/recompile"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/workspace"
)

// Errors that callers decide on.
var (
	// ErrBusy: Cargo, or another command of this program, is at work in the
	// build directory.
	ErrBusy = active.ErrBusy
	// ErrNoLayer: the store has no layer that fits the checkout.
	ErrNoLayer = errors.New("no layer fits")
	// ErrNotFound: no layer has that name.
	ErrNotFound = errors.New("no such layer")
	// ErrAmbiguous: several layers have that name.
	ErrAmbiguous = errors.New("more than one layer of that name")
	// ErrNoUndo: no restore has replaced a build directory here.
	ErrNoUndo = errors.New("nothing to undo")
	// ErrInUse: somebody works with the layer.
	ErrInUse = errors.New("layer is in use")
	// ErrPinned: the layer is pinned.
	ErrPinned = errors.New("layer is pinned")
	// ErrNoStore: there is no store in the directory.
	ErrNoStore = errors.New("no store here")
	// ErrNoTarget: there is no build directory to work on.
	ErrNoTarget = errors.New("no build directory")
	// ErrNoUnit: nothing of that name was built.
	ErrNoUnit = recompile.ErrNoUnit
	// ErrUnsuitable: the build directory is something that cannot be replaced.
	ErrUnsuitable = active.ErrUnsuitable
	// ErrRolledBack: a roll-back of the system took something along.
	ErrRolledBack = rollback.Err
)

// HelpError carries the one command, or change, that mends an error.
type HelpError = help.Error

// IsReadOnly reports whether err says that something cannot be written here, by
// whatever forbids it. A store may be one that this process can read and not write,
// since it runs in a sandbox or a container. Its layers can be restored all the same: a
// lease is a lock, which needs no right to write, on a file that was made with the layer.
func IsReadOnly(err error) bool { return help.IsReadOnly(err) }

// Options say where a store is and how it works.
type Options struct {
	Dir    string
	Driver driver.Driver
	// Now is the wall clock, for what people read and for the age of layers. What
	// is fresh is not decided by it.
	Now func() time.Time
	// Tool names this program and its version in manifests.
	Tool string
	// Self is this program's own file: cargo runs it when asked what a build
	// needs (planner.Planner).
	Self string
	// Temp is a directory for what is needed during a command only.
	Temp string
	// Passing: the store was named for this one command, and no build directory is
	// told that it belongs to it.
	Passing bool
	// Far: the build directory lies on another file system. What is sealed of it is copied,
	// and it stays what it is. Nothing can be restored there.
	Far bool
	// Named: the user said that the build directory is to belong to it.
	Named bool
}

// Notify is told, at most once a call, what the call waits for.
type Notify func(what string)

// ArmCrashpoint makes the process die, stop or fail at a named point, for tests:
// "restore.staged=kill". Crashpoints lists the names.
func ArmCrashpoint(spec string) error { return crashpoint.Arm(spec) }

// Crashpoints lists the points at which a process may be made to die.
func Crashpoints() []string { return crashpoint.All() }

// Uncopied is what of a build directory cannot be copied.
type Uncopied = driver.Uncopied

// Record is the entry of a layer in the store.
type Record = record.Record

// Checkout is one checkout as Cargo and git see it.
type Checkout = workspace.Checkout
