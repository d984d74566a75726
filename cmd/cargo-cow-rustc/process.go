package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// An outcome is how a call has ended, and so how this process ends.
type outcome struct {
	status syscall.WaitStatus // how the compiler has ended; 0 where none was needed
	err    error              // what this program could not do; it is all that counts
}

func failed(err error) outcome { return outcome{err: err} }

// lookPath finds a program as execvp(3) does.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if path := rustc.LookPath(name, os.Getenv("PATH"), "."); path != "" {
		return path, nil
	}
	return "", syscall.ENOENT
}

// become replaces this process by the command. It returns only if that cannot be.
func become(argv, env []string) outcome {
	path, err := lookPath(argv[0])
	if err == nil {
		err = syscall.Exec(path, argv, env)
	}
	return failed(notRunnable(argv[0], err))
}

func notRunnable(program string, err error) error { return fmt.Errorf("run %s: %w", program, err) }

// behind is the command without this program: the compiler's own, or that of the
// wrapper which is chained.
func behind(argv []string) []string {
	if next := chain.Next(os.Args[0]); next != "" {
		return append([]string{next}, argv...)
	}
	return argv
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
func end(p *alias.Process, in *os.File, r *relay) (syscall.WaitStatus, error) {
	err := r.copy(in)
	in.Close()
	status, waitErr := p.Wait()
	return status, errors.Join(err, waitErr)
}

func getcwd() (string, error) {
	buf := make([]byte, syscall.PathMax)
	n, err := syscall.Getcwd(buf)
	if err != nil || n < 1 {
		return "", err
	}
	return string(buf[:n-1]), nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
