package open

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

func TestParseYAML(t *testing.T) {
	for _, tt := range []struct{ text, project, user string }{
		{"", "", ""},
		{"# nothing\n", "", ""},
		{"strict: true\n", "", ""},
		{"strict: maybe\n", "line 1: misplaced str `maybe`", "line 1: misplaced str `maybe`"},
		{"strict: true\nstricter: 1\n", "line 2: unknown key stricter", "line 2: unknown key stricter"},
		{"store: /x\n", "line 1: unknown key store (only", ""},
		{"strict: [\n", "line 1", "line 1"},
		{"strict: true\n---\nstrict: false\n", "more than one document", "more than one document"},
		{"- strict\n", "line 1", "line 1"},
	} {
		check := func(who, want string, err error) {
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %q: got error %v, want %q", who, tt.text, err, want)
			}
		}
		check("project", tt.project, parseYAML([]byte(tt.text), &projectKeys{}))
		check("user", tt.user, parseYAML([]byte(tt.text), &userKeys{}))
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte("strict: true\nstore: /x\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("\xff\xfe\x00"))
	f.Add([]byte("0000"))
	f.Add([]byte("!00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := parseYAML(text, &projectKeys{}); err != nil && strings.Contains(err.Error(), "open.") {
			t.Errorf("the message speaks of our types: %v", err)
		}
		parseYAML(text, &userKeys{})
	})
}

func TestConfigOrder(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(t.TempDir(), "config")
	write(t, filepath.Join(home, "cargo-cow", "config.yaml"), "strict: true\nstore: /user\nignore: [a]\n")
	read := func() (*Config, error) { return session(t, root, "XDG_CONFIG_HOME="+home).Config(root) }
	c, err := read()
	if err != nil || c.Store != "/user" || !c.Strict || !slices.Equal(c.Settings.Ignore, []string{"a"}) {
		t.Errorf("user file: got %+v, %v", c, err)
	}
	write(t, filepath.Join(root, projectFile), "strict: false\nignore: [b]\npure_macros:\n- {name: m, from: 1.0.0}\n")
	c, err = read()
	if err != nil || c.Store != "/user" || c.Strict || !slices.Equal(c.Settings.Ignore, []string{"a", "b"}) ||
		!slices.Equal(c.Settings.PureMacros, []rule.MacroRange{{Name: "m", From: "1.0.0"}}) {
		t.Errorf("project file: got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"store: /project\n":              "line 1",
		"inputs: ['[']\n":                `glob "["`,
		"pure_macros: [{from: 1.0.0}]\n": "no name",
		"pure_macros: [{nam: x}]\n":      "unknown key nam",
	} {
		write(t, filepath.Join(root, projectFile), text)
		if _, err := read(); err == nil || !strings.Contains(err.Error(), projectFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	write(t, filepath.Join(home, "cargo-cow", "config.yaml"), "store: relative\n")
	if _, err := read(); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("relative store: got %v", err)
	}
}

func TestFindProjectFile(t *testing.T) {
	root := t.TempDir()
	member := filepath.Join(root, "ws", "member", "src")
	if err := os.MkdirAll(member, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, projectFile), "")
	ws := filepath.Join(root, "ws")
	if got := findProjectFile(member, ws); got != "" {
		t.Errorf("above the workspace: got %q", got)
	}
	write(t, filepath.Join(ws, projectFile), "")
	if got := findProjectFile(member, ws); got != filepath.Join(ws, projectFile) {
		t.Errorf("in the workspace: got %q", got)
	}
	write(t, filepath.Join(ws, "member", projectFile), "")
	if got := findProjectFile(member, ws); got != filepath.Join(ws, "member", projectFile) {
		t.Errorf("in the member: got %q", got)
	}
}

func TestCompressionConfig(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(t.TempDir(), "config")
	read := func(text string) (string, error) {
		write(t, filepath.Join(home, "cargo-cow", "config.yaml"), text)
		c, err := session(t, root, "XDG_CONFIG_HOME="+home).userConfig()
		if err != nil {
			return "", err
		}
		return c.Compression.Algorithm, nil
	}
	for text, want := range map[string]string{
		"":                       "zstd",
		"compression: none\n":    "none",
		"compression: lzo\n":     "lzo",
		"compression: zstd\n":    "zstd",
		"compression: zlib:9\n":  "zlib",
		"compression: zstd:15\n": "zstd",
	} {
		if got, err := read(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"gzip", "zstd:0", "zstd:16", "zlib:0", "lzo:1", "'zstd '"} {
		if _, err := read("compression: " + wrong + "\n"); err == nil || !strings.Contains(err.Error(), "want none, lzo, zlib or zstd") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestAutoPruneConfig(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(t.TempDir(), "config")
	read := func(text string) (AutoPrune, error) {
		write(t, filepath.Join(home, "cargo-cow", "config.yaml"), text)
		return session(t, root, "XDG_CONFIG_HOME="+home).AutoPrune()
	}
	for _, tt := range []struct {
		text string
		want func(a *AutoPrune)
	}{
		{"", func(*AutoPrune) {}},
		{"prune: {frequency: never}\n", func(a *AutoPrune) { a.Every = 0 }},
		{"prune: {frequency: 12h, keep_under: 50GB, free_space: never}\n", func(a *AutoPrune) {
			a.Every, a.KeepUnder, a.FreeSpace = 12*time.Hour, Part{Bytes: 50e9}, Part{}
		}},
		{"prune:\n  keep_under: 10%\n  max_age: {layers: 2w, undo: never}\n", func(a *AutoPrune) {
			a.KeepUnder, a.MaxAge.Layer, a.MaxAge.Undo = Part{Percent: 10}, 14*24*time.Hour, 0
		}},
	} {
		want := DefaultAutoPrune
		tt.want(&want)
		if got, err := read(tt.text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", tt.text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"prune: {frequency: daily}\n":          `frequency "daily": want a number`,
		"prune: {keep_under: 101%}\n":          `keep_under "101%": want a number`,
		"prune: {free_space: 5}\n":             `free_space "5": want a number`,
		"prune: {max_age: {warehouse: old}}\n": `max_age: warehouse "old"`,
		"prune: {every: 1d}\n":                 "unknown key every",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if got := (Part{Percent: 25}).Of(1000); got != 250 {
		t.Errorf("a quarter of 1000 is %d", got)
	}
}
