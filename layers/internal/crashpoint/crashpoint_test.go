package crashpoint

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

var (
	first  = New("test.first")
	second = New("test.second")
)

// spec is how this test binary, run again, arms itself.
const spec = "CRASHPOINT_TEST_SPEC"

func TestMain(m *testing.M) {
	if s := os.Getenv(spec); s != "" {
		if err := Arm(s); err != nil {
			panic(err)
		}
		fmt.Println("before")
		first.Hit()
		fmt.Println("after")
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T, action string) (*exec.Cmd, func() string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), spec+"=test.first="+action)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, func() string {
		buf := make([]byte, 100)
		n, _ := out.Read(buf)
		return string(buf[:n])
	}
}

func TestKill(t *testing.T) {
	cmd, read := start(t, "kill")
	if got := read(); got != "before\n" {
		t.Errorf("output %q", got)
	}
	if got := read(); got != "" {
		t.Errorf("went on after the point: %q", got)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("ended with %v, want SIGKILL", err)
	}
}

func TestStop(t *testing.T) {
	cmd, read := start(t, "stop")
	if got := read(); got != "before\n" {
		t.Errorf("output %q", got)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("status %v, %v, want stopped", status, err)
	}
	got := make(chan string)
	go func() { got <- read() }()
	select {
	case line := <-got:
		t.Errorf("went on while stopped: %q", line)
	case <-time.After(50 * time.Millisecond):
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if line := <-got; line != "after\n" {
		t.Errorf("after SIGCONT: %q, want to go on", line)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestError(t *testing.T) {
	t.Cleanup(func() { Arm("") })
	if err := first.Hit(); err != nil {
		t.Errorf("unarmed: %v", err)
	}
	if err := Arm("test.first=error,"); err != nil {
		t.Fatal(err)
	}
	if err := first.Hit(); !errors.Is(err, ErrInjected) {
		t.Errorf("armed: %v, want ErrInjected", err)
	}
	if err := second.Hit(); err != nil {
		t.Errorf("the other: %v", err)
	}
	for _, bad := range []string{"test.second", "test.second=", "test.second=explode", "test.none=error", "=error", "test.second=error,x=kill"} {
		if Arm(bad) == nil {
			t.Errorf("Arm(%q) succeeded", bad)
		}
	}
	if err := first.Hit(); !errors.Is(err, ErrInjected) {
		t.Errorf("a bad Arm changed something: %v", err)
	}
	if err := Arm("test.second=error"); err != nil {
		t.Fatal(err)
	}
	if first.Hit() != nil || second.Hit() == nil {
		t.Error("Arm did not replace what was armed")
	}
	if err := Arm(""); err != nil || second.Hit() != nil {
		t.Error("Arm of nothing did not disarm")
	}
}

func TestNames(t *testing.T) {
	if got := All(); !slices.Equal(got, []string{"test.first", "test.second"}) {
		t.Errorf("All: %q", got)
	}
	for _, bad := range []string{"", "a=b", "a,b", "test.first"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%q) did not panic", bad)
				}
			}()
			New(bad)
		}()
	}
}

func BenchmarkUnarmed(b *testing.B) {
	for b.Loop() {
		if err := first.Hit(); err != nil {
			b.Fatal(err)
		}
	}
}
