package script

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ raw, key, value string }{
		{"cargo:rerun-if-changed=a b\n", "rerun-if-changed", "a b"},
		{"  cargo::rerun-if-changed= a=b \t\r\n", "rerun-if-changed", " a=b"},
		{"cargo:rustc-env=A=1", "rustc-env", "A=1"},
		{"cargo:include=/x\n", "metadata", "include=/x"},
		{"cargo::metadata=include=/x\n", "metadata", "include=/x"},
		{"cargo:metadata=include=/x\n", "metadata", "metadata=include=/x"},
		{"cargo:error=x\n", "metadata", "error=x"},
		{"cargo::error=x\n", "error", "x"},
		{"cargo:rerun-if-changed =x\n", "metadata", "rerun-if-changed =x"},
		{"cargo::warning=\n", "warning", ""},
		{"\u00a0cargo:warning=x\u2003\n", "warning", "x"},
		{"cargo:::a=b\n", ":a", "b"},
		{"cargo::rerun-if-changed\n", "", ""},
		{"cargo:x\n", "", ""},
		{"Cargo:a=b\n", "", ""},
		{"x cargo:a=b\n", "", ""},
		{"cargo:a=\xff\n", "", ""},
		{"\n", "", ""},
	} {
		lines := Parse([]byte(tc.raw))
		if len(lines) != 1 {
			t.Fatalf("%q: %d lines", tc.raw, len(lines))
		}
		l := lines[0]
		if l.Directive != (tc.key != "") || l.Key != tc.key || l.Value != tc.value {
			t.Errorf("%q: directive %v, %q = %q; want %q = %q", tc.raw, l.Directive, l.Key, l.Value, tc.key, tc.value)
		}
	}
}

// values are those of the directives with a key, in order.
func values(lines []Line, key string) []string {
	var list []string
	for _, l := range lines {
		if l.Directive && l.Key == key {
			list = append(list, l.Value)
		}
	}
	return list
}

func TestWatches(t *testing.T) {
	for output, want := range map[string]bool{
		"":                           false,
		"hello\ncargo:rustc-cfg=x\n": false,
		"rerun-if-changed=x\n":       false,
		"cargo:metadata=rerun-if-changed=build.rs": false,
		"cargo:rerun-if-changed=x":                 true,
		"a\ncargo::rerun-if-env-changed=x\n":       true,
	} {
		lines := Parse([]byte(output))
		if got := len(values(lines, keyChanged))+len(values(lines, keyEnvChanged)) > 0; got != want {
			t.Errorf("%q watches: %v", output, got)
		}
	}
	lines := Parse([]byte("cargo:rerun-if-changed=b\ncargo:rerun-if-env-changed=V\ncargo::rerun-if-changed=/a\n"))
	if got := WatchPaths(lines); !slices.Equal(got, []string{"b", "/a"}) {
		t.Errorf("WatchPaths = %q", got)
	}
	if got := values(lines, keyEnvChanged); !slices.Equal(got, []string{"V"}) {
		t.Errorf("watched variables %q", got)
	}
}

func TestRewriteTouchesOnlyValues(t *testing.T) {
	const output = "/a/x\n  cargo:rerun-if-changed=/a/x \r\ncargo:root=/a/x\ncargo::rustc-env=/a/x=/a/x\n\xff/a\ncargo:rerun-if-changed=/a"
	swap := func(key, value string) (string, bool) {
		if key != "rerun-if-changed" {
			return "", false
		}
		return strings.Replace(value, "/a", "/longer", 1), true
	}
	got, err := Rewrite(Parse([]byte(output)), swap)
	if err != nil {
		t.Fatal(err)
	}
	const want = "/a/x\n  cargo:rerun-if-changed=/longer/x \r\ncargo:root=/a/x\ncargo::rustc-env=/a/x=/a/x\n\xff/a\ncargo:rerun-if-changed=/longer"
	if string(got) != want {
		t.Errorf("Rewrite = %q\nwant      %q", got, want)
	}
	for _, value := range []string{"a\nb", "a ", "\xff"} {
		_, err := Rewrite(Parse([]byte(output)), func(string, string) (string, bool) { return value, true })
		if err == nil {
			t.Errorf("Rewrite accepts the value %q", value)
		}
	}
	// A metadata line must not turn into an instruction.
	_, err = Rewrite(Parse([]byte("cargo:root=/a\n")), func(string, string) (string, bool) { return "rustc-cfg=x", true })
	if err == nil {
		t.Error("Rewrite makes a directive of another kind")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("cargo:rerun-if-changed=a\n\n x\r\ncargo::metadata=a=b"))
	f.Add([]byte("cargo:a=b\xff\n\u2003cargo:: = \u00a0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := Parse(data)
		var joined []byte
		for _, l := range lines {
			joined = append(joined, l.Raw...)
		}
		if !bytes.Equal(joined, data) {
			t.Fatalf("lines of %q join to %q", data, joined)
		}
		same, err := Rewrite(lines, func(_, value string) (string, bool) { return value, true })
		if err != nil || !bytes.Equal(same, data) {
			t.Fatalf("%q rewritten with its own values: %q, %v", data, same, err)
		}
	})
}
