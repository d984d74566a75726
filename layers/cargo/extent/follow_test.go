package extent

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// TestUp says which dots of other languages are a way up.
func TestUp(t *testing.T) {
	for line, want := range map[string]bool{
		"cd ..":                       true,
		"(cd ..; cat x)":              true,
		`cd "$(dirname "$0")/.."`:     true,
		"ROOT=$PWD/..":                true,
		`os.path.join(d, "..", "db")`: true,
		`"a".."b"`:                    false, // Lua joins texts so
		"for i in {1..3}; do":         false,
		"echo wait ...":               false,
		"git log a..b":                false,
	} {
		if got := goesUp(line); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}

// TestFollow: a script in a directory of the package that goes to the package's top
// leads nowhere else; one that goes on does.
func TestFollow(t *testing.T) {
	y := newYard(t)
	y.write("w/b/s.txt", "")
	y.write("w/a/data.txt", "")
	for text, want := range map[string]bool{
		"cd \"$(dirname \"$0\")/..\"; cat data.txt\n":   false,
		"cd \"$(dirname \"$0\")/../..\"; cat b/s.txt\n": true,
		"cd ..; cat b/s.txt\n":                          true,
		"cat data.txt\n":                                false,
	} {
		y.write("w/a/scripts/gen.sh", text)
		home := y.path("w/a")
		f := &Finder{Root: y.path("w"), Top: y.path("w"), Home: home, Own: func(p string) bool { return p == home || paths.Below(p, home) }}
		f.Text("scripts/gen.sh", home, home, true)
		f.Program("Command")
		if _, whole := f.Names(); whole != want {
			t.Errorf("%q: got %v, want %v", text, whole, want)
		}
	}
}

// TestFollowFurther: a script that another takes in, a makefile, and a script that is
// an argument.
func TestFollowFurther(t *testing.T) {
	y := newYard(t)
	y.write("w/b/s.txt", "")
	y.write("w/a/gen.sh", ". ./scripts/common.sh\nshow\n")
	y.write("w/a/scripts/common.sh", "show() { cd ..; cat b/s.txt; }\n")
	y.write("w/a/Makefile", "ROOT := $(CURDIR)/..\nall:\n\tcat $(ROOT)/b/s.txt\n")
	home := y.path("w/a")
	for text, want := range map[string]bool{
		"gen.sh": true, "sh gen.sh": true, "make": true, "cd .. && cat b/s.txt": true, "cd ..": true, "cat b/s.txt": false, "cargo": false,
	} {
		f := &Finder{Root: y.path("w"), Top: y.path("w"), Home: home, Own: func(p string) bool { return p == home || paths.Below(p, home) }}
		f.Text(text, home, home, true)
		f.Program(text)
		f.Program("Command")
		if _, whole := f.Names(); whole != want {
			t.Errorf("%q: got %v, want %v", text, whole, want)
		}
	}
}

// TestBesideWorkspace: the workspace is one directory of the checkout, and what a
// script reads lies in another that it climbs to.
func TestBesideWorkspace(t *testing.T) {
	y := newYard(t)
	y.write("w/proto/a.proto", "")
	y.write("w/rust/app/build.rs", "")
	home := y.path("w/rust/app")
	for words, want := range map[string]int{"ancestors": 1, "join": 0} {
		f := &Finder{Root: y.path("w/rust"), Top: y.path("w"), Home: home, Own: func(p string) bool { return p == home || paths.Below(p, home) }}
		f.Text("proto", home, home, true)
		f.Program(words)
		names, _ := f.Names()
		if len(names) != want || want > 0 && names[0] != (Name{Path: y.path("w/proto"), Dir: true}) {
			t.Errorf("%s: got %v", words, names)
		}
	}
}
