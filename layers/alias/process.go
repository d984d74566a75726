package alias

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Process is a command that was started.
type Process struct {
	pid  int
	done chan struct{} // closed when status and err are known

	mu     sync.Mutex // a process id means this process while it is not reaped
	reaped bool

	status syscall.WaitStatus
	err    error
}

// Start starts the command in the view, and returns when it has begun, or when it is certain that it will not. In case
// of an error nothing of it ran, and the error matches ErrUnavailable or ErrNotRun.
//
// The command is a member of the caller's process group, and gets the signals of its terminal. A caller that has work
// to do after the command catches these with signal.Notify: what it ignores instead, the command ignores too.
func (v View) Start(c Command) (*Process, error) {
	return start(job{binds: v.Binds, readOnly: v.ReadOnly, command: c})
}

// Wait waits for the end of the command and returns how it ended, each time it is called.
func (p *Process) Wait() (syscall.WaitStatus, error) {
	<-p.done
	return p.status, p.err
}

// Signal sends a signal to the command alone. After its end the error matches os.ErrProcessDone.
func (p *Process) Signal(s os.Signal) error {
	signal, ok := s.(syscall.Signal)
	if !ok {
		return &os.SyscallError{Syscall: "kill", Err: unix.EINVAL}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return os.ErrProcessDone
	}
	return os.NewSyscallError("kill", unix.Kill(p.pid, signal))
}

func start(j job) (*Process, error) {
	if !mainCalled.Load() {
		return nil, unavailable("start child", errors.New("this program does not call alias.Main"))
	}
	if err := j.check(); err != nil {
		return nil, err
	}
	j.parent = os.Getpid()
	j.command.Env = withPWD(j.command.Env, j.command.Dir)
	p := &Process{done: make(chan struct{})}
	started := make(chan error, 1)
	go p.supervise(j, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// withPWD replaces the first PWD of env, drops the others, and adds one if there is none.
func withPWD(env []string, dir string) []string {
	const name = "PWD="
	with := make([]string, 0, len(env)+1)
	found := false
	for _, e := range env {
		if strings.HasPrefix(e, name) {
			if found {
				continue
			}
			e, found = name+dir, true
		}
		with = append(with, e)
	}
	if !found {
		with = append(with, name+dir)
	}
	return with
}

// supervise starts the child, tells what became of it, and waits for its end, all on one thread: the kernel sends the
// parent-death signal when the thread that forked ends, whatever becomes of the process (prctl(2), PR_SET_PDEATHSIG).
func (p *Process) supervise(j job, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	var err error
	if j.showsNothing() {
		p.pid, err = launchPlain(&j)
	} else {
		err = p.launchInView(&j)
	}
	if err != nil {
		started <- err
		return
	}
	started <- nil
	p.reap()
	close(p.done)
}

// launchInView starts the child, and returns nil when it has become the command.
func (p *Process) launchInView(j *job) error {
	pid, control, err := launch(j)
	if err != nil {
		return err
	}
	p.pid = pid
	err = sendJob(control, j)
	unix.Close(control)
	if err != nil {
		p.reap()
	}
	return err
}

// launchPlain starts the command where nothing is to be seen elsewhere: that takes neither a namespace, which may be
// withheld, nor a start of this program between.
func launchPlain(j *job) (pid int, err error) {
	c := &j.command
	if _, err := j.encode(); err != nil {
		return 0, unavailable("start child", err)
	}
	stdin, stdout, stderr := descriptor(c.Stdin, 0), descriptor(c.Stdout, 1), descriptor(c.Stderr, 2)
	high, err := duplicateAbove(stderr, max(stdin, stdout))
	if err != nil {
		return 0, unavailable("start child", err)
	}
	defer unix.Close(high)
	pid, _, err = syscall.StartProcess(c.Path, c.Args, &syscall.ProcAttr{
		Dir: c.Dir, Env: c.Env, Files: []uintptr{uintptr(stdin), uintptr(stdout), uintptr(high)},
		Sys: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL},
	})
	runtime.KeepAlive(c)
	var entering error
	if err != nil {
		entering = unix.Access(c.Dir+"/.", unix.X_OK)
	}
	switch {
	case err == nil:
		return pid, nil
	case entering != nil:
		return 0, unavailable("enter "+c.Dir, entering)
	case err == unix.EAGAIN || err == unix.ENOMEM:
		return 0, unavailable("start child", err)
	}
	return 0, &failure{ErrNotRun, "execute " + c.Path, err}
}

func (p *Process) reap() {
	// While the process is a zombie its id is nobody else's, and Signal need not be kept waiting.
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		_, err := syscall.Wait4(p.pid, &p.status, 0, nil)
		if err != syscall.EINTR {
			p.err = os.NewSyscallError("wait4", err)
			break
		}
	}
	p.reaped = true
}

// launch starts the child, which waits to be told the rest through control.
func launch(j *job) (pid, control int, err error) {
	const what = "start child"
	ns, err := chooseNamespace()
	if err != nil {
		return 0, 0, unavailable(what, err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, unavailable(what, err)
	}
	defer unix.Close(pair[1])
	stdout, stderr := descriptor(j.command.Stdout, 1), descriptor(j.command.Stderr, 2)
	stdin, err := duplicateAbove(pair[1], max(stdout, stderr))
	if err != nil {
		unix.Close(pair[0])
		return 0, 0, unavailable(what, err)
	}
	defer unix.Close(stdin)

	j.userNamespace, j.bounding = ns.hasUser(), ns.bounding
	// The link is good even if the program was replaced or deleted meanwhile. The environment is the command's and none
	// of the child's business: GODEBUG, for example, would change it.
	pid, _, err = syscall.StartProcess("/proc/self/exe", []string{childName}, &syscall.ProcAttr{
		Files: []uintptr{uintptr(stdin), uintptr(stdout), uintptr(stderr)},
		Sys:   &ns.attr,
	})
	runtime.KeepAlive(j.command.Stdout)
	runtime.KeepAlive(j.command.Stderr)
	if err != nil {
		unix.Close(pair[0])
		// ENOSPC is a limit on namespaces (clone(2)), such as that of the sysctl user.max_user_namespaces.
		return 0, 0, unavailable("make namespaces", err)
	}
	return pid, pair[0], nil
}

// duplicateAbove duplicates fd to a number that is higher than other, and above which some are not inherited by children.
//
// While package syscall sets up the streams of a child, it uses the numbers above the highest of them without asking
// whether they are in use (Go 1.26, syscall/exec_linux.go, forkAndExecInChild1: nextfd), at most one for each stream and
// one for its own pipe. An inherited descriptor there, such as that of a jobserver, would be lost.
func duplicateAbove(fd, other int) (int, error) {
	const used = 4
	for above := other; ; {
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, above+1)
		if err != nil {
			return 0, err
		}
		above = high
		for n := high + 1; n <= high+used; n++ {
			if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
				above = n
			}
		}
		if above == high {
			return high, nil
		}
		unix.Close(high)
	}
}
