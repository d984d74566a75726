package depfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

const list = `/a/target/debug/deps/x-0123.d: x/src/lib.rs /a/data\ one.txt /b/x:y

/a/target/debug/deps/libx-0123.rmeta: x/src/lib.rs /a/data\ one.txt /b/x:y

x/src/lib.rs:
/a/data\ one.txt:
/b/x:y:

# env-dep:CARGO_PKG_NAME=x
# env-dep:WHERE=/a/schema: x
# checksum:blake3=00 file_len:3 /a/data\ one.txt
`

func TestMade(t *testing.T) {
	tests := []struct {
		text, rel, want string
		ok              bool
	}{
		{list, "debug/deps", "/a/target", true},
		{list, "release/deps", "", false},
		{list, "debug", "", false},
		{"# comment\n" + list, "debug/deps", "/a/target", true},
		{`/a\ b/target/debug/deps/x.d: y`, "debug/deps", "/a b/target", true},
		{"relative/debug/deps/x.d: y\n", "debug/deps", "", false},
		{"/a/../b/debug/deps/x.d: y\n", "debug/deps", "", false},
		{"x.d: y\n", "debug/deps", "", false},
		{"x\n", "debug/deps", "", false},
		{"", "debug/deps", "", false},
	}
	for _, tt := range tests {
		if got, ok := Made(tt.text, tt.rel); got != tt.want && tt.ok || ok != tt.ok {
			t.Errorf("Made(%.30q, %q) = %q, %v; want %q, %v", tt.text, tt.rel, got, ok, tt.want, tt.ok)
		}
	}
}

func TestInputs(t *testing.T) {
	if got, want := Inputs(list), []string{"x/src/lib.rs", "/a/data one.txt", "/b/x:y"}; !slices.Equal(got, want) {
		t.Errorf("inputs %q, want %q", got, want)
	}
	if got := Inputs("# nothing\n"); got != nil {
		t.Errorf("inputs %q of nothing", got)
	}
}

func TestVariables(t *testing.T) {
	var got []string
	Variables(list+"# env-dep:UNSET\r\n# env-dep:EMPTY=", func(name, value string, set bool) {
		got = append(got, name+"="+value+" "+strconv.FormatBool(set))
	})
	if want := []string{"CARGO_PKG_NAME=x true", "WHERE=/a/schema: x true", "UNSET= false", "EMPTY= true"}; !slices.Equal(got, want) {
		t.Errorf("variables %q, want %q", got, want)
	}
}

func TestSetValues(t *testing.T) {
	text := list + "# env-dep:UNSET\n# env-dep:EMPTY=\r\n# cargo-cow=x"
	want := strings.NewReplacer("NAME=x", "NAME=<x>", "WHERE=/a/schema: x", "WHERE=</a/schema: x>", "EMPTY=", "EMPTY=<>").Replace(text)
	if got := SetValues(text, func(value string) string { return "<" + value + ">" }); got != want {
		t.Errorf("set\n%s\nwant\n%s", got, want)
	}
}

func TestWellFormed(t *testing.T) {
	for text, want := range map[string]bool{
		list: true, "": true, "\r\n\n": true, "# anything": true,
		"a: b\nc.rs\n": false, "a: b c\nd: e\nf:\n": true, "a\nb: c\n": false,
	} {
		if WellFormed(text) != want {
			t.Errorf("%q is well formed: %v", text, !want)
		}
	}
}

func toB(name string) string {
	if rel, ok := paths.Under(name, "/a"); ok {
		return "/b b/" + rel
	}
	return name
}

func TestRename(t *testing.T) {
	want := strings.ReplaceAll(list, "/a/", `/b\ b/`)
	want = strings.ReplaceAll(want, `WHERE=/b\ b/`, "WHERE=/a/")
	if got := Rename(list, toB); got != want {
		t.Errorf("renamed\n%s\nwant\n%s", got, want)
	}
	if got := Rename(list, func(name string) string { return name }); got != list {
		t.Errorf("nothing renamed\n%s\nwant\n%s", got, list)
	}
}

// What rustc itself has written, with names that need care.
func TestRustcsOwn(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "a b", "target", "debug", "deps")
	if err := os.MkdirAll(out, 0o777); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "a b", "da ta")
	for name, text := range map[string]string{
		data:                       "x",
		filepath.Join(dir, "x.rs"): `pub const X: &str = include_str!(concat!(env!("HERE"), "/da ta"));`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("rustc", "--crate-type=lib", "--crate-name=x", "--emit=dep-info,metadata", "--out-dir", out, "x.rs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HERE="+filepath.Join(dir, "a b"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rustc: %v\n%s", err, text)
	}
	text, err := os.ReadFile(filepath.Join(out, "x.d"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := Made(string(text), "debug/deps"); !ok || got != filepath.Join(dir, "a b", "target") {
		t.Errorf("made in %q, %v", got, ok)
	}
	if got, want := Inputs(string(text)), []string{"x.rs", data}; !slices.Equal(got, want) {
		t.Errorf("inputs %q, want %q", got, want)
	}
	asked := ""
	Variables(string(text), func(name, value string, _ bool) { asked += name + "=" + value })
	if asked != "HERE="+filepath.Join(dir, "a b") {
		t.Errorf("variables %q", asked)
	}
	if got := Rename(string(text), func(name string) string { return name }); got != string(text) {
		t.Errorf("nothing renamed:\n%s\nbecame\n%s", text, got)
	}
}

// Renaming nothing changes nothing, whatever the file has.
func FuzzRename(f *testing.F) {
	f.Add(list)
	f.Add("a: b\\ c d\\\n#x\n\n  :\r\n")
	f.Add("# env-dep:A=b\\n\r\n# env-dep:C\n# env-dep:=")
	f.Fuzz(func(t *testing.T, text string) {
		same := func(name string) string { return name }
		if got := Rename(text, same); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := SetValues(text, same); got != text {
			t.Errorf("%q with its values set became %q", text, got)
		}
		Made(text, "debug/deps")
		WellFormed(text)
		Inputs(text)
		Variables(text, func(string, string, bool) {})
	})
}

// Where all white space is single spaces, as rustc writes it, Cargo reads what rustc
// meant.
func FuzzTwoReadings(f *testing.F) {
	f.Add("a b", "src/lib.rs", "NAME", "value\\\n\r=")
	f.Add("x:", ":", "", "")
	f.Fuzz(func(t *testing.T, first, second, name, value string) {
		for _, s := range []string{first, second, name} {
			if s == "" || !utf8.ValidString(s) || strings.ContainsFunc(strings.ReplaceAll(s, " ", ""), unicode.IsSpace) ||
				strings.ContainsAny(s, "\\=#\r\n") || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  ") {
				return // rustc has no way to write it, or nobody names a file so
			}
		}
		if !utf8.ValidString(value) {
			return
		}
		text := "out.d: " + escape(first) + " " + escape(second) + "\n\n# env-dep:" + name + "=" + EscapeValue(value) + "\n"
		r, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{first, second}
		if got := Inputs(text); !slices.Equal(got, want) || !slices.Equal(r.Deps, want) {
			t.Errorf("%q: inputs %q, for Cargo %q", text, got, r.Deps)
		}
		if len(r.Env) != 1 || r.Env[0] != (Env{name, value, true}) {
			t.Errorf("%q: variables %+v", text, r.Env)
		}
	})
}
