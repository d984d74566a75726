package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestSetBuild(t *testing.T) {
	const lit = `"/w"`
	tests := []struct{ name, text, want string }{
		{"empty", "", "[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\"\n"},
		{"other tables", "[net]\noffline = true\n", "[net]\noffline = true\n\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\"\n"},
		{"no final newline", "[net]\noffline = true", "[net]\noffline = true\n\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\""},
		{"CRLF", "[net]\r\noffline = true\r\n", "[net]\r\noffline = true\r\n\r\n[build] # by `cargo cow wrapper enable`\r\nrustc-wrapper = \"/w\"\r\n"},
		{"a table", "[build] # b\njobs = 2 # two\n\n# next\n[net]\n", "[build] # b\njobs = 2 # two\nrustc-wrapper = \"/w\"\n\n# next\n[net]\n"},
		{"an empty table", "[build]\n[net]\n", "[build]\nrustc-wrapper = \"/w\"\n[net]\n"},
		{"a table at the end", "[build]", "[build]\nrustc-wrapper = \"/w\""},
		{"a quoted header", "[ \"build\" ]\njobs = 2\n", "[ \"build\" ]\njobs = 2\nrustc-wrapper = \"/w\"\n"},
		{"indented", "[build]\n\tjobs = 2\r\n\ttarget = [\n\t\"a\",\n\t] # t", "[build]\n\tjobs = 2\r\n\ttarget = [\n\t\"a\",\n\t] # t\n\trustc-wrapper = \"/w\""},
		{"the table's tables", "[build.x]\ny = 1\n", "[build.x]\ny = 1\n\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\"\n"},
		{"a table before its tables", "[build]\njobs = 2\n[build.x]\ny = 1\n", "[build]\njobs = 2\nrustc-wrapper = \"/w\"\n[build.x]\ny = 1\n"},
		{"dotted keys", "build.jobs = 2\nnet.offline = true\n", "build.jobs = 2\nbuild.rustc-wrapper = \"/w\"\nnet.offline = true\n"},
		{"inline", "build = { jobs = 2 } # b\n", "build = { jobs = 2, rustc-wrapper = \"/w\" } # b\n"},
		{"inline, empty", "build = {}", "build = {rustc-wrapper = \"/w\"}"},
		{"inline, blank", "build = { }\n", "build = { rustc-wrapper = \"/w\" }\n"},
		{"inline, with another inside", "build = { a = { b = '}' } }\n", "build = { a = { b = '}' }, rustc-wrapper = \"/w\" }\n"},
		{"there", "[build]\nrustc-wrapper = 'sccache' # fast\njobs = 2\n", "[build]\nrustc-wrapper = \"/w\" # fast\njobs = 2\n"},
		{"there, quoted", "[build]\n\"rustc-wrapper\"='''\nsccache'''\n", "[build]\n\"rustc-wrapper\"=\"/w\"\n"},
		{"there, dotted", "build . rustc-wrapper = \"a\\u0020\\\"b\"\n", "build . rustc-wrapper = \"/w\"\n"},
		{"there, inline", "build={rustc-wrapper='x',jobs=2}", "build={rustc-wrapper=\"/w\",jobs=2}"},
		{"BOM", "\ufeff[build]\njobs = 2\n", "\ufeff[build]\njobs = 2\nrustc-wrapper = \"/w\"\n"},
		{"BOM and pair", "\ufeffbuild.jobs = 2\n", "\ufeffbuild.jobs = 2\nbuild.rustc-wrapper = \"/w\"\n"},
		{"BOM only", "\ufeff", "\ufeff[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\"\n"},
		{"comments that look like keys", "# [build]\n# rustc-wrapper = 'x'\n[[bin]]\nrustc-wrapper = '''\n[build]\nrustc-wrapper = 1'''\n",
			"# [build]\n# rustc-wrapper = 'x'\n[[bin]]\nrustc-wrapper = '''\n[build]\nrustc-wrapper = 1'''\n\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = \"/w\"\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := SetBuild([]byte(test.text), WrapperKey, lit)
			if err != nil || string(got) != test.want {
				t.Fatalf("SetBuild = %q, %v\nwant       %q", got, err, test.want)
			}
			v, err := GetBuild(got, WrapperKey)
			if err != nil || v == nil || *v != (BuildValue{"/w", lit}) {
				t.Errorf("GetBuild = %+v, %v", v, err)
			}
			back(t, []byte(test.text), got)
		})
	}
}

// back undoes SetBuild in the way that a former value asks for.
func back(t *testing.T, text, set []byte) {
	t.Helper()
	old, err := GetBuild(text, WrapperKey)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	if old == nil {
		got, err = UnsetBuild(set, WrapperKey)
	} else {
		got, err = SetBuild(set, WrapperKey, old.Literal)
	}
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("undone: %q, %v\nwant    %q\nfrom    %q", got, err, text, set)
	}
}

func TestUnsetBuild(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"absent", "[build]\njobs = 2\n", "[build]\njobs = 2\n"},
		{"a table of one's own", "[build]\nrustc-wrapper = 'x'\n", "[build]\n"},
		{"a comment behind", "[build]\n  rustc-wrapper = 'x'  # mine\njobs = 2\n", "[build]\n  # mine\njobs = 2\n"},
		{"inline, first", "build = { rustc-wrapper = 'x', jobs = 2 }", "build = { jobs = 2 }"},
		{"inline, between", "build = { a = 1, rustc-wrapper = 'x' , jobs = 2 }", "build = { a = 1 , jobs = 2 }"},
		{"inline, over lines", "build = {\n  a = 1, # one\n  rustc-wrapper = 'x',\n}\n", "build = {\n  a = 1, # one\n  \n}\n"},
		{"our table, used since", "[build] # by `cargo cow wrapper enable`\nrustc-wrapper = 'x'\njobs = 2\n", "[build] # by `cargo cow wrapper enable`\njobs = 2\n"},
		{"our table, a comment in it", "[build] # by `cargo cow wrapper enable`\nrustc-wrapper = 'x'\n# c\n", "[build] # by `cargo cow wrapper enable`\n# c\n"},
		{"our table, another after it", "a = 1\n\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = 'x'\n\n[net]\n", "a = 1\n\n[net]\n"},
		{"our table, moved up", "a = 1\n[build] # by `cargo cow wrapper enable`\nrustc-wrapper = 'x'\n", "a = 1\n"},
		{"over lines", "[build]\nrustc-wrapper = '''\nx\n'''\njobs = 2\n", "[build]\njobs = 2\n"},
	} {
		got, err := UnsetBuild([]byte(test.text), WrapperKey)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: UnsetBuild = %q, %v\nwant %q", test.name, got, err, test.want)
		}
	}
}

// What is no table, or no string, is the user's to put right.
func TestEditRefuses(t *testing.T) {
	for _, text := range []string{
		"build = 3\n", "[[build]]\na = 1\n", "[build]\nrustc-wrapper = ['x']\n", "[build.rustc-wrapper]\n", "[build.rustc-wrapper]\nx = 1\n",
		"build.rustc-wrapper.x = 1\n", "build = { rustc-wrapper = 2 }\n", "[build\n", "a = 1\na = 2\n", "\xff = 1\n",
	} {
		if got, err := SetBuild([]byte(text), WrapperKey, `"/w"`); err == nil {
			t.Errorf("SetBuild(%q) = %q", text, got)
		}
	}
	for _, literal := range []string{"", "x", "3", "\"a\"\nb = 1", "\"a\" # c", "\"a", "['a']"} {
		if got, err := SetBuild([]byte("build = { a = 1 }\n"), WrapperKey, literal); err == nil {
			t.Errorf("SetBuild to %q = %q", literal, got)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, s := range []string{"", "/usr/bin/x", `a"b\c`, "tab\tnl\n\x00\x7f", "Grüße 🐄"} {
		literal, err := Literal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unquote(literal); err != nil || got != s {
			t.Errorf("%q as %s is %q, %v", s, literal, got, err)
		}
	}
	if _, err := Literal("\xff"); err == nil {
		t.Error("Literal takes what is not UTF-8")
	}
}

func FuzzEditBuild(f *testing.F) {
	for _, text := range []string{
		"", "build = { jobs = 2 }", "[build]\r\njobs = 2\r\n", "build.jobs = 2\n[a]\nb = nan\n", "\ufeff[build]\n", "[build]\nrustc-wrapper = 'x' # c\n",
		"build = {\n a = 1, # x\n}\n", "[ 'build' ] # \u00fc\n  a = [\n1,\n]\n[[c]]\n[[c]]\n", "a = 1979-05-27T07:32:00Z\nb = 07:32:00\n\n\n",
	} {
		f.Add(text, "/w")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		var before map[string]any
		if toml.Unmarshal(bytes.TrimPrefix([]byte(text), []byte(bom)), &before) != nil {
			return
		}
		literal, err := Literal(value)
		if err != nil {
			return
		}
		out, err := SetBuild([]byte(text), WrapperKey, literal)
		if err != nil {
			// Only where the file gives the key, or its table, another meaning.
			build, isTable := before["build"].(map[string]any)
			_, isString := build[WrapperKey].(string)
			if _, there := before["build"]; !there || isTable && (isString || build[WrapperKey] == nil) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if v, err := GetBuild(out, WrapperKey); err != nil || v == nil || v.Value != value || v.Literal != literal {
			t.Errorf("%q: GetBuild = %+v, %v", out, v, err)
		}
		back(t, []byte(text), out)
		// Nothing but the value, or one piece that was put in, differs.
		if old, _ := GetBuild([]byte(text), WrapperKey); old == nil && !inserted(text, string(out)) {
			t.Errorf("%q became %q", text, out)
		}
		if _, err := UnsetBuild(out, WrapperKey); err != nil {
			t.Errorf("%q: %v", out, err)
		}
	})
}

// inserted reports whether out is text with one piece put in.
func inserted(text, out string) bool {
	n := 0
	for n < len(text) && n < len(out) && text[n] == out[n] {
		n++
	}
	for ; n >= 0; n-- {
		if strings.HasSuffix(out, text[n:]) && len(out) >= len(text) {
			return true
		}
	}
	return false
}
