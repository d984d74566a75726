package lockfile

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

const registry = "registry+https://index.example/x"

var app = Package{ID: ID{Name: "app", Version: "0.1.0"}, Dependencies: []ID{{"dep", "1.0.0", registry}, {"dep", "2.0.0", "git+https://git.example/dep#0123"}}}

var samples = map[int]string{
	1: `
[root]
name = "app"
version = "0.1.0"
dependencies = ["dep 2.0.0 (git+https://git.example/dep)", "dep 1.0.0 (` + registry + `)"]

[[package]]
name = "dep"
version = "1.0.0"
source = "` + registry + `"

[[package]]
name = "dep"
version = "2.0.0"
source = "git+https://git.example/dep#0123"

[metadata]
"checksum dep 1.0.0 (` + registry + `)" = "aa"
"checksum dep 2.0.0 (git+https://git.example/dep)" = "<none>"
`,
	2: common,
	3: "version = 3\n" + common,
	4: "# made by hand\nversion = 4\n" + common,
}

const common = `
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["dep 1.0.0", "dep 2.0.0"]

[[package]]
name = "dep"
version = "1.0.0"
source = "` + registry + `"
checksum = "aa"

[[package]]
name = "dep"
version = "2.0.0"
source = "git+https://git.example/dep#0123"

[[patch.unused]]
name = "other"
version = "1.0.0"
`

func TestParseVersions(t *testing.T) {
	for version, text := range samples {
		want := &Lockfile{Version: version, Packages: []Package{
			app,
			{ID: ID{"dep", "1.0.0", registry}, Checksum: "aa"},
			{ID: ID{"dep", "2.0.0", "git+https://git.example/dep#0123"}},
		}}
		got, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("version %d: %v", version, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("version %d: %+v\nwant %+v", version, got, want)
		}
		if local := got.Local(); !reflect.DeepEqual(local, []Package{app}) {
			t.Errorf("version %d: Local = %+v", version, local)
		}
	}
	if l, err := Parse(nil); err != nil || len(l.Packages) != 0 {
		t.Errorf("empty file: %+v, %v", l, err)
	}
}

// One name and version from a path and from a registry: the short form means
// the path.
func TestPathBeforeRegistry(t *testing.T) {
	l, err := Parse([]byte("version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n" +
		"[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"" + registry + "\"\n" +
		"[[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\"a 1.0.0\", \"a 1.0.0 (" + registry + ")\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []ID{{"a", "1.0.0", ""}, {"a", "1.0.0", registry}}; !reflect.DeepEqual(l.Packages[2].Dependencies, want) {
		t.Errorf("dependencies %+v, want %+v", l.Packages[2].Dependencies, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"version 5":          "version = 5\n",
		"no version":         "[[package]]\nname = \"a\"\n",
		"twice":              "version = 4\n" + strings.Repeat("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n", 2),
		"unknown dependency": "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b\"]\n",
		"ambiguous":          common + "[[package]]\nname = \"z\"\nversion = \"1.0.0\"\ndependencies = [\"dep\"]\n",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	_, err := Parse([]byte("version = 4\n<<<<<<< HEAD\n"))
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("conflict marker: %v", err)
	}
}

// What version 4 encodes is one thing with what version 3 does not.
func TestPlainSource(t *testing.T) {
	for _, tc := range []struct {
		version      int
		source, want string
	}{
		{4, "", ""},
		{4, registry, registry},
		{4, "git+https://git.example/dep#0123", "git+https://git.example/dep#0123"},
		{4, "git+https://git.example/dep?branch=a%2Fb%2Bc#0123", "git+https://git.example/dep?branch=a/b+c#0123"},
		{4, "git+https://git.example/dep?tag=a+b#0123", "git+https://git.example/dep?tag=a b#0123"},
		{4, "git+https://git.example/dep?branch=100%#0123", "git+https://git.example/dep?branch=100%#0123"},
		{4, "git+https://git.example/dep?branch#0123", "git+https://git.example/dep?branch#0123"},
		{3, "git+https://git.example/dep?branch=a/b+c#0123", "git+https://git.example/dep?branch=a/b+c#0123"},
		{3, "git+https://git.example/dep?branch=a%2Fb#0123", "git+https://git.example/dep?branch=a%2Fb#0123"},
	} {
		l := &Lockfile{Version: tc.version, Packages: []Package{{ID: ID{"dep", "1.0.0", tc.source}}}}
		if got := l.PlainSource(&l.Packages[0]); got != tc.want {
			t.Errorf("version %d: PlainSource(%s) = %s; want %s", tc.version, tc.source, got, tc.want)
		}
	}
}
