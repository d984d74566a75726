package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// patience is how long nothing may come to an end of what runs at once. With fifty builds
// on two cores one ends every half second.
const patience = 90 * time.Second

// together waits until all that runs at once has come as far as done says. Where nothing
// has for too long, it is stuck: then the test fails, and each says where it stands.
func together(t testing.TB, what string, all []*fixture.Process, done func(*fixture.Process) bool) {
	t.Helper()
	left, last := len(all), time.Now()
	for left > 0 {
		waiting := 0
		for _, p := range all {
			if !done(p) {
				waiting++
			}
		}
		if waiting < left {
			left, last = waiting, time.Now()
		}
		if time.Since(last) > patience {
			for _, p := range all {
				if !done(p) {
					t.Errorf("%s: stuck: %s\n%s", what, p, whereabouts(p))
				}
			}
			t.FailNow()
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ends is together until all have ended, which they must do with success.
func ends(t testing.TB, what string, all []*fixture.Process) []fixture.Result {
	t.Helper()
	together(t, what, all, func(p *fixture.Process) bool { return !p.Running() })
	results := make([]fixture.Result, len(all))
	for i, p := range all {
		if results[i] = p.Wait(); results[i].Code != 0 {
			t.Errorf("%s: %s: %v", what, p, results[i])
		}
	}
	return results
}

// whereabouts says what a process and those that it has started wait for in the kernel,
// and, if it is a program of Go's, what its goroutines do. It ends the process.
func whereabouts(p *fixture.Process) string {
	var b strings.Builder
	for _, pid := range family(p.Pid()) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		fmt.Fprintf(&b, "%d: %s\n", pid, strings.ReplaceAll(string(line), "\x00", " "))
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		for _, thread := range threads {
			stack, _ := os.ReadFile(thread + "/stack") // for root only
			fmt.Fprintf(&b, "thread %s:\n%s", filepath.Base(thread), stack)
		}
	}
	// Go's runtime prints all goroutines; a stopped process has to go on for that.
	_ = syscall.Kill(p.Pid(), syscall.SIGQUIT)
	_ = syscall.Kill(p.Pid(), syscall.SIGCONT)
	for end := time.Now().Add(10 * time.Second); p.Running() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	return b.String() + p.Said()
}

// family is a process and those below it.
func family(pid int) []int {
	all := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// What is stuck says where: without that, nobody would find out why.
func TestStuckSaysWhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	first := w.origin.StopCow("snapshot.inspected", "snapshot", "--label=first")
	second := w.origin.StartCow("snapshot")
	second.Says("another cargo-cow")
	text := whereabouts(second)
	for _, want := range []string{"flock", "goroutine ", "flock.wait(", "layers/active.Take("} {
		if !strings.Contains(text, want) {
			t.Errorf("a process that waits for a lock does not tell of %q:\n%s", want, text)
		}
	}
	if r := first.Continue(); r.Code != 0 {
		t.Errorf("the first snapshot: %v", r)
	}
	w.origin.checks()
}
