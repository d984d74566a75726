package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
)

func terminal(t *testing.T, o Options, environ ...string) (*Terminal, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, err bytes.Buffer
	term, e := New(&out, &err, environ, o)
	if e != nil {
		t.Fatal(e)
	}
	return term, &out, &err
}

func TestColor(t *testing.T) {
	for _, tt := range []struct {
		flag, environ string
		tty, want     bool
	}{
		{"", "", false, false},
		{"", "", true, true},
		{"", "TERM=dumb", true, false},
		{"", "NO_COLOR=1", true, false},
		{"", "NO_COLOR=", true, true},
		{"", "CLICOLOR_FORCE=1", false, true},
		{"", "CLICOLOR_FORCE=0", false, false},
		{"", "NO_COLOR=1 CLICOLOR_FORCE=1", true, false},
		{"", "CARGO_TERM_COLOR=always NO_COLOR=1", false, true},
		{"", "CARGO_TERM_COLOR=never CLICOLOR_FORCE=1", true, false},
		{"", "CARGO_TERM_COLOR=auto NO_COLOR=1", true, false},
		{"always", "CARGO_TERM_COLOR=never", false, true},
		{"never", "CARGO_TERM_COLOR=always", true, false},
		{"auto", "CARGO_TERM_COLOR=always", false, false},
	} {
		if got := useColor(tt.flag, environ.Environ(strings.Fields(tt.environ)).Get, tt.tty); got != tt.want {
			t.Errorf("--color=%s, %s, terminal %v: got %v", tt.flag, tt.environ, tt.tty, got)
		}
	}
	if _, err := New(nil, nil, nil, Options{Color: "blue"}); err == nil {
		t.Error("--color=blue was accepted")
	}
}

func TestStatus(t *testing.T) {
	term, out, err := terminal(t, Options{})
	term.Status("Sealed", "%s", "3fa2\x1b[2Jc81b")
	term.Detail("Dirty", "unseen")
	term.Blocking("file lock on build directory")
	term.Warn("one\ntwo")
	want := "      Sealed 3fa2\\x1b[2Jc81b\n    Blocking waiting for file lock on build directory\nwarning: one\n  two\n"
	if err.String() != want || out.Len() > 0 {
		t.Errorf("stderr %q, stdout %q, want stderr %q", err, out, want)
	}

	term, _, err = terminal(t, Options{Color: "always", Verbose: true})
	term.Detail("Sealed", "x")
	if want := "      \x1b[1;32mSealed\x1b[0m x\n"; err.String() != want {
		t.Errorf("in colour: got %q, want %q", err, want)
	}

	for _, environ := range []string{"", "CARGO_TERM_QUIET=true"} {
		term, _, err = terminal(t, Options{Quiet: environ == ""}, environ)
		term.Status("Sealed", "x")
		term.Blocking("x")
		term.Error(errors.New("boom"), "try", 1)
		if want := "error: boom\nhelp: try\n"; err.String() != want {
			t.Errorf("quiet %s: got %q, want %q", environ, err, want)
		}
	}
}

func TestJSON(t *testing.T) {
	term, out, err := terminal(t, Options{JSON: true})
	term.Status("Sealed", "x")
	term.Println("x")
	term.Table(&Table{rows: [][]Cell{{{Text: "x"}}}})
	term.JSON("empty", struct{}{})
	term.JSON("layer", struct {
		Label string `json:"label"`
	}{"<a>\n"})
	term.Error(errors.New("boom"), "", 5)
	want := `{"reason":"empty"}
{"reason":"layer","label":"<a>\n"}
{"reason":"error","message":"boom","code":5}
`
	if out.String() != want || err.Len() > 0 {
		t.Errorf("got stdout %q, stderr %q, want %q", out, err, want)
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	term, out, _ = terminal(t, Options{})
	term.JSON("layer", struct{}{})
	if out.Len() > 0 {
		t.Errorf("without --json: %q", out)
	}
}

func TestTable(t *testing.T) {
	term, out, _ := terminal(t, Options{})
	tab := NewTable("LAYER", "LABEL", "ORIGIN")
	tab.Row("3fa2c81b", "größer", "/a\x1b[2J")
	tab.Row("1", "", "")
	term.Table(tab)
	want := "LAYER     LABEL   ORIGIN\n3fa2c81b  größer  /a\\x1b[2J\n1\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}

	out.Reset()
	term.out.width = 30
	tab = NewTable()
	tab.Row("3fa2c81b", strings.Repeat("x", 40))
	tab.Cells(Cell{"1", Plain}, Cell{strings.Repeat("y", 20), Dim})
	term.Table(tab)
	want = "3fa2c81b  " + strings.Repeat("x", 19) + "…\n1         " + strings.Repeat("y", 20) + "\n"
	if out.String() != want {
		t.Errorf("narrow: got\n%s\nwant\n%s", out, want)
	}
}

// A column that has nothing to say is left out, its head too.
func TestOmitEmpty(t *testing.T) {
	term, out, _ := terminal(t, Options{})
	tab := NewTable("LAYER", "", "COMMIT", "LABEL", "ORIGIN")
	tab.OmitEmpty()
	tab.Row("| * 3fa2", "", "", "green", "/a")
	tab.Row("|/")
	tab.Row("* 1", "", "", "", "/b")
	term.Table(tab)
	want := "LAYER     LABEL  ORIGIN\n| * 3fa2  green  /a\n|/\n* 1              /b\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestBoxes(t *testing.T) {
	for locale, want := range map[string]bool{
		"": false, "LANG=C": false, "LANG=de_DE.UTF-8": true, "LANG=en_US.utf8": true, "LANG=de_DE@euro": false,
		"LC_CTYPE=C.UTF-8 LANG=C": true, "LC_ALL=C LANG=de_DE.UTF-8": false,
	} {
		if got := speaksUTF8(environ.Environ(strings.Fields(locale)).Get); got != want {
			t.Errorf("with %s: got %v", locale, got)
		}
	}
	if term, _, _ := terminal(t, Options{}, "LANG=C.UTF-8"); term.Boxes() {
		t.Error("what is no terminal gets boxes")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 漢":      "plain é 漢",
		"a\nb\tc\r":      `a\nb\tc\r`,
		"\xff/x":         `\xff/x`,
		"\u202egnp":      `\u202egnp`,
		"literal \ufffd": "literal \ufffd",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// A line that says that one is left out would take the place of that one.
func TestShown(t *testing.T) {
	for _, tt := range []struct {
		n    int
		all  bool
		want int
	}{{0, false, 0}, {20, false, 20}, {21, false, 21}, {22, false, 20}, {22, true, 22}} {
		if got := Shown(tt.n, tt.all); got != tt.want {
			t.Errorf("%d, all %v: %d are shown, want %d", tt.n, tt.all, got, tt.want)
		}
	}
}
