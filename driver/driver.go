// Package driver is the contract between this program and a file system: trees
// of files that can be cloned cheaply and published whole. It knows nothing of
// what the trees hold. This comment is the specification; package drivertest
// proves every sentence of it that a test can prove.
//
// # Terms
//
// A tree is a directory that a driver made: a subvolume on Btrfs, an ordinary
// directory elsewhere. It is named by its path. A sealed tree is one that Seal
// published; nobody changes it again, and a driver whose Caps say EnforcesSeal
// has the kernel refuse every change. All other trees are writable.
//
// # Life cycle
//
//	Create ---> writable tree --- Seal ---> sealed tree
//	               ^     |                     |
//	               |     +------- Clone <------+
//	               +----------------+
//
// Seal copies: the writable tree stays what it was. Clone takes a writable or a
// sealed tree, or an ordinary directory of the same file system, and leaves it
// as it was. Every tree ends with Delete. What lies in a tree that lies inside
// another tree is part of the other one, too: a clone or a seal has an ordinary
// directory of the same content there.
//
// # Names
//
// The parent directory of a tree must exist. Create, Clone and Seal are
// exclusive: they fail with an error matching [io/fs.ErrExist], and change
// nothing, if anything at all has the name already, a dangling symbolic link
// included. They never follow a symbolic link in the last element of a path,
// nor do they look through one that stands where a tree is expected: that is
// [ErrNotTree]. Trailing slashes are ignored. Names are bytes. Names beginning
// with [TempPrefix] beside a tree belong to the driver.
//
// A stub, which a roll-back leaves in the place of a tree, is nothing, for all
// methods and functions of this package: it has no content ([ErrStub], which
// matches [io/fs.ErrNotExist]), its name is free, Holds says no, and whoever makes
// or deletes a tree of the name removes it. It is never renamed or exchanged.
//
// # Idempotence
//
// Delete of a name that is not there succeeds. Nothing else is idempotent.
//
// # Errors and cancellation
//
// On an error, a cancelled context included, the name is what it was before;
// what was made in part has been removed. Delete is the exception: it may have
// removed some of the tree, and calling it again goes on. Cancellation is
// looked at between files; a single system call is not interrupted.
//
// # After a crash
//
// Seal is the commit point. If it has returned nil, the sealed tree is there
// after a crash of the process or of the machine, with everything that was
// written to its source before the call. If the disk has not taken some of that, Seal
// fails, unless somebody else was told before (SyncFileSystem). If it was interrupted,
// the final name is either absent or stands for the whole tree; beside it a temporary
// name may be left over, which is garbage.
//
// Create and Clone promise nothing: after a process was killed the tree may be
// there in part, and after a power cut a tree may be gone, or hold empty files.
// So clone to a temporary name and Exchange or Publish it; those change names at
// once or not at all, and leave waiting for the disk to SyncNames. A deleted tree may
// come back whole after a power cut, and an interrupted Delete may leave a part
// of a tree, no longer sealed; so whoever deletes remembers what was to go, or
// renames the tree in its own directory first (a sealed tree may be unable to
// move to another directory).
//
// # Concurrency
//
// All methods may be called by any number of goroutines and processes at once.
// Of several callers that make one name exactly one succeeds. A source must not
// be written to during Clone and Seal by anybody: what is cloned then is some
// mixture of before and after. Deleting a tree that somebody else is cloning
// makes that clone fail. Callers that need more hold a lock of their own.
package driver

import (
	"context"
	"errors"
)

// TempPrefix begins the name of everything that the drivers of this program put
// beside a tree while they make it. Left over after a crash, it is garbage.
const TempPrefix = ".tmp-"

// ErrNotTree says that a path is not what the operation needs: not a directory,
// a symbolic link, or a directory where the driver needs a tree of its own.
var ErrNotTree = errors.New("not a tree of this driver")

// ErrBusy says that a tree is, or contains, a mount point, so that deleting it
// would reach into another file system.
var ErrBusy = errors.New("a file system is mounted there")

// Driver makes, clones, publishes and deletes trees. See the package comment
// for everything that holds for all methods.
type Driver interface {
	// Name is a short constant such as "btrfs", for records and messages.
	Name() string

	// Caps returns what the driver claims beyond the contract. It is a constant
	// of the driver.
	Caps() Caps

	// Create makes an empty writable tree.
	Create(ctx context.Context, tree string) error

	// Clone makes the writable tree tree with the content of from, which is a
	// tree of this driver, sealed or not, or an ordinary directory of the same
	// file system. Times are kept to the nanosecond, and so are modes, symbolic
	// links and hard links within the tree. From an ordinary directory, or with
	// a driver that does not claim ConstantTime, the cost grows with the number
	// of files, the new files belong to the caller, and what cannot be copied is
	// left out: sockets, pipes, devices, and what the caller may not read. That is
	// told to whoever asked for it with [TellLeftOut]. So it is with what lies in a
	// tree inside the tree. Holes in files stay holes. How much of the data that has to
	// be copied is done is told to whoever asked for it with [TellCopied].
	Clone(ctx context.Context, tree, from string) error

	// Seal publishes a copy of the tree from as tree: all or nothing, and
	// durable when it returns. A driver whose trees differ from ordinary
	// directories fails with ErrNotTree for one of those. What Clone would leave
	// out it leaves out, too.
	Seal(ctx context.Context, tree, from string) error

	// Delete removes a tree, sealed or not, with the trees inside it, or an
	// ordinary directory. It needs no privilege for trees of the caller's own. It
	// refuses anything that is not a directory (ErrNotTree) and a directory that
	// is or contains a mount point (ErrBusy).
	Delete(ctx context.Context, tree string) error

	// Usage measures the space that the files of a tree, or of an ordinary
	// directory, occupy. Its cost grows with the number of files. What the caller may
	// not read keeps nothing from being measured.
	Usage(ctx context.Context, tree string) (Usage, error)

	// Holds reports whether path is at this moment a tree of this driver. A path
	// that does not exist, or is a symbolic link, is none.
	Holds(path string) (bool, error)
}

// Caps are the claims of a driver; the conformance suite proves each of them.
type Caps struct {
	// ConstantTime: the cost of Clone and Seal of a tree does not depend on the
	// number of files in it. (Data not yet written to disk still has to be.)
	ConstantTime bool
	// SharesData: a clone takes no data space until it or its source changes.
	// Such a driver fails rather than copy on a file system that cannot share.
	SharesData bool
	// EnforcesSeal: the kernel refuses to change a sealed tree, whoever asks.
	EnforcesSeal bool
	// SharedUsage: Usage tells exclusive from shared bytes.
	SharedUsage bool
}

// Usage is the space that files occupy, in bytes of allocated file data before
// compression. A file with several hard links counts once.
type Usage struct {
	Total int64
	// Exclusive and Shared add up to Total if Known is set and are zero
	// otherwise. Shared bytes lie in extents that some other file refers to too,
	// be it within the same tree. Deleting the tree frees its exclusive bytes.
	Exclusive int64
	Shared    int64
	Known     bool
}

// Destroyer is a driver that can remove a tree in one step of the kernel's, which
// happens or does not: no name before it, and no room on the disk. Unlike Delete it
// fails, and leaves the tree as it was, wherever that is not to be had.
type Destroyer interface {
	Destroy(ctx context.Context, tree string) error
}
