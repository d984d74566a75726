package rooted

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want Path
		ok   bool
	}{
		{"w:src/lib.rs", Path{Workspace, "src/lib.rs"}, true},
		{"w:", Path{Workspace, ""}, true},
		{"a:/usr/include/zlib.h", Path{Absolute, "/usr/include/zlib.h"}, true},
		{"b:debug/%25.d", Path{Build, "debug/%.d"}, true},
		{"g:HEAD%0a", Path{GitDir, "HEAD\n"}, true},
		{"c:../x", Path{CommonDir, "../x"}, true},
		{"", Path{}, false},
		{"w", Path{}, false},
		{"x:src", Path{}, false},
		{"w:/etc/passwd", Path{}, false}, // absolute below a base
		{"a:etc/passwd", Path{}, false},  // relative without one
		{"a:", Path{}, false},            // no path
		{"w:%0", Path{}, false},          // cut escape
		{"w:%0A", Path{}, false},         // one spelling only
		{"w:%zz", Path{}, false},         //
		{"w:a%00b", Path{}, false},       // no file is called so
		{"\xc3\xa4:src", Path{}, false},  // a letter of two bytes
		{"w:s%c3%a4", Path{Workspace, "s\xc3\xa4"}, true},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseLoc(%q) = %v, %v; want %v, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"w:src/lib.rs", "a:/x%ff", "b:", "g:%25", "c:..", "w:%", "a:/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err != nil {
			return
		}
		if strings.ContainsRune(l.Rel, 0) || filepath.IsAbs(l.Rel) != (l.Root == Absolute) {
			t.Fatalf("ParseLoc(%q) = %#v", s, l)
		}
		if again, err := Parse(l.String()); err != nil || again != l {
			t.Fatalf("ParseLoc(%q) = %v, %v; want %v", l.String(), again, err, l)
		}
	})
}

// Any file name there is survives JSON, which knows no bytes but UTF-8.
func FuzzPathJSON(f *testing.F) {
	for _, s := range []string{"a/b", "\xff\xfe", "%", "\n\t", "ä", "", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := json.Marshal(struct{ P paths.Path }{paths.Path(s)})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ P paths.Path }
		if err := json.Unmarshal(b, &got); err != nil || string(got.P) != s {
			t.Fatalf("%q came back as %q (%v) by way of %s", s, got.P, err, b)
		}
	})
}

func TestUnder(t *testing.T) {
	tests := []struct {
		path, dir, rest string
		ok              bool
	}{
		{"/a/repo/src", "/a/repo", "src", true},
		{"/a/repo", "/a/repo", "", true},
		{"/a/repository", "/a/repo", "", false},
		{"/a/repo/../x", "/a/repo", "../x", true}, // by text
		{"/a", "/", "", false},
		{"/a", "", "", false},
		{"/a/repo", "/a/repo/src", "", false},
	}
	for _, tt := range tests {
		if rest, ok := paths.Under(tt.path, tt.dir); rest != tt.rest || ok != tt.ok {
			t.Errorf("paths.Under(%q, %q) = %q, %v; want %q, %v", tt.path, tt.dir, rest, ok, tt.rest, tt.ok)
		}
	}
}
