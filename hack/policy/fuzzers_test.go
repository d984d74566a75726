package policy

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// Who imports one of these reads what somebody else has written, or it writes only, and says so in unfuzzed.
var readsBytes = []string{
	module + "/layers/regular", "bufio", "debug/elf", "encoding/binary", "encoding/json", toml, yaml,
}

// Packages that read bytes and have no fuzzer, with the reason.
var unfuzzed = map[string]string{
	"cmd/internal/byitself":      "compares two lockfiles, byte for byte",
	"cmd/internal/storing":       "shows the name of a driver as it stands there",
	"cmd/internal/fixture":       "reads what tests have made",
	"layers":                     "reads files whole, and hands them to the packages that know their forms",
	"layers/cargo/calls":         "reads back what this program has noted, in a directory of its own",
	"layers/cargo/checkout":      "hands sources and .d files to rustsrc and depfile",
	"layers/cargo/inputs":        "looks for one line in a manifest; all else is digested",
	"layers/cargo/linkage":       "hands what a script printed to script",
	"layers/cargo/reach":         "hands sources to rustsrc",
	"layers/cargo/targets":       "looks for a version in cargo's notes, and hands lists of inputs to depfile",
	"layers/internal/atomicfile": "makes a number of random bytes",
	"layers/internal/flock":      "reads a table of the kernel's",
	"layers/workspace":           "hands a lockfile to lockfile",
	"layers/recompile":           "looks for the first error among rustc's lines",
	"layers/usage":               "reads paths that commands have noted; the database is SQLite's",
	"layers/whereabouts":         "reads a path that a command has noted",
	"layers/rustc/rustctest":     "writes what tests read",
}

var fuzzer = regexp.MustCompile(`(?m)^func Fuzz\w+\(\w+ \*testing\.F\)`)

// Every package that reads bytes of others is fuzzed, or says above why it need not be.
func TestParsersAreFuzzed(t *testing.T) {
	for _, p := range packages(t) {
		name := p.name()
		if under(name, "hack") || under(name, "driver/drivertest") {
			continue
		}
		reads := ""
		for _, path := range p.Imports {
			if slices.Contains(readsBytes, path) {
				reads = path
			}
		}
		fuzzed := slices.ContainsFunc(slices.Concat(p.TestGoFiles, p.XTestGoFiles), func(file string) bool {
			rel, err := filepath.Rel(mustAbs(t, root), filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			return fuzzer.Match(read(t, rel))
		})
		reason, excused := unfuzzed[name]
		switch {
		case reads != "" && !fuzzed && !excused:
			t.Errorf("%s imports %s and has no fuzzer: give it one, or say in unfuzzed why it needs none", name, reads)
		case excused && (reads == "" || fuzzed):
			t.Errorf("%s is excused from being fuzzed (%s), and need not be", name, reason)
		}
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
