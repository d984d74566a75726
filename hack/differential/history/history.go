// Package history is what the differential tester does, written down: the files that a repository begins with, what of
// them decides what its programs print, and one step after the other. A history is text (a txtar archive), so that one
// that fails can be read, made smaller, kept as a test and done again. Values of this package are plain data: one
// goroutine writes them, any number may read.
package history

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"
)

// A History is a workspace and what is done with it.
type History struct {
	Comment []string // lines for the reader
	Inputs  []Input
	Steps   []Step
	// Files by their paths in the world: "a/…" is the first checkout, "ext/…" lies beside all of them.
	Files []txtar.File
}

// An Input is something that decides a line which programs print. Key is the line's name.
type Input struct {
	Key string
	// Hidden: cargo does not look at it again, so that a build by cargo alone may miss its change.
	Hidden bool
	Kind   Kind
	Name   string // a path from the checkout's root, or a variable
}

// A Kind is what an input is.
type Kind string

// The kinds of inputs.
const (
	File Kind = "file" // content, mode and, of a symbolic link, where it leads
	Tree Kind = "tree" // a directory with all below it
	Env  Kind = "env"  // a variable of the environment
	Head Kind = "head" // commit and branch
	Args Kind = "args" // the command line of cargo
)

// A Step is a verb, mostly the checkout it is done in, and more words; package world says what each does.
type Step []string

// String is the step as it is read back by Parse.
func (s Step) String() string {
	words := make([]string, len(s))
	for i, w := range s {
		words[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r == '"' || r == '#' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			words[i] = strconv.Quote(w)
		}
	}
	return strings.Join(words, " ")
}

// Verb is the step's first word.
func (s Step) Verb() string { return s[0] }

// Word is the i-th word after the verb, "" where there are fewer.
func (s Step) Word(i int) string {
	if i+1 < len(s) {
		return s[i+1]
	}
	return ""
}

// Rest is the words from the i-th after the verb on.
func (s Step) Rest(i int) []string { return s[min(i+1, len(s)):] }

// Format is the history as text.
func (h *History) Format() []byte {
	var b strings.Builder
	for _, c := range h.Comment {
		fmt.Fprintf(&b, "# %s\n", c)
	}
	for _, in := range h.Inputs {
		seen := "seen"
		if in.Hidden {
			seen = "hidden"
		}
		fmt.Fprintf(&b, "%s\n", Step{"input", in.Key, seen, string(in.Kind), in.Name})
	}
	for _, s := range h.Steps {
		fmt.Fprintf(&b, "%s\n", s)
	}
	files := slices.SortedFunc(slices.Values(h.Files), func(a, b txtar.File) int { return cmp.Compare(a.Name, b.Name) })
	return txtar.Format(&txtar.Archive{Comment: []byte(b.String()), Files: files})
}

// Parse reads what Format writes. An error names the line.
func Parse(text []byte) (*History, error) {
	ar := txtar.Parse(text)
	h := &History{Files: ar.Files}
	for i, line := range strings.Split(string(ar.Comment), "\n") {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			h.Comment = append(h.Comment, strings.TrimSpace(comment))
			continue
		}
		step, err := words(line)
		if err != nil {
			return nil, fmt.Errorf("read history: line %d: %w", i+1, err)
		}
		switch {
		case len(step) == 0:
		case step[0] != "input":
			h.Steps = append(h.Steps, step)
		case len(step) != 5 || step[2] != "seen" && step[2] != "hidden":
			return nil, fmt.Errorf("read history: line %d: input KEY seen|hidden KIND NAME", i+1)
		default:
			h.Inputs = append(h.Inputs, Input{Key: step[1], Hidden: step[2] == "hidden", Kind: Kind(step[3]), Name: step[4]})
		}
	}
	return h, nil
}

// words splits a line at blanks; a word in double quotes is a Go string.
func words(line string) (Step, error) {
	var step Step
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			end := strings.IndexFunc(line, unicode.IsSpace)
			if end < 0 {
				end = len(line)
			}
			step, line = append(step, line[:end]), line[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		step, line = append(step, word), line[len(quoted):]
	}
	return step, nil
}

// Clone is a copy whose lists can be changed.
func (h *History) Clone() *History {
	return &History{Comment: slices.Clone(h.Comment), Inputs: slices.Clone(h.Inputs), Steps: slices.Clone(h.Steps), Files: slices.Clone(h.Files)}
}
