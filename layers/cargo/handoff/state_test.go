package handoff

import (
	"strings"
	"testing"
)

const list = `/a/target/debug/deps/x-0123.d: x/src/lib.rs /a/data\ one.txt /b/x:y

x/src/lib.rs:
/a/data\ one.txt:
/b/x:y:

# env-dep:CARGO_PKG_NAME=x
`

func TestMark(t *testing.T) {
	s := State{"/a b", "/a b/target\xff"}
	for _, text := range []string{list, "", "no newline"} {
		marked := s.AppendTo(text)
		if got, ok := ParseState(marked); !ok || got != s {
			t.Errorf("%.20q: state %v, %v; want %v", text, got, ok, s)
		}
		other := State{"/c", "/t"}
		if got, ok := ParseState(other.AppendTo(marked)); !ok || got != other || strings.Count(other.AppendTo(marked), stateKey) != 1 {
			t.Errorf("%.20q: marked again, state %v, %v; want %v", text, got, ok, other)
		}
		if un := WithoutState(marked); strings.TrimSuffix(un, "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%.20q: unmarked %q", text, un)
		}
	}
	for _, text := range []string{list, "", stateKey + " \n", stateKey + " \"/a\"\n", stateKey + " \"/a\" \"t\"\n", stateKey + " \"/a\" \"/t\"", stateKey + " \"/a\" \"/t\"\nx:\n"} {
		if got, ok := ParseState(text); ok {
			t.Errorf("%q: state %v", text, got)
		}
	}
}

// Whatever the file has, the state is the one that was noted last.
func FuzzMark(f *testing.F) {
	f.Add(list)
	f.Add("a: b\\ c d\\\n#x\n\n  :\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := State{"/a", "/t"}
		if got, ok := ParseState(s.AppendTo(text)); !ok || got != s {
			t.Errorf("%q: marked, state %v, %v", text, got, ok)
		}
	})
}
