// Package lowpriority lets all others go first, in work that nobody waits for. It keeps nothing.
package lowpriority

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Take binds the goroutine to its thread, for good, and has that thread use processors and disk only after others, as far as
// the kernel allows. Threads that it starts do so, too. It still gets some of each: it may hold a lock that others wait for.
func Take() {
	runtime.LockOSThread()
	const (
		whoProcess = 1 // IOPRIO_WHO_PROCESS: a thread, in spite of its name
		idle       = 3 // IOPRIO_CLASS_IDLE, shifted by IOPRIO_CLASS_SHIFT
		classShift = 13
	)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, 0, idle<<classShift)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
}
