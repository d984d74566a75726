// Fuzz runs every fuzzer of the module: `go run ./hack/fuzz -total 75s` gives all of them together so long, and
// `-each 10s` that to each. A fuzzer that finds something leaves the input in its package's testdata, where an
// ordinary go test fails on it from then on, and fuzz fails.
//
// With -total every run is like the first: what earlier runs have learnt is not used, so that it does not depend on the
// machine whether a change passes. With -each it is, as with go test: the inputs of go's cache are where a run begins.
// With -keep N, and no run, the N smallest of those become part of the kept corpus of each fuzzer.
//
// Several fuzzers run beside each other, one to a processor: most of a short run is the start of its program, which
// more processors make no shorter. The test programs are built beside them as well.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	total := flag.Duration("total", 0, "time for all fuzzers together, without what is built")
	each := flag.Duration("each", 0, "time for each fuzzer")
	keep := flag.Int("keep", 0, "keep so many inputs of go's cache for each fuzzer")
	flag.Parse()
	if err := run(flag.Args(), *total, *each, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(patterns []string, total, each time.Duration, keep int) error {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	found, err := find(patterns)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("no fuzzer found")
	}
	if keep > 0 {
		return keepAll(found, keep)
	}
	cache := ""
	if total > 0 {
		// What starting a program takes is in it: 0.3 s on a middling machine.
		each = total * time.Duration(min(runtime.NumCPU(), len(found))) / time.Duration(len(found))
		if cache, err = os.MkdirTemp("", "fuzz-"); err != nil {
			return err
		}
		defer os.RemoveAll(cache)
	}
	if each <= 0 {
		return errors.New("say how long: -total or -each")
	}
	began := time.Now()
	failed := runAll(found, each, cache)
	fmt.Printf("fuzzed %d fuzzers of %d packages, %v each, in %v\n", len(found), packagesOf(found), each.Round(10*time.Millisecond), time.Since(began).Round(time.Second))
	return failed
}
