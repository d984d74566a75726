package spawn

import (
	"fmt"
	"os/exec"
	"syscall"
)

// Snapshot starts a snapshot of the build directory of a checkout. The store is the one
// that was named for the command, "" if none was.
func Snapshot(environ []string, checkout, store, label string) error {
	args := []string{"--directory", checkout, "snapshot", "--background"}
	if store != "" {
		args = append(args, "--store", store)
	}
	if label != "" {
		args = append(args, "--label", label)
	}
	if err := detached(environ, args...); err != nil {
		return fmt.Errorf("start snapshot: %w", err)
	}
	return nil
}

// Warm starts reading a build directory ahead.
func Warm(environ []string, buildDir string) error {
	if err := detached(environ, "warm", buildDir); err != nil {
		return fmt.Errorf("start reading ahead: %w", err)
	}
	return nil
}

// Prune starts the prune of a store that nobody has asked for.
func Prune(environ []string, store string) error {
	if err := detached(environ, "--store", store, "prune", "--auto", "--background"); err != nil {
		return fmt.Errorf("start prune: %w", err)
	}
	return nil
}

// Supersede starts removing layers that nobody has asked for where later ones stand for them.
func Supersede(environ []string, store string) error {
	if err := detached(environ, "--store", store, "prune", "--superseded", "--background"); err != nil {
		return fmt.Errorf("start prune: %w", err)
	}
	return nil
}

// Sweep starts deleting what is no part of a store any more.
func Sweep(environ []string, store string) error {
	if err := detached(environ, "--store", store, "prune", "--background"); err != nil {
		return fmt.Errorf("start sweep: %w", err)
	}
	return nil
}

// detached starts this program with other arguments in a process that outlives this
// one and the terminal, and has nothing to say.
func detached(environ []string, args ...string) error {
	program, err := Program()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, args...)
	cmd.Env = environ
	cmd.Dir = "/" // holds no directory that somebody may want to unmount
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
