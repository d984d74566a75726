package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"github.com/cargo-cow/cargo-cow/layers/alias"
)

// forwarded are the signals that ask a program to end, or that it gives a meaning.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}

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

// raise ends this process by a signal, as another has ended. It returns where that is
// blocked or harmless.
func raise(n syscall.Signal) {
	// The core is rustc's.
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	// Go answers some signals with a trace of its own: the kernel's answer is asked for.
	var byDefault [4]uintptr // struct kernel_sigaction: handler, flags, restorer, mask
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	syscall.Kill(os.Getpid(), n)
	time.Sleep(time.Second)
}
