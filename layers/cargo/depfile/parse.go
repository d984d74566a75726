package depfile

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error about bytes that rustc did not write.
var ErrFormat = errors.New("malformed dep-info")

// File is the content of a .d file, as Cargo reads it.
type File struct {
	// Targets are the outputs that have rules, in the order of the file.
	Targets []string
	// Deps are the inputs, in the order of the file. Names are as rustc writes them,
	// relative to its working directory or absolute.
	Deps []string
	// Env are the variables the crate reads with env! and option_env!.
	Env []Env
}

// Env is one environment variable that the compiler looked at.
type Env struct {
	Name  string
	Value string
	Set   bool // false if there was none of that name
}

// Root returns the crate root, "" if there are no inputs. It is the first input, apart
// from clippy's settings, which clippy's driver lists before all else (clippy of rustc
// 1.95, src/driver.rs).
func (r *File) Root() string {
	for _, name := range r.Deps {
		if base := path.Base(name); base != "clippy.toml" && base != ".clippy.toml" {
			return name
		}
	}
	return ""
}

// Parse reads a .d file as rustc writes it, or as Cargo writes it beside
// an uplifted artifact, with Cargo's rules (cargo 1.95, dep_info.rs:
// parse_rustc_dep_info): the first rule names the inputs, words are split at
// white space, a backslash at a word's end stands for a space, and
// "# env-dep:NAME[=VALUE]" lines escape newline, carriage return and
// backslash. Other comments, checksums among them, are skipped.
func Parse(data []byte) (*File, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("parse rustc dep-info: %w: not UTF-8", ErrFormat)
	}
	r := &File{}
	found := false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if rest, ok := strings.CutPrefix(line, envKey); ok {
			e, err := parseEnv(rest)
			if err != nil {
				return nil, fmt.Errorf("parse rustc dep-info: %w", err)
			}
			r.Env = append(r.Env, e)
			continue
		}
		if isComment(line) {
			continue
		}
		target, deps, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		r.Targets = append(r.Targets, unescape(target))
		if found {
			continue
		}
		found = true
		names, err := splitNames(deps)
		if err != nil {
			return nil, fmt.Errorf("parse rustc dep-info: %w", err)
		}
		r.Deps = names
	}
	return r, nil
}

func splitNames(s string) ([]string, error) {
	words := strings.Fields(s)
	names := make([]string, 0, len(words))
	for i := 0; i < len(words); i++ {
		name := words[i]
		if !strings.HasSuffix(name, `\`) {
			names = append(names, name)
			continue
		}
		var b strings.Builder
		for strings.HasSuffix(words[i], `\`) {
			b.WriteString(strings.TrimSuffix(words[i], `\`))
			b.WriteByte(' ')
			if i++; i == len(words) {
				return nil, fmt.Errorf("%w: trailing backslash", ErrFormat)
			}
		}
		b.WriteString(words[i])
		names = append(names, b.String())
	}
	return names, nil
}

func parseEnv(s string) (Env, error) {
	name, value, set := strings.Cut(s, "=")
	name, err := unescapeValue(name)
	if err != nil {
		return Env{}, err
	}
	if value, err = unescapeValue(value); err != nil {
		return Env{}, err
	}
	return Env{Name: name, Value: value, Set: set}, nil
}

var valueEscapes = map[byte]byte{'\\': '\\', 'n': '\n', 'r': '\r'}

func unescapeValue(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", fmt.Errorf("%w: unfinished escape in env-dep", ErrFormat)
		}
		c, ok := valueEscapes[s[i]]
		if !ok {
			return "", fmt.Errorf("%w: unknown escape %q in env-dep", ErrFormat, s[i])
		}
		b = append(b, c)
	}
	return string(b), nil
}
