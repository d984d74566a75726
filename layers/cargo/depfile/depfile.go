// Package depfile reads and rewrites the .d files of rustc, which list, as rules of make,
// what a unit was made of.
//
// A .d file, as rustc writes it (rustc 1.95, rustc_interface/passes.rs:
// write_out_deps), has a rule "OUTPUT: INPUT INPUT…" for each output, an empty rule
// "INPUT:" for each input, and comments: "# env-dep:NAME=VALUE" for each variable
// the crate asked for, "# checksum:…" with a name at the end. In names a backslash
// stands before each space, and nothing else is escaped: a name with a newline makes
// lines that are neither, which WellFormed finds.
//
// rustc writes it anew each time it compiles the unit. So a note on the outputs, as a
// comment at its end, is gone when those are replaced.
//
// There are two readings. Inputs, Variables and the functions that rewrite take the text
// as rustc means it. Parse takes it as Cargo does, which splits names at all white space,
// and puts the result into its own dep-info.
//
// Any bytes are accepted; what is not understood stays as it is, and what is not
// rewritten is returned byte for byte. Nothing is kept, and everything may be called
// concurrently. Every call of the compiler uses the package, so it imports little.
package depfile

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

const (
	envKey      = "# env-dep:"
	checksumKey = "# checksum:"
)

// lines calls f for each line, with its body and what ends it, until that is false.
func lines(text string, f func(body, end string) bool) {
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		if !f(body, line[len(body):]) {
			return
		}
	}
}

func isComment(body string) bool { return strings.HasPrefix(body, "#") }

// firstRule returns the two sides of the first line that is no comment, if it is a
// rule with inputs.
func firstRule(text string) (output, inputs string, ok bool) {
	lines(text, func(body, _ string) bool {
		if isComment(body) {
			return true
		}
		output, inputs, ok = strings.Cut(body, ": ")
		return false
	})
	return output, inputs, ok
}

// Made returns the text by which the build directory was called when a unit was built: the
// front of the first output's name. rel is the directory of the outputs, relative to the
// build directory.
func Made(text, rel string) (build string, ok bool) {
	output, _, ok := firstRule(text)
	if !ok {
		return "", false
	}
	output = unescape(output)
	i := strings.LastIndexByte(output, '/')
	if i < 0 {
		return "", false
	}
	build, ok = strings.CutSuffix(output[:i], "/"+rel)
	return build, ok && paths.IsClean(build)
}

// Inputs returns the names of the first rule's inputs, in their order.
func Inputs(text string) []string {
	_, inputs, ok := firstRule(text)
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

// Variables calls f for each variable that the crate asked for; set is false if there was
// none of the name. Values are escaped as by EscapeValue.
func Variables(text string, f func(name, value string, set bool)) {
	if !strings.Contains(text, envKey) {
		return
	}
	lines(text, func(body, _ string) bool {
		if rest, ok := strings.CutPrefix(body, envKey); ok {
			f(strings.Cut(rest, "="))
		}
		return true
	})
}

// WellFormed reports whether all lines are rules or comments. A name with a newline in it
// makes other lines, as nothing escapes that.
func WellFormed(text string) bool {
	good := true
	lines(text, func(body, _ string) bool {
		good = body == "" || isComment(body) || strings.HasSuffix(body, ":") || strings.Contains(body, ": ")
		return good
	})
	return good
}

// Rename returns the text of a .d file with every name of a file, output or input,
// replaced by to(name). Values of variables stay as they are.
func Rename(text string, to func(name string) string) string {
	var b strings.Builder
	b.Grow(len(text) + 128)
	name := func(escaped string) {
		old := unescape(escaped)
		if renamed := to(old); renamed != old {
			escaped = escape(renamed)
		}
		b.WriteString(escaped)
	}
	lines(text, func(body, end string) bool {
		switch {
		case strings.HasPrefix(body, checksumKey):
			i := strings.Index(body, " /")
			if i >= 0 {
				b.WriteString(body[:i+1])
				name(body[i+1:])
			} else {
				b.WriteString(body)
			}
		case isComment(body):
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
		return true
	})
	return b.String()
}

// SetValues returns the text of a .d file with the value of every variable that was set
// replaced by to(value); both values are escaped as by EscapeValue.
func SetValues(text string, to func(value string) string) string {
	if !strings.Contains(text, envKey) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 128)
	lines(text, func(body, end string) bool {
		if name, value, set := strings.Cut(body, "="); set && strings.HasPrefix(name, envKey) {
			body = name + "=" + to(value)
		}
		b.WriteString(body)
		b.WriteString(end)
		return true
	})
	return b.String()
}

// Write replaces a .d file in one step, so that it is never half a file. It does not wait
// for the disk.
func Write(path, text string) error { return atomicfile.Replace(path, []byte(text)) }

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

func escape(s string) string { return strings.ReplaceAll(s, " ", `\ `) }

// Escapes in values of variables (rustc 1.95, rustc_interface/passes.rs:
// escape_dep_env).
var escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// EscapeValue returns a variable's value as rustc writes it into a .d file.
func EscapeValue(value string) string { return escapeValue.Replace(value) }
