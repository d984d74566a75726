package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const (
	depInfo  = `{"$message_type":"artifact","artifact":"/w/a/target/x.d","emit":"dep-info"}` + "\n"
	metadata = `{"$message_type":"artifact","artifact":"/w/a/target/x.rmeta","emit":"metadata"}` + "\n"
	link     = `{"$message_type":"artifact","artifact":"/w/a/target/x.rlib","emit":"link"}` + "\n"
	warning  = `{"$message_type":"diagnostic","message":"odd","level":"warning"}` + "\n"
	failure  = `{"$message_type":"diagnostic","message":"bad","level":"error"}` + "\n"
)

func toB(text string) string { return strings.ReplaceAll(text, "/w/a", "/w/b") }

func newRelay(accept bool) (*relay, *bytes.Buffer) {
	var out bytes.Buffer
	p := &mapping{here: "/w/b", there: "/w/a", buildHere: "/w/b/target", buildThere: "/w/a/target"}
	return &relay{out: &out, toHere: p.toHere, there: p.spelled(), accept: func() bool { return accept }}, &out
}

func TestRelay(t *testing.T) {
	r, out := newRelay(true)
	for _, step := range []struct{ in, want string }{
		{warning, ""}, // nothing before rustc has listed what it read
		{depInfo, warning + toB(depInfo)},
		{warning, warning}, // as it comes
		{failure, ""},      // the call may be run again
		{warning, ""},
		{metadata, failure + warning + toB(metadata)},
		{failure, failure}, // too late for that
		{link, toB(link)},
		{"no newline", "no newline"},
	} {
		out.Reset()
		r.line([]byte(step.in))
		if got := out.String(); got != step.want {
			t.Fatalf("after %s said %q, want %q", step.in, got, step.want)
		}
	}
}

func TestRelayRefuses(t *testing.T) {
	r, out := newRelay(false)
	if err := r.copy(strings.NewReader(warning + depInfo + warning + metadata + link)); err != nil {
		t.Fatal(err)
	}
	if r.flush(); out.Len() > 0 || !r.refused || r.announced {
		t.Errorf("said %q", out)
	}
}

// A list of inputs need not come first.
func TestRelayAsksBeforeAnything(t *testing.T) {
	r, out := newRelay(false)
	r.line([]byte(metadata))
	if out.Len() > 0 || !r.refused {
		t.Errorf("said %q", out)
	}
}

func TestRelayAgain(t *testing.T) {
	r, out := newRelay(true)
	about := strings.Replace(warning, "odd", "odd /w/a/x", 1)
	if err := r.copy(strings.NewReader(depInfo + about + failure)); err != nil {
		t.Fatal(err)
	}
	first := toB(depInfo + about)
	if got := out.String(); got != first {
		t.Fatalf("said %q, want %q", got, first)
	}
	if err := r.again().copy(strings.NewReader(toB(depInfo+about) + toB(about) + toB(metadata))); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), first+toB(about)+toB(metadata); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestTranslate(t *testing.T) {
	r, _ := newRelay(true)
	for _, tt := range []struct{ in, want string }{
		{metadata, toB(metadata)},
		{`{"message":"in /w/a/x","spans":[{"file_name":"/w/a/y","text":[{"text":"\"/w/a/z\" \\"}],"suggested_replacement":"/w/a/z"}],"rendered":"/w/a: \"/w/ab\""}`,
			`{"message":"in /w/b/x","spans":[{"file_name":"/w/b/y","text":[{"text":"\"/w/a/z\" \\"}],"suggested_replacement":"/w/a/z"}],"rendered":"/w/b: \"/w/ab\""}`},
		{"a macro says /w/a/x\n", "a macro says /w/b/x\n"},
		{"/w/ab /w/a-b /w/a.b\n", "/w/ab /w/a-b /w/a.b\n"},
		{`{"message":"torn /w/a`, `{"message":"torn /w/a`},
		{`{"message":null,"code":"/w/a"}`, `{"message":null,"code":"/w/a"}`},
	} {
		if got := string(r.translate([]byte(tt.in))); got != tt.want {
			t.Errorf("%s\nbecame\n%s\nwant\n%s", tt.in, got, tt.want)
		}
	}
}

// What a compiler says may be anything. What does not name the other checkout is said as it
// was; a line of JSON stays one.
func FuzzTranslate(f *testing.F) {
	f.Add(depInfo)
	f.Add(`{"rendered":"error: /w/a/src/x.rs:1\n  \u001b[0m","message":"in /w/a","level":"error"}`)
	f.Add(`{"file_name":"/w/a`)
	f.Add(`{"\":"/w/a\"x`)
	f.Add("warning: /w/a/x and /w/ab")
	f.Fuzz(func(t *testing.T, line string) {
		r, _ := newRelay(true)
		got := string(r.translate([]byte(line)))
		if !strings.Contains(line, "/w/a") && got != line {
			t.Errorf("%q is said as %q", line, got)
		}
		if json.Valid([]byte(line)) && !json.Valid([]byte(got)) {
			t.Errorf("%q is JSON, and is said as %q", line, got)
		}
		if strings.Count(got, "\n") != strings.Count(line, "\n") {
			t.Errorf("%q is said as %q", line, got)
		}
		out, _ := newRelay(true)
		if err := out.copy(strings.NewReader(line)); err != nil {
			t.Error(err)
		}
	})
}
