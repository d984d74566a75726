package alias

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// begin starts a script and returns when it has printed its first line.
func begin(t *testing.T, dir, script string) (*Process, string) {
	t.Helper()
	in, out, err := os.Pipe()
	must(t, err)
	defer in.Close()
	c := shell(dir, script)
	c.Stdout = out
	p, err := View{}.Start(c)
	out.Close()
	must(t, err)
	line, err := bufio.NewReader(in).ReadString('\n')
	must(t, err)
	return p, strings.TrimSpace(line)
}

func testSignals(t *testing.T, dir string) {
	const still = "echo ready; exec sleep 600"
	for _, tt := range []struct {
		script string
		signal syscall.Signal
		exit   int // or death by the signal, if negative
	}{
		{"trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done", unix.SIGTERM, 9},
		{still, unix.SIGTERM, -1},
		{still, unix.SIGINT, -1},
		{still, unix.SIGKILL, -1},
	} {
		p, _ := begin(t, dir, tt.script)
		must(t, p.Signal(tt.signal))
		status, err := p.Wait()
		must(t, err)
		if tt.exit >= 0 && status.ExitStatus() != tt.exit || tt.exit < 0 && (!status.Signaled() || status.Signal() != tt.signal) {
			t.Errorf("%q after %v: status %#x", tt.script, tt.signal, int(status))
		}
		if err := p.Signal(tt.signal); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("Signal after the end: %v, want ErrProcessDone", err)
		}
	}
}

// The terminal interrupts a whole group. A caller that catches it learns how the command has ended.
func testInterruptedGroup(t *testing.T, dir string) {
	c := shell(dir, "trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done")
	cmd := request{Path: c.Path, Args: c.Args, Env: c.Env, Dir: dir}.command()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	must(t, unix.Kill(-cmd.Process.Pid, unix.SIGINT))
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("caller ended with %v, want the command's 7", err)
	}
}

// With its caller the command ends, and with the command all that was mounted.
func testCallerKilled(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/": "", "b/": ""})
	for range 5 {
		c := shell(dir+"/a", "echo $$ $(readlink /proc/self/ns/mnt); exec sleep 600")
		cmd := request{View: View{Binds: []Bind{{dir + "/b", dir + "/a"}}}, Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir}.command()
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		must(t, err)
		pid, namespace, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !lives(pid) || namespace == readlink("/proc/self/ns/mnt") {
			t.Fatalf("command says %q", line)
		}
		must(t, cmd.Process.Kill())
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
			t.Errorf("the caller was killed, and ended with %v", err)
		}
		for end := time.Now().Add(30 * time.Second); lives(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("command %s outlives its caller", pid)
			}
		}
		processes, err := filepath.Glob("/proc/[0-9]*/ns/mnt")
		must(t, err)
		for _, p := range processes {
			if readlink(p) == namespace {
				t.Errorf("%s keeps the view", p)
			}
		}
	}
}

// So does one that is shown nothing.
func testPlainCallerKilled(t *testing.T, dir string) {
	c := shell(dir, "echo $$; exec sleep 600")
	cmd := request{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir}.command()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	pid, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	pid = strings.TrimSpace(pid)
	if own, its := readlink("/proc/self/ns/mnt"), readlink("/proc/"+pid+"/ns/mnt"); own != its {
		t.Errorf("it sees the mounts %s, and its caller %s", its, own)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for end := time.Now().Add(30 * time.Second); lives(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("command %s outlives its caller", pid)
		}
	}
}

// lives tells whether a process is more than a zombie, which some containers never reap.
func lives(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func readlink(path string) string {
	to, err := os.Readlink(path)
	if err != nil {
		return "" // the process has ended, or is somebody else's
	}
	return to
}

// manyPlaces makes n pairs of directories and returns their views.
func manyPlaces(t *testing.T, dir string, n int) []View {
	views := make([]View, n)
	for i := range views {
		a, b := fmt.Sprintf("%s/a%d", dir, i), fmt.Sprintf("%s/b%d", dir, i)
		files(t, "/", map[string]string{a + "/name": "origin", b + "/name": strconv.Itoa(i)})
		views[i] = View{Binds: []Bind{{b, a}}}
	}
	return views
}

func testManyGoroutines(t *testing.T, dir string) {
	var wg sync.WaitGroup
	for i, v := range manyPlaces(t, dir, 200) {
		wg.Go(func() {
			out, status, err := tryRun(v, shell(v.Binds[0].At, fmt.Sprintf("cat name; exit %d", i)))
			if out != strconv.Itoa(i) || status.ExitStatus() != i || err != nil {
				t.Errorf("command %d: output %q, status %#x, %v", i, out, int(status), err)
			}
		})
	}
	wg.Wait()
}

func testManyProcesses(t *testing.T, dir string) {
	var wg sync.WaitGroup
	for i, v := range manyPlaces(t, dir, 200) {
		wg.Go(func() {
			c := shell(v.Binds[0].At, "cat name")
			out, err := request{View: v, Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir}.command().Output()
			if string(out) != strconv.Itoa(i) || err != nil {
				t.Errorf("process %d: output %q, %v", i, out, err)
			}
		})
	}
	wg.Wait()
}
