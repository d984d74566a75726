package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"time"
)

// patience is how much longer than it was told a fuzzer may take: it starts, reads its corpus and, having found
// something, makes that small, for which it gets shrinkTime.
const (
	patience   = 2 * time.Minute
	shrinkTime = 10 * time.Second
)

// runAll builds and runs the fuzzers, one to a processor. Each package's program is built once, by who comes first.
func runAll(found []fuzzer, each time.Duration, cache string) error {
	bin, err := os.MkdirTemp("", "fuzz-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	programs := map[string]func() (string, error){}
	for _, f := range found {
		if programs[f.pkg] == nil {
			path := filepath.Join(bin, fmt.Sprint(len(programs)))
			programs[f.pkg] = sync.OnceValues(func() (string, error) { return path, build(f.pkg, path) })
		}
	}
	var (
		mu     sync.Mutex
		errs   []error
		wg     sync.WaitGroup
		queued = make(chan fuzzer)
	)
	for range runtime.NumCPU() {
		wg.Go(func() {
			for f := range queued {
				out, err := fuzz(f, programs[f.pkg], each, cache)
				mu.Lock()
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", f, err))
					fmt.Printf("FAIL  %s\n%s", f, out)
				} else {
					fmt.Printf("ok    %s\n", f)
				}
				mu.Unlock()
			}
		})
	}
	for _, f := range found {
		queued <- f
	}
	close(queued)
	wg.Wait()
	return errors.Join(errs...)
}

// build builds the tests of a package as go test -fuzz does, so that they tell which code an input reaches.
func build(pkg, path string) error {
	cmd := exec.Command("go", "test", "-c", "-fuzz=.", "-vet=off", "-o", path, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build its tests: %w\n%s", err, out)
	}
	return nil
}

// fuzz runs one fuzzer, and returns what it printed.
func fuzz(f fuzzer, program func() (string, error), each time.Duration, cache string) ([]byte, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	own := filepath.Join(cache, filepath.Base(path))
	if cache == "" {
		if own, err = goCache(f.pkg); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), each+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-test.run=^$", "-test.fuzz=^"+f.name+"$", "-test.fuzztime="+each.String(),
		"-test.fuzzminimizetime="+shrinkTime.String(), "-test.parallel=1", "-test.fuzzcachedir="+own)
	cmd.Dir = f.dir // where its testdata lies
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("it did not end: %w", ctx.Err())
	case err != nil && onlyTimeUp(out):
		err = nil
	}
	return out, err
}

// timeUp is all that a fuzzer prints whose end Go has taken for a failure: the context of -test.fuzztime is over a
// moment before the workers' is (golang.org/issue/75804, mended in Go 1.27; seen here with FuzzParse of
// layers/cargo/lockfile). What truly fails says more, and where it has written the input.
var timeUp = regexp.MustCompile(`\A(?:fuzz: .*\n)*--- FAIL: \w+ \([0-9.]+s\)\n    context deadline exceeded\nFAIL\n\z`)

func onlyTimeUp(out []byte) bool { return timeUp.Match(out) }

// goCache is where go test -fuzz keeps what it has learnt of a package's fuzzers.
func goCache(pkg string) (string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for its cache: %w", err)
	}
	return filepath.Join(string(out[:len(out)-1]), "fuzz", filepath.FromSlash(pkg)), nil
}
