package home

import (
	"reflect"
	"strings"
	"testing"
)

const gnu = "-x86_64-unknown-linux-gnu"

var listings = []struct {
	rustup, text string
	want         []Toolchain
}{
	{"1.29.0", "stable" + gnu + " (active, default) /r/toolchains/stable" + gnu + "\n" +
		"1.85.1" + gnu + " /r/toolchains/1.85.1" + gnu + "\n" +
		"1.95.0" + gnu + " /r/toolchains/stable" + gnu + "\n" +
		"a(b) c /home/me/rust one/build/stage1\nmy tool (default) /opt/rust\n",
		[]Toolchain{
			{Name: "stable" + gnu, Path: "/r/toolchains/stable" + gnu}, {Name: "1.85.1" + gnu, Path: "/r/toolchains/1.85.1" + gnu},
			{Name: "1.95.0" + gnu, Path: "/r/toolchains/stable" + gnu}, {Name: "a(b) c", Path: "/home/me/rust one/build/stage1"},
			{Name: "my tool", Path: "/opt/rust"},
		}},
	{"1.24.3", "a(b) c (override)\t/opt/1.85.1" + gnu + "\nbyhand\t../../opt/1.85.1" + gnu + "\ndev (default)\t/opt/1.85.1" + gnu + "\n" +
		"1.70.0" + gnu + "\t/r/toolchains/1.70.0" + gnu + "\n",
		[]Toolchain{
			{Name: "a(b) c", Path: "/opt/1.85.1" + gnu}, {Name: "byhand", Path: "../../opt/1.85.1" + gnu},
			{Name: "dev", Path: "/opt/1.85.1" + gnu}, {Name: "1.70.0" + gnu, Path: "/r/toolchains/1.70.0" + gnu},
		}},
	{"1.27.1", "1.70.0" + gnu + "\t/r/toolchains/1.70.0" + gnu + "\na(b) c\t/opt/1.85.1" + gnu + "\ndev (default)\t/opt/1.85.1" + gnu + "\n",
		[]Toolchain{
			{Name: "1.70.0" + gnu, Path: "/r/toolchains/1.70.0" + gnu}, {Name: "a(b) c", Path: "/opt/1.85.1" + gnu}, {Name: "dev", Path: "/opt/1.85.1" + gnu},
		}},
	{"1.28.2", "1.70.0" + gnu + " /r/toolchains/1.70.0" + gnu + "\na(b) c (active) /opt/1.85.1" + gnu + "\nbyhand ../../opt/1.85.1" + gnu + "\n" +
		"dev (default) /opt/1.85.1" + gnu + "\n",
		[]Toolchain{
			{Name: "1.70.0" + gnu, Path: "/r/toolchains/1.70.0" + gnu}, {Name: "a(b) c", Path: "/opt/1.85.1" + gnu},
			{Name: "byhand", Path: "../../opt/1.85.1" + gnu}, {Name: "dev", Path: "/opt/1.85.1" + gnu},
		}},
	{"none", "no installed toolchains\n", nil},
	{"nothing", "", nil},
	{"a name like a mark", "own (default) /r/toolchains/own (default)\n", []Toolchain{{Name: "own (default)", Path: "/r/toolchains/own (default)"}}},
}

func TestParseToolchains(t *testing.T) {
	for _, l := range listings {
		got, err := parseToolchains(l.text)
		if err != nil || !reflect.DeepEqual(got, l.want) {
			t.Errorf("rustup %s: got %+v, %v\nwant %+v", l.rustup, got, err, l.want)
		}
	}
	for _, text := range []string{
		"stable" + gnu + "\n", "stable" + gnu + " (default)\n", "/r/toolchains/x\n", " /x\n", "\t/x\n", "stable\t\n", "error: something\n", "a/b /c\n",
	} {
		if got, err := parseToolchains(text); err == nil {
			t.Errorf("%q: read %+v", text, got)
		}
	}
}

func FuzzParseToolchains(f *testing.F) {
	for _, l := range listings {
		f.Add(l.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseToolchains(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, tc := range list {
			if tc.Name == "" || strings.ContainsAny(tc.Name, "/\n") || tc.Path == "" {
				t.Errorf("%q: read %+v", text, tc)
			}
			again.WriteString(tc.Name + " (active)\t" + tc.Path + "\n")
		}
		// A name that ends in a mark itself loses it.
		if got, err := parseToolchains(again.String()); err != nil || len(got) != len(list) {
			t.Errorf("%q: read %+v, written and read again %+v, %v", text, list, got, err)
		}
	})
}

func TestVersionIn(t *testing.T) {
	for text, want := range map[string]string{
		"[pkg.rustc]\nversion = \"1.95.0 (59807616e 2026-04-14)\"\n":                                "1.95.0 (59807616e 2026-04-14)",
		"[pkg.rustc-dev]\nversion = \"1\"\n\n[pkg.rustc]\ngit_commit_hash = \"x\"\nversion = \"2\"": "2",
		"[pkg.rustc]\n[pkg.rustfmt]\nversion = \"3\"\n":                                             "",
		"[pkg.rustc]\nversion = \"\"\n":                                                             "",
		"version = \"1\"\n":                                                                         "",
		"":                                                                                          "",
	} {
		if got, ok := versionIn(text); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
}

func TestHostIn(t *testing.T) {
	for text, want := range map[string]string{
		"cargo-x86_64-unknown-linux-gnu\nrustc-dev-x86_64-unknown-linux-gnu\nrustc-x86_64-unknown-linux-gnu\n": "x86_64-unknown-linux-gnu",
		"rustc-docs-x86_64-unknown-linux-gnu\nrust-src\n":                                                      "",
		"rustc-aarch64-apple-darwin": "aarch64-apple-darwin",
	} {
		if got := hostIn(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Whatever stands in files that others write, it is read to the end, and what is taken of it is one line.
func FuzzFiles(f *testing.F) {
	f.Add("[pkg.rustc]\nversion = \"1.95.0 (59807616e 2026-04-14)\"\n")
	f.Add("rustc-x86_64-unknown-linux-gnu\n")
	f.Add("rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1\nhost: x86_64-unknown-linux-gnu\n")
	f.Add(`{"rustc_fingerprint":1,"outputs":{"2":{"success":true,"status":"","code":0,"stdout":"rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\n","stderr":""}},"successes":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		version, _ := versionIn(text)
		all := append(parseNotes([]byte(text)), Compiler{Version: version, Host: hostIn(text)})
		if c, ok := parseVerbose(text); ok {
			all = append(all, c)
		}
		for _, c := range all {
			if strings.Contains(c.Version+c.Commit+c.Host, "\n") {
				t.Errorf("%q: read %+v", text, c)
			}
			if c.Version != "" && !c.May(c) {
				t.Errorf("%+v is not itself", c)
			}
		}
	})
}
