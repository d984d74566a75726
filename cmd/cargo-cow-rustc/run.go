package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// forwarded are the signals that ask a program to end, or that it gives a meaning.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}

// run compiles the unit where the place is seen at the other path, and ends this
// process as rustc ended. It returns if the call has to be run as it is, and then
// nothing has been said yet.
func (j *job) run(s *service) {
	program, err := lookPath(j.Argv[0])
	if err != nil {
		return
	}
	signals := catch()
	r := &relay{out: s.listen(os.Stderr), toHere: j.paths.toHere, there: j.paths.spelled(), accept: j.faithful}
	p, in, err := start(j.view, alias.Command{Path: program, Args: j.argvThere(), Env: j.env, Dir: j.paths.root})
	if err != nil {
		if errors.Is(err, alias.ErrUnavailable) {
			handoff.SetUnavailable(j.build, err.Error())
		}
		signals.release()
		return
	}
	handoff.SetUnavailable(j.build, "")
	signals.pass(p)
	status := end(p, in, r)
	passed := status.Exited() && status.ExitStatus() == 0
	if passed && !r.accepted && !r.refused {
		r.ask()
	}
	switch {
	case status.Signaled():
	case !r.announced && len(r.said) == 0 && j.doubtful(r, passed):
		signals.release()
		return
	case !r.announced && j.doubtful(r, passed):
		status = j.again(signals, r)
		if status == 0 {
			die(status) // the state is the place's own now
		}
		r.held = nil
	}
	r.flush()
	if err := j.correct(); err != nil {
		fail("correct " + j.inputs + ": " + err.Error())
	}
	if passed {
		s.keep(j.paths.root)
	}
	die(status)
}

func (j *job) argvThere() []string {
	if !ruleArguments.on() {
		argv := []string{}
		for _, a := range j.Argv {
			argv = append(argv, string(bytes.ReplaceAll([]byte(a), []byte(j.paths.here), []byte(j.paths.there))))
		}
		return argv
	}
	return j.Moved(j.paths.toThere)
}

// faithful reports whether rustc has read what is the place's own.
func (j *job) faithful() bool {
	text, err := os.ReadFile(j.inputs)
	return err == nil && j.paths.faithful(string(text), j.Remaps)
}

// doubtful reports whether the outcome may be owed to the view.
func (j *job) doubtful(r *relay, passed bool) bool {
	if r.refused {
		return true
	}
	if passed || !ruleAgain.on() {
		return false
	}
	// Before it has listed what it read, rustc has not done much; whatever it, or a
	// macro, could not find may be found where the place lies.
	return !r.accepted || !sameDir(j.paths.there, j.before) || missing(r.held)
}

// missing looks for errors of the system about files: ENOENT, ENOTDIR, ELOOP.
func missing(lines [][]byte) bool {
	for _, line := range lines {
		for _, text := range []string{"(os error 2)", "(os error 20)", "(os error 40)"} {
			if bytes.Contains(line, []byte(text)) {
				return true
			}
		}
	}
	return false
}

// again runs the call as it is, when something has been said already.
func (j *job) again(signals *signals, r *relay) syscall.WaitStatus {
	argv := behind(j.Argv)
	program, err := lookPath(argv[0])
	if err == nil {
		var p *alias.Process
		var in *os.File
		if p, in, err = start(alias.View{}, alias.Command{Path: program, Args: argv, Env: j.env, Dir: j.place.Root}); err == nil {
			signals.pass(p)
			return end(p, in, r.again())
		}
	}
	fail("run " + argv[0] + ": " + err.Error())
	return 0
}

// correct has the unit's list of inputs name the place, and notes where its state
// was made. That of a run that failed is corrected as well: the state is still the
// one there was.
func (j *job) correct() error {
	text, err := os.ReadFile(j.inputs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	state := handoff.State{Root: j.paths.root, Build: j.paths.buildThere}
	renamed := string(text)
	if ruleDepFile.on() {
		renamed = depfile.Rename(renamed, j.paths.toHere)
	}
	if renamed = state.Mark(renamed); renamed == string(text) {
		return nil
	}
	return depfile.Write(j.inputs, renamed)
}

// spelled are the paths that mean something else there, the longest first.
func (p *mapping) spelled() []string {
	dirs := []string{p.there}
	if p.apart {
		dirs = append(dirs, p.buildThere)
	}
	if p.git[0] != "" {
		dirs = append(dirs, p.git[0])
		if there := p.toThere(p.git[0]); there != p.git[0] {
			dirs = append(dirs, there)
		}
	}
	for i := range dirs {
		for k := i; k > 0 && len(dirs[k]) > len(dirs[k-1]); k-- {
			dirs[k], dirs[k-1] = dirs[k-1], dirs[k]
		}
	}
	return dirs
}

// start starts a command whose standard error can be read from in.
func start(v alias.View, c alias.Command) (p *alias.Process, in *os.File, err error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	c.Stderr = out
	p, err = v.Start(c)
	out.Close()
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return p, in, nil
}

// end relays to the end of a command. What it has started may live longer and hold
// its standard error open; cargo, too, reads to the end.
func end(p *alias.Process, in *os.File, r *relay) syscall.WaitStatus {
	err := r.copy(in)
	in.Close()
	status, waitErr := p.Wait()
	if err = errors.Join(err, waitErr); err != nil {
		fail(err.Error())
	}
	return status
}

// signals hands on what this process is sent: it lives to end as rustc does.
type signals struct {
	caught chan os.Signal
	to     chan *alias.Process
}

func catch() *signals {
	s := &signals{caught: make(chan os.Signal, 8), to: make(chan *alias.Process, 2)}
	for _, n := range forwarded {
		// What the caller ignores stays ignored, as nohup wants it.
		if !signal.Ignored(n) {
			signal.Notify(s.caught, n)
		}
	}
	go func() {
		p := <-s.to
		for {
			select {
			case n := <-s.caught:
				if p != nil {
					p.Signal(n)
				}
			case p = <-s.to:
			}
		}
	}()
	return s
}

func (s *signals) pass(p *alias.Process) { s.to <- p }

// release gives up catching, before this process becomes another. A signal that was
// caught meanwhile takes effect.
func (s *signals) release() {
	signal.Stop(s.caught)
	for _, n := range forwarded {
		if !signal.Ignored(n) {
			signal.Reset(n)
		}
	}
	select {
	case n := <-s.caught:
		if n, ok := n.(syscall.Signal); ok {
			syscall.Kill(os.Getpid(), n)
		}
	default:
	}
}

// die ends this process as another has ended.
func die(status syscall.WaitStatus) {
	if !status.Signaled() {
		os.Exit(status.ExitStatus())
	}
	n := status.Signal()
	// The core is rustc's.
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	// Go answers some signals with a trace of its own: the kernel's answer is asked for.
	var byDefault [4]uintptr // struct kernel_sigaction: handler, flags, restorer, mask
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	syscall.Kill(os.Getpid(), n)
	time.Sleep(time.Second)
	// It was blocked or is harmless: the status of shells.
	os.Exit(128 + int(n))
}
