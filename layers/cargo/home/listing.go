package home

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// A Toolchain is one that rustup knows.
type Toolchain struct {
	Name string // as rustup uninstall takes it
	Path string // its directory; where Linked, the one that the link leads to
	// Linked: it lies elsewhere (rustup toolchain link). Uninstalling removes the link alone.
	Linked bool
	// Compiler is its rustc. The zero Compiler: it has none, or Err says why that is not known.
	Compiler Compiler
	Err      error
}

// noToolchains is what rustup prints instead of a list (rustup 1.0 to 1.29, cli/common.rs: list_toolchains).
const noToolchains = "no installed toolchains"

// parseToolchains reads what rustup toolchain list -v printed: a line for each, with its name, in parentheses what it
// is chosen for, and its directory, before which is a tab (up to rustup 1.27) or a space (from 1.28). A name may have
// spaces and parentheses, but no slash. The directory of one that was linked by hand, without rustup, may be relative to
// where rustup keeps toolchains. What is in no such form is an error: of a toolchain that is passed over everything would
// count as removed that it has built.
func parseToolchains(text string) ([]Toolchain, error) {
	var list []Toolchain
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line == noToolchains {
			continue
		}
		head, path, ok := strings.Cut(line, "\t")
		if !ok {
			if i := directoryIn.FindStringIndex(line); i != nil {
				head, path = line[:i[0]], line[i[0]+1:]
			}
		}
		if path == "" || head == "" || strings.Contains(head, "/") {
			return nil, fmt.Errorf("rustup said %q, which is not a name and a directory", line)
		}
		tc := Toolchain{Name: head, Path: path}
		if filepath.Base(path) != head {
			tc.Name = withoutMarks(head)
		}
		list = append(list, tc)
	}
	return list, nil
}

// directoryIn finds where a directory begins that a space is before: "/x", "./x", "../x".
var directoryIn = regexp.MustCompile(` \.{0,2}/`)

// withoutMarks takes from the name of a toolchain what it is chosen for: " (default)", " (override)", and since rustup
// 1.28 " (active)", " (active, default)". One that was named so is not to be told from that.
func withoutMarks(head string) string {
	name, marks, ok := cutLast(head, " (")
	if marks, closed := strings.CutSuffix(marks, ")"); ok && closed && name != "" {
		for mark := range strings.SplitSeq(marks, ", ") {
			if mark != "active" && mark != "default" && mark != "override" {
				return head
			}
		}
		return name
	}
	return head
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// versionIn finds the version of rustc in a channel's manifest. It is not read as the megabyte of TOML that it is: the
// program writes it, one table after the other, and one line of it is wanted.
func versionIn(manifest string) (string, bool) {
	const table, key = "\n[pkg.rustc]\n", `version = "`
	_, rest, _ := strings.Cut("\n"+manifest, table)
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "[") {
			break
		}
		if value, ok := strings.CutPrefix(line, key); ok {
			version, ok := strings.CutSuffix(strings.TrimSpace(value), `"`)
			return version, ok && version != "" && !strings.ContainsAny(version, `"\`)
		}
	}
	return "", false
}

// hostIn finds what the rustc among a toolchain's components was built for: "rustc-x86_64-unknown-linux-gnu". There are
// components of the compiler's besides, which are called so, too.
func hostIn(components string) string {
	for line := range strings.Lines(components) {
		host, ok := strings.CutPrefix(strings.TrimSpace(line), "rustc-")
		if ok && !strings.HasPrefix(host, "dev-") && !strings.HasPrefix(host, "docs-") && !strings.HasPrefix(host, "codegen-") && strings.Count(host, "-") >= 2 {
			return host
		}
	}
	return ""
}
