package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// An event is one line of `go test -json` (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// A skip is a test that did not run, with what it said about it.
type skip struct {
	Package, Test, Reason string
}

// filter copies what `go test` without -json and -v would have printed from r to w, and returns the skipped tests.
// Lines that are not events (go's own complaints) are copied as they are.
func filter(r io.Reader, w io.Writer) ([]skip, error) {
	type id struct{ pkg, test string }
	said := map[id]*strings.Builder{}
	var skipped []skip

	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				if _, err := io.WriteString(w, line); err != nil {
					return skipped, fmt.Errorf("print test output: %w", err)
				}
			}
			test := id{e.Package, e.Test}
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
				skipped = append(skipped, skip{e.Package, e.Test, text(said[test])})
				delete(said, test)
			}
			if _, err := io.WriteString(w, shown); err != nil {
				return skipped, fmt.Errorf("print test output: %w", err)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return skipped, fmt.Errorf("read test events: %w", err)
		}
	}
	// A test that never ended (a panic, a time-out) has no event that says so, and its output is the one that matters.
	for _, b := range said {
		if _, err := io.WriteString(w, b.String()); err != nil {
			return skipped, fmt.Errorf("print test output: %w", err)
		}
	}
	return skipped, nil
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
