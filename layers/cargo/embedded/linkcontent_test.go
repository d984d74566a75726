package embedded

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func linkContent(t testing.TB, b []byte) string {
	t.Helper()
	var w bytes.Buffer
	if err := LinkContent(&w, b); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

func TestLinkContent(t *testing.T) {
	lib := func(code, debug string) []byte {
		return archive("/", debug+"offsets", "one.o/", string(object("", ".text", code, ".debug_str", debug, ".rela.debug_info", debug+"x", ".rodata", "r")), "//", "names")
	}
	a := linkContent(t, lib("code", "/a"))
	if b := linkContent(t, lib("code", "/somewhere/else")); a != b {
		t.Errorf("debug information counts:\n%q\n%q", a, b)
	}
	for name, other := range map[string][]byte{
		"code":           lib("coda", "/a"),
		"another member": append(lib("code", "/a"), archive("two.o/", "2")[8:]...),
		"another name":   bytes.Replace(lib("code", "/a"), []byte("one.o/"), []byte("two.o/"), 1),
		"section's name": bytes.ReplaceAll(lib("code", "/a"), []byte(".rodata"), []byte(".rodatb")),
		"torn":           lib("code", "/a")[:len(lib("code", "/a"))-2],
		"no archive":     []byte("x"),
		"thin":           bytes.Replace(lib("code", "/a"), []byte("!<arch>"), []byte("!<thin>"), 1),
	} {
		if linkContent(t, other) == a {
			t.Errorf("%s: no difference", name)
		}
	}
}

// What the C compiler makes of one source in two directories differs in nothing but
// debug information.
func TestLinkContentOfCompiled(t *testing.T) {
	build := func(source string) []byte {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.c"), []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"cc", "-g", "-O1", "-c", filepath.Join(dir, "x.c"), "-o", "x.o"}, {"ar", "crs", "libx.a", "x.o"}} {
			cmd := exec.Command(args[0], args[1:]...)
			if cmd.Dir = dir; cmd.Run() != nil {
				t.Fatalf("%q fails", args)
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "libx.a"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, b := build("int f(int x) { return x + 1; }\n"), build("int f(int x) { return x + 1; }\n")
	if bytes.Equal(a, b) {
		t.Fatal("there is no difference to be passed over")
	}
	if linkContent(t, a) != linkContent(t, b) {
		t.Error("the directory counts")
	}
	if linkContent(t, a) == linkContent(t, build("int f(int x) { return x + 2; }\n")) {
		t.Error("the code does not count")
	}
	if linkContent(t, a) == linkContent(t, build("const char *f(void) { return __FILE__; }\n")) {
		t.Error("a function does not count")
	}
	if c, d := build("const char *f(void) { return __FILE__; }\n"), build("const char *f(void) { return __FILE__; }\n"); linkContent(t, c) == linkContent(t, d) {
		t.Error("a path that the program has does not count")
	}
}

func FuzzLinkContent(f *testing.F) {
	f.Add(archive("/", "index", "x.o/", string(object("gap", ".debug_str", "d", ".text", "t")), "odd/", "1"))
	f.Add(object("", ".rela.debug_info", "x"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Something is always said of something.
		if len(b) > 8 && linkContent(t, b) == "" && !bytes.HasPrefix(b, []byte("!<arch>\n")) {
			t.Fatal("no content")
		}
	})
}
