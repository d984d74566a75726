package paths

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell takes the word for the name, whatever is in it, and a terminal shows all of it.
func FuzzShellWord(f *testing.F) {
	for _, name := range []string{
		"", "/plain/name-1.2", "/with space", "it's", "$(touch x)", "`touch x`", "a;b", "a\nb", "\x1b[2J", "\xff\xfe", "\u202egnp", "\\",
		"-rf", "~root", "a\u2028b", "!!", "a'\n'b", "\x7f9", "*?[", "größe",
	} {
		f.Add(name)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.Contains(name, "\x00") || len(name) > 4096 {
			return // no file has such a name
		}
		word := ShellWord(name)
		for _, r := range word {
			if r < 0x20 || r == 0x7f || r == 0x202e || r == 0x2028 {
				t.Fatalf("%q is written %q", name, word)
			}
		}
		out, err := exec.Command(bash, "-c", "set -- "+word+"; [ $# = 1 ] && printf %s \"$1\"").CombinedOutput()
		if err != nil || string(out) != name {
			t.Errorf("%q is written %s, and a shell reads %q (%v)", name, word, out, err)
		}
	})
}
