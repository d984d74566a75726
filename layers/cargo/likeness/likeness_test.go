package likeness

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ar makes an archive of members: name, header and content each.
func ar(members ...[3]string) []byte {
	var names, body strings.Builder
	for _, m := range members {
		short := m[0] + "/"
		if len(short) > 16 {
			short = fmt.Sprintf("/%d", names.Len())
			names.WriteString(m[0] + "/\n")
		}
		fmt.Fprintf(&body, "%-16s%-32s%-10d`\n%s", short, m[1], len(m[2]), m[2])
		if len(m[2])%2 == 1 {
			body.WriteByte('\n')
		}
	}
	table := ""
	if names.Len() > 0 {
		table = fmt.Sprintf("%-48s%-10d`\n%s", "//", names.Len(), names.String())
		if names.Len()%2 == 1 {
			table += "\n"
		}
	}
	return []byte(archiveMark + table + body.String())
}

func TestCompare(t *testing.T) {
	const head = "0           0     0     644     "
	one := [3]string{"liba-0123456789abcdef.3kq2xunitname.0abc123.rcgu.o", head, "object one"}
	renamed := [3]string{"liba-0123456789abcdef.3kq2xunitname.1xyz789.rcgu.o", head, "object one"}
	changed := [3]string{"liba-0123456789abcdef.3kq2xunitname.1xyz789.rcgu.o", head, "object two"}
	meta := [3]string{"lib.rmeta", head, "odd"}
	plain := [3]string{"liba-0123.liba.77-cgu.0.rcgu.o", head, "x"}
	plain1 := [3]string{"liba-0123.liba.77-cgu.1.rcgu.o", head, "x"}
	dated := [3]string{"lib.rmeta", "1           0     0     644     ", "odd"}
	for _, tt := range []struct {
		name   string
		a, b   []byte
		parts  []string
		nature []string // of each; nil for none
	}{
		{"equal", []byte("x"), []byte("x"), nil, nil},
		{"bytes", []byte("a\x00b"), []byte("a\x00c"), []string{"content"}, []string{""}},
		{"a line", []byte("a\nb\nc\n"), []byte("a\nB\nc\n"), []string{"line 2"}, []string{""}},
		{"a line more", []byte("a\n"), []byte("a\nb\n"), []string{"line 2", "number of lines"}, []string{"", ""}},
		{"random names", ar(meta, one), ar(meta, renamed), []string{ObjectNames}, []string{ObjectNames}},
		{
			"random names and content", ar(meta, one), ar(meta, changed),
			[]string{"member liba-0123456789abcdef.3kq2xunitname.*******.rcgu.o: line 1"}, []string{""},
		},
		{
			"list of random names", ar([3]string{"lib.rmeta-link", head, "\x00" + one[0]}, one), ar([3]string{"lib.rmeta-link", head, "\x00" + renamed[0]}, renamed),
			[]string{ObjectNames}, []string{ObjectNames},
		},
		{
			"another list", ar([3]string{"lib.rmeta-link", head, "\x00" + one[0]}, one), ar([3]string{"lib.rmeta-link", head, "\x01" + renamed[0]}, renamed),
			[]string{"member lib.rmeta-link: content"}, []string{""},
		},
		{"another unit", ar(plain), ar(plain1), []string{"member " + plain[0], "member " + plain1[0]}, []string{"", ""}},
		{"a member less", ar(meta, plain), ar(meta), []string{"member " + plain[0]}, []string{""}},
		{"times", ar(meta), ar(dated), []string{"header of member lib.rmeta"}, []string{ArchiveTimes}},
		{"order and names", ar(meta, one), ar(renamed, meta), []string{"order of members"}, []string{""}},
		{"order alone", ar(meta, plain), ar(plain, meta), []string{"order of members"}, []string{""}},
		{"an archive and none", ar(meta), []byte("text"), []string{"line 1", "number of lines"}, []string{"", ""}},
		{"a torn archive", ar(meta), ar(meta)[:40], []string{"line 2", "number of lines"}, []string{"", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var parts, nature []string
			for _, d := range Compare(tt.a, tt.b) {
				parts, nature = append(parts, d.Part), append(nature, d.Nature)
				if d.Detail == "" {
					t.Errorf("%s has no detail", d.Part)
				}
			}
			if !slices.Equal(parts, tt.parts) || !slices.Equal(nature, tt.nature) {
				t.Errorf("got %q, %q; want %q, %q", parts, nature, tt.parts, tt.nature)
			}
		})
	}
}

func TestMasked(t *testing.T) {
	for text, want := range map[string]string{
		"a.unit.0abc123.rcgu.o":                          "a.unit.*******.rcgu.o",
		"x a.unit.0abc123.rcgu.dwo b.unit.zzzzzzz.rcgu.": "x a.unit.*******.rcgu.dwo b.unit.*******.rcgu.",
		".0abc123.rcgu.":                                 ".*******.rcgu.",
		"0abc123.rcgu.":                                  "0abc123.rcgu.",
		"liba.77-cgu.0.rcgu.o":                           "liba.77-cgu.0.rcgu.o",
		"liba.unit.0ABC123.rcgu.o":                       "liba.unit.0ABC123.rcgu.o",
		"liba.longunitname.rcgu.o":                       "liba.longunitname.rcgu.o",
		".rcgu..rcgu.":                                   ".rcgu..rcgu.",
		"":                                               "",
	} {
		given := []byte(text)
		if got := string(Masked(given)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if string(given) != text {
			t.Errorf("%q was changed", text)
		}
	}
}

func TestByNature(t *testing.T) {
	one, own := Difference{Part: "a", Nature: BuildID}, Difference{Part: "b"}
	if names, all := ByNature([]Difference{one}); !all || !slices.Equal(names, []string{BuildID}) {
		t.Errorf("got %q, %v", names, all)
	}
	if _, all := ByNature([]Difference{one, own}); all {
		t.Error("what could be equal was taken for nature's")
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(ar([3]string{"a", "h", "x"}), ar([3]string{"a", "h", "y"}))
	f.Add([]byte("\x7fELF\x02\x01\x01"), []byte("\x7fELF"))
	f.Add([]byte("a\nb"), []byte("a\nc\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got := Compare(a, b); (len(got) == 0) != slices.Equal(a, b) {
			t.Errorf("%q and %q: %+v", a, b, got)
		}
	})
}
