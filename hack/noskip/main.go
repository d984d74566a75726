// Noskip runs go test and counts what was skipped: `go run ./hack/noskip [go test's arguments]`. It prints what go test
// itself would print, then how many tests ran and which of them took longest, then every skipped test with its reason;
// with the environment variable CI set, a skipped test is a failure, since a check that did not run has shown nothing.
// It reads one stream on one goroutine.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// mostSlow is how many of the slowest tests are named.
const mostSlow = 10

func main() {
	code, err := run(os.Args[1:], os.Getenv("CI") != "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	os.Exit(code)
}

// run returns the exit code: go test's own, or 1 when it passed but tests were skipped and skips is set.
func run(args []string, skipsFail bool) (int, error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("run go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("run go test: %w", err)
	}
	sum, readErr := filter(events, os.Stdout)
	waitErr := cmd.Wait()
	tests, all := sum.count()
	fmt.Printf("ran   %d tests, %d with their subtests\n", tests, all)
	for _, test := range sum.slowest(mostSlow) {
		fmt.Printf("slow  %6.1fs  %s %s\n", sum.took[test].Seconds(), test.pkg, test.test)
	}
	if exit, ok := errors.AsType[*exec.ExitError](waitErr); ok {
		return max(exit.ExitCode(), 1), nil
	}
	if err := errors.Join(readErr, waitErr); err != nil {
		return 0, fmt.Errorf("run go test: %w", err)
	}
	for _, s := range sum.skipped {
		fmt.Printf("skipped  %s %s\n%s", s.Package, s.Test, s.Reason)
	}
	if len(sum.skipped) > 0 && skipsFail {
		return 0, fmt.Errorf("%d tests were skipped, and with CI set none may be", len(sum.skipped))
	}
	return 0, nil
}
