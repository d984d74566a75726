// Package alias runs a command that sees directories at other paths.
//
// A View says what is to be seen where. Start makes it in a mount namespace of the command's own: nothing outside the
// command and its descendants sees it, and with the last of them it is gone, however they end. What cannot be shown
// exactly as asked is not shown at all: Start then fails with ErrUnavailable before anything of the command has run, and
// running it without the view is right.
//
// # What is made
//
// The child that becomes the command is this program itself, started again; therefore every program that calls Start
// calls Main first. It gets a mount namespace, and where the caller lacks CAP_SYS_ADMIN a user namespace around it, in
// which all users and groups the caller may map have the numbers they had: an ordinary user's own, everybody's for one
// who has power over the files of others. It mounts, gives up what capabilities it got by that, and executes the
// command. Where there is nothing to show the command is started as it is, also where namespaces are withheld.
//
// The command is what it would be as any other child of the caller, with the same process group, session, limits,
// inherited descriptors, standard streams and capabilities, except that
//   - it is killed when the caller dies, unless it changes its user or gains capabilities, which makes the kernel
//     forget;
//   - in a user namespace setuid programs and file capabilities give no rights outside it, ambient capabilities are
//     gone, and files of users without a number there seem to belong to the overflow user (65534); permissions by
//     group work as before;
//   - of the signals that are ignored in the caller, it ignores those that a Go program hands on: SIGHUP, SIGINT and
//     those that stop a process.
//
// # What is refused
//
// An At that does not exist, is not absolute and clean, or is reached through a symbolic link: the command, which may
// ask the kernel for its real path, would name another. A directory over a file and a file over a directory. A path
// that names another file after the mount than before, because somebody has renamed it meanwhile. A directory
// renamed later takes what is mounted on it along; whoever waits for the command can see it by the directory's inode.
// So is a ReadOnly that is no directory, or is reached through a symbolic link.
//
// # What it needs
//
// Linux 5.6 for openat2(2), open_tree(2) and move_mount(2), /proc, and the right to make namespaces and mounts, which
// containers and some distributions withhold from ordinary users. Probe tells. ReadOnly needs Linux 5.12, for
// mount_setattr(2).
//
// All functions and methods may be called by any number of goroutines and processes at once.
package alias

import (
	"errors"
	"os"
)

var (
	// ErrUnavailable says that the view could not be made, and that nothing of the command ran. Running it without
	// the view is right.
	ErrUnavailable = errors.New("view not available")

	// ErrNotRun says that the view was made, but the kernel would not execute the command in it, and so that nothing of
	// it ran. The cause is the errno of execve(2): ENOENT, for example, if the view hides the command.
	ErrNotRun = errors.New("command not run")
)

// A Bind shows what lies at From also at the path At. Both are absolute and both exist, as directories or both as
// something else. From may go through symbolic links, At must not.
type Bind struct{ From, At string }

// A View is a list of binds, which are made in order.
//
// Each From is opened before the first bind is made, so it means what the caller sees. It is shown with all that is
// mounted in it by the time of its own bind: what earlier binds have shown inside it comes along. At is found in the
// view as made so far, so a later bind may show something inside what an earlier one has shown. A From that is itself
// the At of an earlier bind is refused.
type View struct {
	Binds []Bind
	// ReadOnly are directories, by the paths that the command sees them at, in which it finds all as it is and can
	// change nothing. What is mounted or shown inside one of them stays as writable as it is.
	ReadOnly []string
}

// A Command is what to run, in the terms of execve(2).
type Command struct {
	Path string   // as the command sees it
	Args []string // with argv[0]
	// Env is the whole environment, but for PWD, which becomes Dir.
	Env []string
	Dir string // the working directory, absolute, as the command sees it
	// The standard streams; where one is nil the command has the caller's.
	Stdin, Stdout, Stderr *os.File
}

// A failure is an error of Start.
type failure struct {
	kind  error // ErrUnavailable or ErrNotRun
	what  string
	cause error
}

func (f *failure) Error() string   { return f.what + ": " + f.cause.Error() }
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

func unavailable(what string, cause error) error { return &failure{ErrUnavailable, what, cause} }
