package main

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"
)

func TestCollect(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got, err := collect(fstest.MapFS{
		"p/p.go": file("package p\nvar a, b = crashpoint.New(\"one\"), errors.New(\"none\")\nfunc TestNot() {}\n"),
		"p/p_test.go": file(`package p
func TestMain(m *testing.M) {}
func TestA(t *testing.T) {
	for _, test := range []struct{ a, b int }{{1, 2}, {3, 4}} { _ = test }
	_ = map[string]T{"x": {}}
	_ = []string{"no", "cases"}
	_ = T{1, 2}
}
func Testing() {}
func (t T) TestMethod() {}
func FuzzA(f *testing.F) {}
func BenchmarkA(b *testing.B) {}
var hazards = []hazard{{name: "H1: first", rule: "r"}, {rule: "r", name: later}}
`),
		"p/testdata/script/s.txt": file(""),
		"p/testdata/gone_test.go": file("no Go"),
		"p/testdata/other.txt":    file(""),
		"bin/x.go":                file("no Go"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string][]string{
		"test":        {"TestA p"},
		"case":        {"TestA[1] p", "TestA[2] p", "TestA[3] p", "hazards[1] p", "hazards[2] p"},
		"fuzzer":      {"FuzzA p"},
		"benchmark":   {"BenchmarkA p"},
		"hazard":      {"? p", "H1:_first p"},
		"script":      {"s.txt p/testdata/script"},
		"crash point": {"one p"},
	} {
		if !slices.Equal(got[kind], want) {
			t.Errorf("%s: %q, want %q", kind, got[kind], want)
		}
	}
}

// Each kind is found in this repository: a count of none would compare equal with any.
func TestCollectHere(t *testing.T) {
	found, err := collect(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if len(found[kind]) == 0 {
			t.Errorf("found no %s", kind)
		}
	}
	for _, hazard := range found["hazard"] {
		if hazard[0] == '?' {
			t.Errorf("a hazard has no name that can be read: %s", hazard)
		}
	}
}
