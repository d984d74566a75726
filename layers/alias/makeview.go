package alias

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// childName is argv[0] of the child, and all of its arguments.
const childName = "(alias)"

// mainCalled guards against a child that runs the whole program, and starts another, and so on.
var mainCalled atomic.Bool

// Main becomes the child if this process is one, and then does not return. Otherwise it does nothing. A program that
// calls Start or Probe calls it before anything else.
func Main() {
	mainCalled.Store(true)
	if len(os.Args) != 1 || os.Args[0] != childName {
		return
	}
	// Namespaces aside, all that is set here belongs to the thread: capabilities, parent-death signal.
	runtime.LockOSThread()
	os.Exit(child())
}

// child is what Main does in the child. It returns only if there is nothing to execute; nobody looks at the exit
// status.
func child() int {
	control, j, err := receiveJob()
	if err != nil {
		return 1
	}
	if what, err := j.makeView(); err != nil {
		report(control, reportView, err, what)
		return 1
	}
	// If nobody is there to hear it, nobody wants the command.
	if report(control, reportReady, nil, "") != nil || j.probe {
		return 0
	}
	err = syscall.Exec(j.command.Path, j.command.Args, j.command.Env)
	report(control, reportExec, err, "execute "+j.command.Path)
	return 1
}

// makeView makes the view around this thread. If it fails, what was being done is told.
func (j *job) makeView() (what string, err error) {
	// What is mounted or unmounted outside later is so in the view too, which keeps no file system busy; never the other way.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return "set mounts apart", err
	}
	from := make([]int, len(j.binds))
	for i, b := range j.binds {
		if from[i], err = unix.Open(b.From, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			return "open " + b.From, err
		}
	}
	for i, b := range j.binds {
		at, err := resolve(b.At)
		if err != nil {
			return b.what(), err
		}
		if err := attach(from[i], at, b.At); err != nil {
			return b.what(), err
		}
		unix.Close(at)
	}
	for _, dir := range j.readOnly {
		if err := protect(dir); err != nil {
			return "make " + dir + " read-only", err
		}
	}
	if err := unix.Chdir(j.command.Dir); err != nil {
		return "enter " + j.command.Dir, err
	}
	if j.userNamespace {
		if err := dropCapabilities(j.bounding); err != nil {
			return "give up capabilities", err
		}
	}
	// Once more, since it belongs to the thread, and this may be another than that which was cloned.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return "ask for the parent-death signal", err
	}
	if unix.Getppid() != j.parent {
		return "find the caller", unix.ESRCH
	}
	return "", nil
}

// protect shows a directory at its own path once more, read-only. What is mounted inside it comes along as it is:
// the attribute is that of the one mount on top.
func protect(dir string) error {
	at, err := resolve(dir)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	tree, err := unix.OpenTree(at, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// resolve opens a path that goes through no symbolic link.
func resolve(path string) (int, error) {
	for {
		fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
		// EAGAIN says that something was renamed while the kernel looked (openat2(2)).
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// attach shows from at the directory or file at, which path has led to, and makes sure that path leads to it.
func attach(from, at int, path string) error {
	var shown, hidden, seen unix.Stat_t
	if err := unix.Fstat(from, &shown); err != nil {
		return err
	}
	if err := unix.Fstat(at, &hidden); err != nil {
		return err
	}
	switch isDir := shown.Mode&unix.S_IFMT == unix.S_IFDIR; {
	case isDir == (hidden.Mode&unix.S_IFMT == unix.S_IFDIR):
	case isDir:
		return unix.ENOTDIR
	default:
		return unix.EISDIR
	}
	tree, err := unix.OpenTree(from, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return err
	}
	now, err := resolve(path)
	if err != nil {
		return err
	}
	defer unix.Close(now)
	if err := unix.Fstat(now, &seen); err != nil {
		return err
	}
	if seen.Dev != shown.Dev || seen.Ino != shown.Ino {
		return unix.ESTALE
	}
	return nil
}
