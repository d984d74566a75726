package session

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

func TestEnv(t *testing.T) {
	var got []string
	Env(list, func(name, value string) { got = append(got, name+"="+value) })
	if want := []string{"CARGO_PKG_NAME=x", "WHERE=/a/schema: x"}; !slices.Equal(got, want) {
		t.Errorf("variables %q, want %q", got, want)
	}
}

func toB(name string) string {
	if rel, ok := Under(name, "/a"); ok {
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

func TestMark(t *testing.T) {
	s := State{"/a b", "/a b/target\xff"}
	for _, text := range []string{list, "", "no newline"} {
		marked := s.Mark(text)
		if got, ok := Marked(marked); !ok || got != s {
			t.Errorf("%.20q: state %v, %v; want %v", text, got, ok, s)
		}
		other := State{"/c", "/t"}
		if got, ok := Marked(other.Mark(marked)); !ok || got != other || strings.Count(other.Mark(marked), mark) != 1 {
			t.Errorf("%.20q: marked again, state %v, %v; want %v", text, got, ok, other)
		}
		if un := Unmark(marked); strings.TrimSuffix(un, "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%.20q: unmarked %q", text, un)
		}
	}
	for _, text := range []string{list, "", mark + "\n", mark + "\"/a\"\n", mark + "\"/a\" \"t\"\n", mark + "\"/a\" \"/t\"", mark + "\"/a\" \"/t\"\nx:\n"} {
		if got, ok := Marked(text); ok {
			t.Errorf("%q: state %v", text, got)
		}
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
	Env(string(text), func(name, value string) { asked += name + "=" + value })
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
	f.Fuzz(func(t *testing.T, text string) {
		if got := Rename(text, func(name string) string { return name }); got != text {
			t.Errorf("%q became %q", text, got)
		}
		Made(text, "debug/deps")
		Inputs(text)
		s := State{"/a", "/t"}
		if got, ok := Marked(s.Mark(text)); !ok || got != s {
			t.Errorf("%q: marked, state %v, %v", text, got, ok)
		}
	})
}
