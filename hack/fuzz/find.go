package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
)

// A fuzzer is one function of one package.
type fuzzer struct {
	pkg, dir string // import path, and where it lies
	name     string
}

func (f fuzzer) String() string { return f.pkg + " " + f.name }

// corpus is where the inputs of a fuzzer are kept.
func (f fuzzer) corpus() string { return filepath.Join(f.dir, "testdata", "fuzz", f.name) }

var function = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// find reads the tests of the packages for fuzzers: to build the tests and to ask them would take longer than to run
// all fuzzers.
func find(patterns []string) ([]fuzzer, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var found []fuzzer
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, name := range names(text) {
				found = append(found, fuzzer{p.ImportPath, p.Dir, name})
			}
		}
	}
}

// names are the fuzzers that a file declares.
func names(text []byte) []string {
	var found []string
	for _, m := range function.FindAllSubmatch(text, -1) {
		found = append(found, string(m[1]))
	}
	return found
}

func packagesOf(fuzzers []fuzzer) int {
	seen := map[string]bool{}
	for _, f := range fuzzers {
		seen[f.pkg] = true
	}
	return len(seen)
}
