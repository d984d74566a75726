package order

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// uses are the pairs of a package whose files have one letter: "ab" is a use of b by a.
func letters(uses ...string) Package {
	p := Package{Uses: map[Pair][]string{}}
	for _, u := range uses {
		for _, file := range []string{u[:1], u[1:]} {
			if !slices.Contains(p.Files, file) {
				p.Files = append(p.Files, file)
			}
		}
		p.Uses[Pair{u[:1], u[1:]}] = []string{"x"}
	}
	return p
}

func TestOrder(t *testing.T) {
	for name, test := range map[string]struct {
		uses   []string
		climbs int
	}{
		"a chain":                        {[]string{"ba", "cb", "dc"}, 0},
		"a use of two steps down":        {[]string{"ab", "bc", "ac"}, 0},
		"two that use each other":        {[]string{"ab", "ba"}, 1},
		"a circle":                       {[]string{"ab", "bc", "ca"}, 1},
		"a circle that all else uses":    {[]string{"ab", "bc", "ca", "da", "eb", "ec"}, 1},
		"two circles, apart":             {[]string{"ab", "ba", "bc", "cd", "dc"}, 2},
		"two circles with a file common": {[]string{"ab", "bc", "ca", "cd", "de", "ec"}, 2},
		"all use the lowest, it one":     {[]string{"ad", "bd", "cd", "ab", "bc", "da"}, 1},
	} {
		p := letters(test.uses...)
		files, climbs := p.Order()
		if len(climbs) != test.climbs {
			t.Errorf("%s: %d climbs in the order %v, want %d: %v", name, len(climbs), files, test.climbs, climbs)
		}
		sorted, want := slices.Sorted(slices.Values(files)), slices.Sorted(slices.Values(p.Files))
		if !slices.Equal(sorted, want) {
			t.Errorf("%s: the order %v is not of the files %v", name, files, want)
		}
		slices.Reverse(p.Files)
		if again, _ := p.Order(); !slices.Equal(again, files) {
			t.Errorf("%s: the order is once %v and once %v", name, files, again)
		}
	}
}

// The order found for a random package is never worse than one by name, and moving a file never betters it.
func TestOrderIsSettled(t *testing.T) {
	p := letters("ab", "ac", "ba", "bd", "cd", "ce", "da", "de", "ea", "ef", "fa", "fc", "gb", "fg")
	files, climbs := p.Order()
	count := func(order []string) (n int) {
		for i, later := range order {
			for _, earlier := range order[:i] {
				n += len(p.Uses[Pair{later, earlier}])
			}
		}
		return n
	}
	if got := count(files); got != len(climbs) {
		t.Fatalf("%d climbs are told, %d counted", len(climbs), got)
	}
	for from := range files {
		for to := range files {
			moved := slices.Delete(slices.Clone(files), from, from+1)
			moved = slices.Insert(moved, to, files[from])
			if count(moved) < len(climbs) {
				t.Errorf("%v has %d climbs, %v only %d", files, len(climbs), moved, count(moved))
			}
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\ngo 1.26\n",
		// A local name that is another's, the use of a field, a method and a constant of a group, and one inside a file.
		"a.go":      "package m\n\nimport \"strings\"\n\nfunc top(v T) int {\n\tlow := 1\n\t_ = strings.ToUpper(v.name)\n\tv.do()\n\treturn low + two + own()\n}\n\nfunc own() int { return 0 }\n",
		"b.go":      "package m\n\ntype T struct{ name string }\n\nfunc (t *T) do() {}\n\nfunc low() {}\n",
		"c.go":      "package m\n\nconst (\n\tone = 1 + iota\n\ttwo\n)\n\nvar start = top(T{})\n",
		"b_test.go": "package m\n\nvar _ = one\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(dir, ".")
	if err != nil || len(got) != 1 {
		t.Fatalf("Load found %v, %v", got, err)
	}
	want := map[Pair][]string{
		{"a.go", "b.go"}: {"T", "T.do"},
		{"a.go", "c.go"}: {"two"},
		{"c.go", "a.go"}: {"top"},
		{"c.go", "b.go"}: {"T"},
	}
	for pair, names := range want {
		if !slices.Equal(got[0].Uses[pair], names) {
			t.Errorf("%v uses %v, want %v", pair, got[0].Uses[pair], names)
		}
	}
	if len(got[0].Uses) != len(want) {
		t.Errorf("uses are %v, want %v", got[0].Uses, want)
	}
	if got[0].Lines != 27 || len(got[0].Files) != 3 {
		t.Errorf("%d lines in %v", got[0].Lines, got[0].Files)
	}
	if err := os.WriteFile(filepath.Join(dir, "d.go"), []byte("package m\nvar x = unknown\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, "."); err == nil {
		t.Error("what does not compile is loaded")
	}
}
