package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An event is one line of `go test -json` (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds, of a test that has ended
}

// A skip is a test that did not run, with what it said about it.
type skip struct {
	Package, Test, Reason string
}

// An id names a test in all packages.
type id struct{ pkg, test string }

// A summary is what is told of a whole run when it has ended.
type summary struct {
	skipped []skip
	took    map[id]time.Duration // of each test that ran
}

// filter copies what `go test` without -json and -v would have printed from r to w, and returns what is to be told at
// the end. Lines that are not events (go's own complaints) are copied as they are.
func filter(r io.Reader, w io.Writer) (summary, error) {
	said := map[id]*strings.Builder{}
	sum := summary{took: map[id]time.Duration{}}

	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				if _, err := io.WriteString(w, line); err != nil {
					return sum, fmt.Errorf("print test output: %w", err)
				}
			}
			test := id{e.Package, e.Test}
			if e.Test != "" && (e.Action == "pass" || e.Action == "fail") {
				sum.took[test] = time.Duration(e.Elapsed * float64(time.Second))
			}
			shown := ""
			switch {
			case e.Action == "build-output":
				shown = e.Output
			case e.Action == "output" && e.Test == "":
				// A package's own PASS says nothing that its "ok" line does not.
				if e.Output != "PASS\n" {
					shown = e.Output
				}
			case e.Action == "output":
				if said[test] == nil {
					said[test] = new(strings.Builder)
				}
				if !isMarker(e.Output) {
					said[test].WriteString(e.Output)
				}
			case e.Test == "":
			case e.Action == "fail":
				shown = text(said[test])
				delete(said, test)
			case e.Action == "pass":
				delete(said, test)
			case e.Action == "skip":
				sum.skipped = append(sum.skipped, skip{e.Package, e.Test, text(said[test])})
				delete(said, test)
			}
			if _, err := io.WriteString(w, shown); err != nil {
				return sum, fmt.Errorf("print test output: %w", err)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return sum, fmt.Errorf("read test events: %w", err)
		}
	}
	// A test that never ended (a panic, a time-out) has no event that says so, and its output is the one that matters.
	for _, b := range said {
		if _, err := io.WriteString(w, b.String()); err != nil {
			return sum, fmt.Errorf("print test output: %w", err)
		}
	}
	return sum, nil
}

// count returns how many tests ran to their end, without their subtests and with them.
func (s summary) count() (tests, all int) {
	for test := range s.took {
		if !strings.Contains(test.test, "/") {
			tests++
		}
	}
	return tests, len(s.took)
}

// slowest returns the tests that took longest, at most n, the slowest first. Of a test with subtests only these count:
// it lasts until the last of them has ended.
func (s summary) slowest(n int) []id {
	parents := map[id]bool{}
	for test := range s.took {
		for i := strings.LastIndexByte(test.test, '/'); i >= 0; i = strings.LastIndexByte(test.test[:i], '/') {
			parents[id{test.pkg, test.test[:i]}] = true
		}
	}
	var list []id
	for test := range s.took {
		if !parents[test] {
			list = append(list, test)
		}
	}
	slices.SortFunc(list, func(a, b id) int {
		return cmp.Or(cmp.Compare(s.took[b], s.took[a]), strings.Compare(a.pkg, b.pkg), strings.Compare(a.test, b.test))
	})
	return list[:min(n, len(list))]
}

// isMarker tells the lines that only -v prints.
func isMarker(output string) bool {
	for _, marker := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "=== ATTR "} {
		if strings.HasPrefix(output, marker) {
			return true
		}
	}
	return false
}

func text(b *strings.Builder) string {
	if b == nil {
		return ""
	}
	return b.String()
}
