package depfile

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseRustc(t *testing.T) {
	got, err := Parse([]byte(strings.Join([]string{
		`/t/my\ app/libx.rlib: src/lib.rs src/a\ b.rs  src/c\ \ d.rs`,
		``,
		`/t/libx.rmeta: src/lib.rs`,
		``,
		`src/lib.rs:`,
		`src/a\ b.rs:`,
		``,
		`# env-dep:A=x\ny\\n\r=z`,
		`# env-dep:UNSET`,
		`# env-dep:EMPTY=`,
		`# checksum:blake3=00 file_len:3 src/with: colon.rs`,
		``,
	}, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Targets: []string{"/t/my app/libx.rlib", "/t/libx.rmeta"},
		Deps:    []string{"src/lib.rs", "src/a b.rs", "src/c  d.rs"},
		Env:     []Env{{Name: "A", Value: "x\ny\\n\r=z", Set: true}, {Name: "UNSET"}, {Name: "EMPTY", Set: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Parse = %+v\nwant         %+v", got, want)
	}
	for _, bad := range []string{`a: b\`, `# env-dep:A=\t`, `# env-dep:A\`, "a: \xff"} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("Parse(%q) = %v, want ErrFormat", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("t: src/lib.rs a\\ b\n\nsrc/lib.rs:\n\n# env-dep:A=b\\n\n# env-dep:C\n# checksum:blake3=0 file_len:1 x\n"))
	f.Add([]byte("a\\ b: \\ \\ c\r\nd: e"))
	f.Add([]byte("# env-dep:\\\\="))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			return
		}
		if len(r.Deps) > 0 && len(r.Targets) == 0 {
			t.Fatalf("%q: inputs without a rule", data)
		}
	})
}

func TestRoot(t *testing.T) {
	for _, tt := range []struct{ deps, want string }{
		{"src/lib.rs src/a.rs", "src/lib.rs"},
		{"/w/clippy.toml a/src/lib.rs Cargo.toml", "a/src/lib.rs"},
		{"/w/.clippy.toml /w/a/main.rs", "/w/a/main.rs"},
		{"", ""},
	} {
		r := &File{Deps: strings.Fields(tt.deps)}
		if got := r.Root(); got != tt.want {
			t.Errorf("root of %q is %q, want %q", tt.deps, got, tt.want)
		}
	}
}
