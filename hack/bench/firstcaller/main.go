// Firstcaller asks a compiler for its version as cargo does before it builds, straight and through a wrapper, and prints
// what each call took: `firstcaller build -- PAIRS RUSTC WRAPPER`. The wrapper looks in /proc at who has called it, so the
// file must be called cargo, and what stands before -- is what cargo is called with. The two take turns, and take turns at
// being first. Each line is a pair, in ns: time and processor time of the bare call, then of the wrapped one. With 0 pairs
// one wrapped call is made, and the figures of the bare one are 0. It runs in the checkout of which the wrapper is to think.
// Called in any other way it is the cargo that FIRSTCALLER_CARGO names: what the wrapper starts asks the cargo it is for.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if i := slices.Index(os.Args, "--"); i < 0 || len(os.Args) != i+4 {
		cargo := os.Getenv("FIRSTCALLER_CARGO")
		err := unix.Exec(cargo, append([]string{cargo}, os.Args[1:]...), os.Environ())
		fmt.Fprintf(os.Stderr, "error: FIRSTCALLER_CARGO=%s: %v\n", cargo, err)
		os.Exit(1)
	}
	if err := call(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func call(args []string) error {
	i := slices.Index(args, "--")
	pairs, err := strconv.Atoi(args[i+1])
	if err != nil {
		return err
	}
	bare, wrapped := []string{args[i+2], "-vV"}, []string{args[i+3], args[i+2], "-vV"}
	if pairs == 0 {
		w, err := run(wrapped)
		fmt.Println(0, 0, w.wall.Nanoseconds(), w.processor.Nanoseconds())
		return err
	}
	for n := range pairs {
		first, second := bare, wrapped
		if n%2 == 1 {
			first, second = wrapped, bare
		}
		a, err := run(first)
		if err != nil {
			return err
		}
		b, err := run(second)
		if err != nil {
			return err
		}
		if !bytes.Equal(a.said, b.said) {
			return fmt.Errorf("%q says %q, %q says %q", first, a.said, second, b.said)
		}
		if n%2 == 1 {
			a, b = b, a
		}
		fmt.Println(a.wall.Nanoseconds(), a.processor.Nanoseconds(), b.wall.Nanoseconds(), b.processor.Nanoseconds())
	}
	return nil
}

// A figure is what a call took, and what it printed.
type figure struct {
	wall, processor time.Duration
	said            []byte
}

func run(argv []string) (f figure, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	start := time.Now()
	f.said, err = cmd.Output()
	f.wall = time.Since(start)
	if err != nil {
		return f, fmt.Errorf("run %q: %w", argv, err)
	}
	f.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return f, nil
}
