package main

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/lowpriority"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// keepFlag has this program be a keeper, for the store and the run that follow. No compiler is called so.
const keepFlag = "--keep-what-was-compiled"

const (
	// unhurried is how long a keeper waits for more once nothing was put on its list. Most units take less, and a program
	// that cargo has become (cargo run) may go on for days.
	unhurried = 10 * time.Second
	// settle is how long a file must have been left alone before it is taken (warehouse.openAtOrigin).
	settle = 50 * time.Millisecond
)

// keepLater has a record's files be kept when cargo is done, by a process that ends when it has kept them. It reports false
// where nobody will.
func (c *cachedCall) keepLater(rec *rustc.Record) bool {
	run, ok := runOf(os.Getppid())
	if !ok {
		return false
	}
	first, err := c.warehouse.Postpone(rec, run)
	if err == nil && first {
		if err = startKeeper(c.warehouse.Store(), run); err != nil {
			c.warehouse.Abandon(run)
		}
	}
	return err == nil
}

// keepsAtOnce reports whether what outlives cargo may be killed, so that nothing is left for later: in CI, in a container
// or another sandbox that has its own numbers for processes, or where the user says so.
func keepsAtOnce(env []string) bool {
	getenv := locate.Getenv(env)
	if getenv(warehouseVariable) == "now" || locate.IsCI(getenv) {
		return true
	}
	const initial = "pid:[4026531836]" // Linux include/linux/proc_ns.h, PROC_PID_INIT_INO
	ns, err := os.Readlink("/proc/self/ns/pid")
	return err != nil || ns != initial
}

// runOf names a process, by its number and when it was started, which together no other has until the system is started
// again. It is not ok where the process has gone.
func runOf(pid int) (run string, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", false
	}
	// proc(5): the name, in parentheses, may have anything in it; starttime is the 22nd field.
	behind := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	const starttime = 22 - 3
	if len(behind) <= starttime {
		return "", false
	}
	return strconv.Itoa(pid) + "-" + behind[starttime], true
}

// startKeeper starts this program once more, in a process of its own that has nothing of cargo's.
func startKeeper(store, run string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	p, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], keepFlag, store, run}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: []*os.File{null, null, null}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	return p.Release()
}

// keep is the keeper: it keeps what is on the list of a run when that has ended, or has had nothing compiled for a while.
// Then it does what other keepers were killed over.
func keep(store, run string) {
	// What waits for the end of a pipe that cargo was given must not wait for this process.
	_ = unix.CloseRange(3, math.MaxUint32, 0)
	lowpriority.Take()
	w := warehouse.In(store)
	k, err := w.Keeper(run)
	if err != nil {
		return
	}
	await(run, k.Length)
	_ = k.Finish(context.Background())
	for _, other := range w.Runs() {
		if _, alive := pidOf(other); alive {
			continue
		}
		if k, err := w.Keeper(other); err == nil {
			_ = k.Finish(context.Background())
		}
	}
}

// pidOf is the process of a run, if that is still there.
func pidOf(run string) (pid int, alive bool) {
	number, _, _ := strings.Cut(run, "-")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return 0, false
	}
	now, ok := runOf(pid)
	return pid, ok && now == run
}

// await waits until a run has ended, or nothing has been added for a while.
func await(run string, length func() int64) {
	defer time.Sleep(settle)
	pid, alive := pidOf(run)
	if !alive {
		return
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // before Linux 5.3
	}
	defer unix.Close(process)
	if _, alive := pidOf(run); !alive {
		return // another has the number by now
	}
	for last := int64(-1); length() != last; {
		last = length()
		ended := []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}
		for end := time.Now().Add(unhurried); ; {
			n, err := unix.Poll(ended, int(time.Until(end).Milliseconds()))
			if err == unix.EINTR && time.Now().Before(end) {
				continue
			}
			if n > 0 || err != nil && err != unix.EINTR {
				return
			}
			break
		}
	}
}
