// Package ui is how the program speaks. Its rules:
//
//   - stdout is the result of the command and nothing else; all that is said
//     about the work goes to stderr.
//   - stderr looks like cargo's: a verb right-aligned in 12 columns, green; then
//     one line of text. "warning:", "error:" and "help:" stand at the margin.
//   - With --json, stdout is one JSON object a line, each with "reason" as its
//     first field, errors included; status lines are left out.
//   - --quiet leaves warnings, errors and results; --verbose adds details.
//   - Colour is decided for each stream: --color, else CARGO_TERM_COLOR, else
//     NO_COLOR, else CLICOLOR_FORCE, else whether it is a terminal. Nothing is
//     ever said by colour alone.
//   - Text that came from a file, a path or another program cannot move the
//     cursor: control characters are shown escaped.
//   - What takes long shows how far it is, on a terminal, in one line that goes away.
//   - Nothing is asked; there are no prompts.
//
// A Terminal may be used by several goroutines; each call writes whole lines.
package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"golang.org/x/sys/unix"
)

// Options are the user's wishes, from flags.
type Options struct {
	Color   string // "", auto, always, never
	JSON    bool
	Quiet   bool
	Verbose bool
}

// Terminal is the program's two output streams.
type Terminal struct {
	mu       sync.Mutex
	out, err stream
	boxes    bool // stdout is a terminal that shows UTF-8
	plain    bool // lines are never taken back
	opts     Options
	bar      bar // guarded by mu
	now      func() time.Time
}

type stream struct {
	w     io.Writer
	color bool
	width int // columns; 0 when it is no terminal
}

// New makes a Terminal of stdout and stderr. vars, the environment, is consulted for
// colour and verbosity. It fails on a Color that is no choice.
func New(out, err io.Writer, vars []string, o Options) (*Terminal, error) {
	env := environ.Environ(vars).Get
	if o.Color != "" && !isChoice(o.Color) {
		return nil, fmt.Errorf("choose colour %q: want auto, always or never", o.Color)
	}
	if !o.Quiet && !o.Verbose {
		o.Quiet = env("CARGO_TERM_QUIET") == "true"
		o.Verbose = env("CARGO_TERM_VERBOSE") == "true"
	}
	t := &Terminal{opts: o, now: time.Now, out: stream{w: out, width: width(out)}, err: stream{w: err, width: width(err)}}
	t.boxes = t.out.width > 0 && speaksUTF8(env)
	t.plain = env("TERM") == "dumb" || env("CARGO_TERM_PROGRESS_WHEN") == "never"
	for _, s := range []*stream{&t.out, &t.err} {
		s.color = useColor(o.Color, env, s.width > 0)
	}
	return t, nil
}

// speaksUTF8 reads the locale (locale(7)). Without one it is C, which is ASCII.
func speaksUTF8(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := env(name); v != "" {
			charset := strings.ToLower(v)
			return strings.Contains(charset, "utf-8") || strings.Contains(charset, "utf8")
		}
	}
	return false
}

func isChoice(s string) bool { return s == "auto" || s == "always" || s == "never" }

// useColor applies the order of the package comment. "auto" is the absence of a
// choice, not a choice against NO_COLOR.
func useColor(flag string, env func(string) string, tty bool) bool {
	choice := flag
	if choice == "" || choice == "auto" {
		if choice = env("CARGO_TERM_COLOR"); flag == "auto" || !isChoice(choice) {
			choice = "auto"
		}
	}
	switch {
	case choice == "always":
		return true
	case choice == "never":
		return false
	case env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	}
	return tty && env("TERM") != "dumb"
}

// JSONMode tells whether results are to be JSON lines.
func (t *Terminal) JSONMode() bool { return t.opts.JSON }

// Verbose tells whether details are wanted.
func (t *Terminal) Verbose() bool { return t.opts.Verbose }

// Boxes tells whether results may be drawn with the line characters of Unicode:
// what is no terminal gets ASCII, which every program can read.
func (t *Terminal) Boxes() bool { return t.boxes }

// Style is how a piece of text is set off where there is colour.
type Style string

// The styles, cargo's own (cargo 1.95, crates/cargo-util-terminal).
const (
	Plain  Style = ""
	Good   Style = "\x1b[1;32m"
	Waits  Style = "\x1b[1;36m"
	Warned Style = "\x1b[1;33m"
	Bad    Style = "\x1b[1;31m"
	Head   Style = "\x1b[1m"
	Dim    Style = "\x1b[2m"
)

func (s *stream) paint(style Style, text string) string {
	if !s.color || style == Plain || text == "" {
		return text
	}
	return string(style) + text + "\x1b[0m"
}

// Status says what was done: verb, then a line.
func (t *Terminal) Status(verb, format string, args ...any) {
	t.status(Good, verb, format, args...)
}

// Detail is a Status for --verbose only.
func (t *Terminal) Detail(verb, format string, args ...any) {
	if t.opts.Verbose {
		t.status(Good, verb, format, args...)
	}
}

// Blocking says what is waited for, in cargo's words; with --json as well, since
// it explains why nothing happens.
func (t *Terminal) Blocking(what string) {
	if !t.opts.Quiet {
		t.line(Waits, "Blocking", "waiting for "+what)
	}
}

func (t *Terminal) status(style Style, verb, format string, args ...any) {
	if !t.opts.Quiet && !t.opts.JSON {
		t.line(style, verb, fmt.Sprintf(format, args...))
	}
}

func (t *Terminal) line(style Style, verb, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.clear()
	pad := strings.Repeat(" ", max(0, 12-len(verb)))
	fmt.Fprintf(t.err.w, "%s%s %s\n", pad, t.err.paint(style, verb), Clean(text))
}

// Progress returns a function that is told how much is done of what takes long, and draws
// it, as cargo does, on a terminal and nowhere else: from half a second on, until all is done
// or something else is said. It may be called by several goroutines. If nothing is to be drawn
// ever, with --quiet or --json, or if CARGO_TERM_PROGRESS_WHEN says never, it is nil.
func (t *Terminal) Progress(verb string) func(done, total int64) {
	if t.err.width == 0 || t.plain || t.opts.Quiet || t.opts.JSON {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar = bar{w: t.err.w, columns: t.err.width, verb: strings.Repeat(" ", max(0, 12-len(verb))) + t.err.paint(Waits, verb)}
	return func(done, total int64) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bar.told(t.now(), done, total)
	}
}

// Warn says what the user should know though the work goes on.
func (t *Terminal) Warn(format string, args ...any) {
	t.message(Warned, "warning", fmt.Sprintf(format, args...))
}

// Error says why the work ended, and help, if any, what to do now.
func (t *Terminal) Error(err error, help string, code int) {
	if t.opts.JSON {
		t.JSON("error", struct {
			Message string `json:"message"`
			Help    string `json:"help,omitempty"`
			Code    int    `json:"code"`
		}{err.Error(), help, code})
		return
	}
	t.message(Bad, "error", err.Error())
	if help != "" {
		t.message(Waits, "help", help)
	}
}

// HookLine says one line amid the output of git, which runs us from its hook.
func (t *Terminal) HookLine(text string) { t.message(Plain, "cargo-cow", text) }

func (t *Terminal) message(style Style, kind, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.clear()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	fmt.Fprintf(t.err.w, "%s: %s\n", t.err.paint(style, kind), Clean(lines[0]))
	for _, l := range lines[1:] {
		fmt.Fprintf(t.err.w, "  %s\n", Clean(l))
	}
}

// Println writes a line of the result. It is silent with --json.
func (t *Terminal) Println(format string, args ...any) {
	if t.opts.JSON {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.clear()
	fmt.Fprintln(t.out.w, Clean(fmt.Sprintf(format, args...)))
}

// JSON writes one line of the result with --json, and nothing without: the
// fields of v, which must marshal to an object, after "reason".
func (t *Terminal) JSON(reason string, v any) {
	if !t.opts.JSON {
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil || b.Bytes()[0] != '{' {
		panic(fmt.Sprintf("ui: %s is not a JSON object: %v", reason, err))
	}
	rest := bytes.TrimPrefix(b.Bytes(), []byte("{"))
	sep := ","
	if rest[0] == '}' {
		sep = ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.clear()
	fmt.Fprintf(t.out.w, `{"reason":%s%s%s`, strconv.Quote(reason), sep, rest)
}

// Clean escapes what could move the cursor, end a line, turn text round or start an
// escape sequence, and bytes that are no text.
func Clean(s string) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	}
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case bad(r) && r != utf8.RuneError:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// width returns the columns of a terminal, 0 for anything else.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 {
		return 80 // a terminal that does not tell, such as a serial line
	}
	return int(size.Col)
}
