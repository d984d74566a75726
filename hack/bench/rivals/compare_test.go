package main

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
	if err := stop(home); err != nil {
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

func TestRows(t *testing.T) {
	got := rows([]figure{
		{tool: "plain cargo", cold: time.Minute, together: 50 * time.Second},
		{tool: "cargo-cow", cold: time.Minute, add: time.Second, build: time.Second, together: 2 * time.Second, added: 1_500_000},
	})
	if got[1][5] != "25.0" || got[2][5] != "1.0" || got[2][4] != "1.5 MB" || got[2][3] != "1.00 s + 1.00 s" {
		t.Errorf("rows = %v", got)
	}
}
