package cargo

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func TestParseLoc(t *testing.T) {
	tests := []struct {
		text string
		want Loc
		ok   bool
	}{
		{"w:src/lib.rs", Loc{BaseRoot, "src/lib.rs"}, true},
		{"w:", Loc{BaseRoot, ""}, true},
		{"a:/usr/include/zlib.h", Loc{BaseFixed, "/usr/include/zlib.h"}, true},
		{"b:debug/%25.d", Loc{BaseBuild, "debug/%.d"}, true},
		{"g:HEAD%0a", Loc{BaseGit, "HEAD\n"}, true},
		{"c:../x", Loc{BaseCommon, "../x"}, true},
		{"", Loc{}, false},
		{"w", Loc{}, false},
		{"x:src", Loc{}, false},
		{"w:/etc/passwd", Loc{}, false}, // absolute below a base
		{"a:etc/passwd", Loc{}, false},  // relative without one
		{"a:", Loc{}, false},            // no path
		{"w:%0", Loc{}, false},          // cut escape
		{"w:%0A", Loc{}, false},         // one spelling only
		{"w:%zz", Loc{}, false},         //
		{"w:a%00b", Loc{}, false},       // no file is called so
		{"\xc3\xa4:src", Loc{}, false},  // a letter of two bytes
		{"w:s%c3%a4", Loc{BaseRoot, "s\xc3\xa4"}, true},
	}
	for _, tt := range tests {
		got, err := ParseLoc(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseLoc(%q) = %v, %v; want %v, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzParseLoc(f *testing.F) {
	for _, s := range []string{"w:src/lib.rs", "a:/x%ff", "b:", "g:%25", "c:..", "w:%", "a:/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLoc(s)
		if err != nil {
			return
		}
		if strings.ContainsRune(l.Path, 0) || filepath.IsAbs(l.Path) != (l.Base == BaseFixed) {
			t.Fatalf("ParseLoc(%q) = %#v", s, l)
		}
		if again, err := ParseLoc(l.String()); err != nil || again != l {
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
		b, err := json.Marshal(struct{ P Path }{Path(s)})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ P Path }
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
