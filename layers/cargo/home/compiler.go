package home

import (
	"encoding/json"
	"regexp"
	"strings"
)

// A Compiler is a version of rustc, by what it tells of itself.
type Compiler struct {
	// Version is the first line of rustc -vV, "rustc 1.95.0 (59807616e 2026-04-14)": the commit is in it, but for a
	// compiler that somebody built without saying of which.
	Version string
	// Commit and Host are from the lines behind it; "" where those are not known.
	Commit, Host string
}

// CompilerOf is the compiler with a first line and what is known of the lines behind it, each "key: value" as rustc
// says it or "key = value" as a dependency-set fingerprint keeps it.
func CompilerOf(version string, verbose []string) Compiler {
	c := Compiler{Version: strings.TrimSpace(version)}
	for _, line := range verbose {
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			key, value, _ = strings.Cut(line, " = ")
		}
		switch value = strings.TrimSpace(value); key {
		case "commit-hash":
			if value != "unknown" { // a compiler built from an archive, or with its commit left out
				c.Commit = value
			}
		case "host":
			c.Host = value
		}
	}
	return c
}

// parseVerbose reads what rustc -vV printed.
func parseVerbose(text string) (Compiler, bool) {
	first, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(first, "rustc ") {
		return Compiler{}, false
	}
	return CompilerOf(first, strings.Split(rest, "\n")), true
}

// shortCommit finds the commit in a compiler's first line: "(59807616e 2026-04-14)".
var shortCommit = regexp.MustCompile(`\(([0-9a-f]{7,}) [0-9]{4}-[0-9]{2}-[0-9]{2}\)`)

// known reports whether the compiler can be told from another of the same number.
func (c Compiler) known() bool { return c.Commit != "" || shortCommit.MatchString(c.Version) }

// May reports whether two may be the same compiler: nothing that is known of both differs.
func (c Compiler) May(d Compiler) bool {
	same := func(a, b string) bool { return a == b || a == "" || b == "" }
	return c.Version != "" && c.Version == d.Version && same(c.Commit, d.Commit) && same(c.Host, d.Host)
}

// parseNotes reads Cargo's notes of what it asked rustc, the file .rustc_info.json of a build directory (cargo 1.95,
// util/rustc.rs: Cache). Notes that cannot be read, or of a form to come, name no compiler.
func parseNotes(text []byte) (list []Compiler) {
	var notes struct {
		Outputs map[string]struct {
			Stdout string `json:"stdout"`
		} `json:"outputs"`
	}
	if json.Unmarshal(text, &notes) != nil {
		return nil
	}
	for _, o := range notes.Outputs {
		if c, ok := parseVerbose(o.Stdout); ok {
			list = append(list, c)
		}
	}
	return list
}
