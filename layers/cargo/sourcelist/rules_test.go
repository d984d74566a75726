package sourcelist_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/sourcelist"
)

// tomlList writes patterns as a list of a manifest.
func tomlList(t *testing.T, patterns []string) string {
	t.Helper()
	text, err := json.Marshal(patterns) // TOML has the same strings
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// patternLists are tried as include and as exclude.
var patternLists = [][]string{
	{},
	{"/book", "/icon.png", "/screenshot.png", "/www"}, // of the crate just 1.59.0
	{"/src", "/build.rs", "/NOTES*", "!/src/deep"},
	{"src/**/*", "build.rs", "Cargo.toml"},
	{"**/*.rs"},
	{"*.rs"},
	{"/*.rs"},
	{"src/*.rs"},
	{"src/*"},
	{"src/**"},
	{"src/**/c.rs"},
	{"src**"},
	{"**"},
	{"**/"},
	{"*/"},
	{"/*/"},
	{"/"},
	{"!"},
	{"*"},
	{"*", "!*.rs"},
	{"*", "!/src", "/src/deep"},
	{"src", "!src/b.rs"},
	{"src/deep/", "!c.rs"},
	{"book/"},
	{"a.txt/"},
	{"book"},
	{"./book"},
	{"book/*.md"},
	{"**/book/**"},
	{"deep/book"},
	{".*"},
	{".hidden", "!.github"},
	{"!.github/**"},
	{"!.*"},
	{"# comment", "", "   "},
	{"# comment", "", "*.txt   "},
	{"#hash", `\#hash`},
	{"!bang", `\!bang`},
	{`sp\ ace`, `tail\ `, "tail "},
	{"?.txt"},
	{"??.txt"}, // "?" is one byte
	{"[ab].txt", "[!a-z].txt"},
	{"[é].txt", "[^é]?.txt"},
	{"x[1].txt"},
	{`x\[1\].txt`},
	{"x[[]1].txt", "[", "[]"},
	{"x[1.txt"},
	{"docs/{a,b}.*"},
	{"{src,docs}/**/*.{rs,md}", "{,icon.png}"},
	{"/*.{txt,png}", "!{a,b}.txt"},
	{"linked", "filelink", "dangling"},
	{"linked/", "!linked/c.rs"},
	{"inner"},
	{"inner/Cargo.toml", "Cargo.toml", "Cargo.lock"},
	{"target", "/target/kept"},
	{"*.log", ".git/HEAD"},
}

var ruledFiles = map[string]string{
	".gitignore": "*.log\n/target/*\n!/target/kept\n", ".hidden": "", ".github/ci.yml": "", "src/.hid/x": "", "x.log": "", "src/y.log": "",
	"b.txt": "", "é.txt": "", "book/ch1.md": "", "book/img/x.png": "", "src/deep/book/d.rs": "", "icon.png": "", "NOTES.md": "",
	"docs/a.txt": "", "docs/b.md": "", "sp ace": "", "tail ": "", "#hash": "", "!bang": "", "x[1].txt": "", "x1.txt": "", "x[1.txt": "",
	"target/kept": "", "target/x": "", "inner/Cargo.toml": "", "inner/x": "", "www/index": "", "new\nline": "",
}

func TestListAppliesTheRulesOfTheManifest(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	for _, test := range []struct {
		key string
		git bool
	}{{"exclude", false}, {"exclude", true}, {"include", true}} {
		s := newScene(t, "", ruledFiles)
		link(t, s.top, "linked", "src/deep")
		link(t, s.top, "filelink", "a.txt")
		link(t, s.top, "dangling", "nowhere")
		if test.git {
			s.commit(s.top)
		}
		distinct := map[string]bool{}
		for _, patterns := range patternLists {
			text := strings.Replace(manifest, "NAME", "probe", 1) + test.key + " = " + tomlList(t, patterns) + "\n"
			cargotest.Write(t, s.pkg, map[string]string{"Cargo.toml": text})
			got, err := sourcelist.List(context.Background(), s.pkg, options)
			if err != nil {
				t.Errorf("git %t: %s = %q: %v", test.git, test.key, patterns, err)
				continue
			}
			got = sorted(got)
			if want := s.packaged(); !slices.Equal(got, want) {
				t.Errorf("git %t: %s = %q:\nList  %q\ncargo %q", test.git, test.key, patterns, got, want)
			}
			distinct[strings.Join(got, "\n")] = true
		}
		// Lists of patterns that all do the same would prove nothing.
		if len(distinct) < len(patternLists)/2 {
			t.Errorf("git %t: %s: %d lists of patterns make only %d lists of files", test.git, test.key, len(patternLists), len(distinct))
		}
	}
}

// packaged lists what Cargo packages, but for the files that it makes itself.
func (s *scene) packaged() []string {
	s.t.Helper()
	out := cargotest.Run(s.t, s.pkg, "", nil, "package", "--list", "--allow-dirty", "--quiet")
	return sorted(strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"))
}

// sorted leaves out what Cargo lists in any case, and takes a name with a line
// break apart, as the output of cargo package does.
func sorted(files []string) []string {
	var list []string
	for _, file := range files {
		switch file {
		case ".cargo_vcs_info.json", "Cargo.toml.orig", "Cargo.lock":
		default:
			list = append(list, strings.Split(file, "\n")...)
		}
	}
	slices.Sort(list)
	return list
}

func TestNewestAppliesTheRulesOfTheManifest(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	// The newest first.
	files := []string{"x.log", ".hidden", "icon.png", "book/deep/ch1.md", "docs/a.txt", "www/é.txt", "src/b.rs"}
	tests := []struct {
		rules        string
		plain, inGit string // the newest file that counts
	}{
		{rules: ``, plain: "x.log", inGit: ".hidden"},
		{rules: `exclude = ["/book", "/icon.png", "/screenshot.png", "/www"]`, plain: "x.log", inGit: ".hidden"},
		{rules: `exclude = ["*.log", ".*", "/icon.png", "/book"]`, plain: "docs/a.txt", inGit: "docs/a.txt"},
		{rules: `exclude = ["/x.*", "!.hidden"]`, plain: ".hidden", inGit: ".hidden"},
		{rules: `exclude = ["*", "!ch1.md"]`, plain: "Cargo.toml", inGit: "book/deep/ch1.md"},
		{rules: `exclude = ["*.{log,png}", ".hidden", "b??k/"]`, plain: "docs/a.txt", inGit: "docs/a.txt"},
		{rules: `include = ["/src", "build.rs"]`, plain: "src/b.rs", inGit: "src/b.rs"},
		{rules: `include = ["**/*.txt", "!/docs/*"]`, plain: "www/é.txt", inGit: "www/é.txt"},
		{rules: `include = ["?.log", "src/**/*"]`, plain: "x.log", inGit: "x.log"},
		{rules: `include = [".*"]` + "\n" + `exclude = [".hidden"]`, plain: ".hidden", inGit: ".hidden"},
		{rules: `include = ["# all"]`, plain: "Cargo.toml", inGit: "Cargo.toml"},
		{rules: `include = ["[a-z]cons.png", "[!a-h]con.png"]`, plain: "icon.png", inGit: "icon.png"},
	}
	for _, git := range []bool{false, true} {
		top, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		s := &scene{t: t, top: top, tick: time.Unix(1600000000, 0)}
		cargotest.Write(t, top, map[string]string{"Cargo.toml": "[workspace]\nmembers = [\"p*\"]\nresolver = \"2\"\n", ".gitignore": "*.log\n/target\n"})
		for i, test := range tests {
			dir := filepath.Join(top, fmt.Sprintf("p%d", i))
			content := map[string]string{"build.rs": "fn main() {}\n", "src/lib.rs": ""}
			for _, name := range files {
				content[name] = ""
			}
			content["Cargo.toml"] = strings.Replace(manifest, "NAME", filepath.Base(dir), 1) + test.rules + "\n"
			cargotest.Write(t, dir, content)
		}
		cargotest.Run(t, top, "", nil, "generate-lockfile")
		if git {
			s.commit(top)
		}
		s.age()
		for _, name := range slices.Backward(append(files, "Cargo.toml")) {
			for i := range tests {
				s.newer(filepath.Join(fmt.Sprintf("p%d", i), name))
			}
		}
		cargotest.Run(t, top, "", nil, "check", "-q", "--workspace")
		for i, test := range tests {
			name := fmt.Sprintf("p%d", i)
			got, err := sourcelist.Newest(context.Background(), filepath.Join(top, name), options)
			if err != nil {
				t.Errorf("git %t: %s: %v", git, test.rules, err)
				continue
			}
			want := precalculated(t, filepath.Join(top, "target"), name)
			if got != want {
				t.Errorf("git %t: %s: Newest = %q, cargo %q", git, test.rules, got, want)
			}
			file := test.plain
			if git {
				file = test.inGit
			}
			if !strings.HasSuffix(want, " ("+file+")") {
				t.Errorf("git %t: %s: cargo says %q, the test expects %s", git, test.rules, want, file)
			}
		}
	}
}

// precalculated returns the text in the fingerprint of a package's script.
func precalculated(t *testing.T, target, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(target, "debug/.fingerprint", pkg+"-*/run-build-script-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("fingerprints of the script: %q, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := fingerprint.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Local) != 1 || f.Local[0].Kind != fingerprint.Precalculated {
		t.Fatalf("fingerprint of the script: %s", data)
	}
	return f.Local[0].Text
}
