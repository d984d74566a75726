package rival

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A tool's server is found by its home, however it has detached itself, and nobody else's process is.
func TestStop(t *testing.T) {
	start := func(home string) *exec.Cmd {
		cmd := exec.Command("setsid", "sleep", "60")
		cmd.Env = append(os.Environ(), "HOME="+home)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	ours, other := start(t.TempDir()), start(t.TempDir())
	defer other.Process.Kill()
	home := ours.Env[len(ours.Env)-1][len("HOME="):]
	if err := Stop(home); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ours.Wait() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		ours.Process.Kill()
		t.Error("the process with that home was not stopped")
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process with another home: %v", err)
	}
}
