package session

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// A .d file, as rustc writes it (rustc 1.95, rustc_interface/passes.rs:
// write_out_deps), has a rule "OUTPUT: INPUT INPUT…" for each output, an empty rule
// "INPUT:" for each input, and comments: "# env-dep:NAME=VALUE" for each variable
// the crate asked for, "# checksum:…" with a name at the end. In names a backslash
// stands before each space, and nothing else is escaped.
//
// rustc writes it anew each time it compiles the unit, so it is also the place to
// note where it did: whatever is noted is gone when another rustc has run.

// key begins the line that Mark adds. It is a comment for make and for cargo
// (cargo 1.95, dep_info.rs: parse_rustc_dep_info).
const (
	key  = "# cargo-cow-state"
	mark = key + " "
)

// State is where the incremental state of a unit was made: under which workspace
// root, and by which text the build directory was called.
type State struct{ Root, Build string }

// Marked returns the state that Mark noted in a .d file.
func Marked(text string) (State, bool) {
	line, ok := lastLine(text)
	if !ok {
		return State{}, false
	}
	rest, ok := strings.CutPrefix(line, mark)
	if !ok {
		return State{}, false
	}
	values, ok := words.Split(rest)
	if !ok || len(values) != 2 || !isClean(values[0]) || !isClean(values[1]) {
		return State{}, false
	}
	return State{values[0], values[1]}, true
}

// Mark returns the text of a .d file with a note of the unit's state.
func (s State) Mark(text string) string {
	text = Unmark(text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + words.Line(key, s.Root, s.Build)
}

// Unmark takes the note away.
func Unmark(text string) string {
	if line, ok := lastLine(text); ok && strings.HasPrefix(line, mark) {
		return text[:len(text)-len(line)-1]
	}
	return text
}

func lastLine(text string) (string, bool) {
	text, ok := strings.CutSuffix(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:], ok
}

// Made returns the text of the build directory that a unit was built in: what is
// left of the first output's name without rel, where below the build directory
// its outputs are.
func Made(text, rel string) (build string, ok bool) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		output, _, found := strings.Cut(line, ": ")
		if !found {
			return "", false
		}
		output = unescape(output)
		i := strings.LastIndexByte(output, '/')
		if i < 0 {
			return "", false
		}
		build, ok := strings.CutSuffix(output[:i], "/"+rel)
		return build, ok && isClean(build)
	}
	return "", false
}

// Inputs returns the names of the first rule's inputs, in their order.
func Inputs(text string) []string {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		_, inputs, ok := strings.Cut(line, ": ")
		if !ok {
			return nil
		}
		var found []string
		for inputs != "" {
			n := wordEnd(inputs)
			if n > 0 {
				found = append(found, unescape(inputs[:n]))
			}
			inputs = strings.TrimPrefix(inputs[n:], " ")
		}
		return found
	}
	return nil
}

// Env calls f for each variable that the crate asked for. Values are as the file
// has them, with newlines, returns and backslashes escaped.
func Env(text string, f func(name, value string)) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "# env-dep:"); ok {
			name, value, _ := strings.Cut(rest, "=")
			f(name, value)
		}
	}
}

// Rename returns the text of a .d file with all names of files, outputs and inputs,
// as to returns them. Values of variables stay as they are.
func Rename(text string, to func(name string) string) string {
	var b strings.Builder
	b.Grow(len(text) + 128)
	name := func(escaped string) {
		old := unescape(escaped)
		if renamed := to(old); renamed != old {
			escaped = strings.ReplaceAll(renamed, " ", `\ `)
		}
		b.WriteString(escaped)
	}
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		end := line[len(body):]
		switch {
		case strings.HasPrefix(body, "# checksum:"):
			i := strings.Index(body, " /")
			if i >= 0 {
				b.WriteString(body[:i+1])
				name(body[i+1:])
			} else {
				b.WriteString(body)
			}
		case strings.HasPrefix(body, "#"):
			b.WriteString(body)
		default:
			for body != "" {
				n := wordEnd(body)
				word := body[:n]
				// The colon belongs to the rule, not to the name.
				output, isOutput := strings.CutSuffix(word, ":")
				name(output)
				if isOutput {
					b.WriteByte(':')
				}
				body = body[n:]
				if body != "" {
					b.WriteByte(' ')
					body = body[1:]
				}
			}
		}
		b.WriteString(end)
	}
	return b.String()
}

// wordEnd is where the first word of s ends: at a space without a backslash.
func wordEnd(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' && (i == 0 || s[i-1] != '\\') {
			return i
		}
	}
	return len(s)
}

func unescape(s string) string { return strings.ReplaceAll(s, `\ `, " ") }
