package main

import (
	"bytes"
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
