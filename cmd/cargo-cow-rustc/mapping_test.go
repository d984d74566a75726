package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// made returns paths from the checkout b to the checkout a of a directory, both
// with the workspace at their top.
func made(t *testing.T) (p *mapping, dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"a/target", "b/target", "b/src", "b.bak", "c"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	left := &handoff.Handoff{Root: dir + "/b", Checkout: dir + "/b", Build: []string{dir + "/b/target"}}
	p, ok := newMapping(left, handoff.State{Root: dir + "/a", Build: dir + "/a/target"}, dir+"/b/target")
	if !ok {
		t.Fatal("no paths")
	}
	p.real = dir + "/b/target"
	return p, dir
}

func TestPathsOfACheckout(t *testing.T) {
	tests := []struct {
		name                  string
		handoff               handoff.Handoff
		state                 handoff.State
		build                 string
		here, there           string
		nested, apart, refuse bool
	}{
		{"beside", handoff.Handoff{Root: "/w/b", Checkout: "/w/b"}, handoff.State{Root: "/w/a", Build: "/w/a/target"}, "/w/b/target", "/w/b", "/w/a", false, false, false},
		{"workspace inside", handoff.Handoff{Root: "/w/b/rust", Checkout: "/w/b"}, handoff.State{Root: "/w/a/rust", Build: "/w/a/rust/target"}, "/w/b/rust/target", "/w/b", "/w/a", false, false, false},
		{"workspace elsewhere", handoff.Handoff{Root: "/w/b/rust", Checkout: "/w/b"}, handoff.State{Root: "/w/a/other", Build: "/w/a/other/target"}, "/w/b/rust/target", "/w/b/rust", "/w/a/other", false, false, false},
		{"nested", handoff.Handoff{Root: "/w/a/.trees/b", Checkout: "/w/a/.trees/b"}, handoff.State{Root: "/w/a", Build: "/w/a/target"}, "/w/a/.trees/b/target", "/w/a/.trees/b", "/w/a", true, false, false},
		{"origin inside", handoff.Handoff{Root: "/w/a", Checkout: "/w/a"}, handoff.State{Root: "/w/a/.trees/b", Build: "/w/a/.trees/b/target"}, "/w/a/target", "/w/a", "/w/a/.trees/b", false, false, false},
		{"target outside", handoff.Handoff{Root: "/w/b", Checkout: "/w/b"}, handoff.State{Root: "/w/a", Build: "/t/a"}, "/t/b", "/w/b", "/w/a", false, true, false},
		{"target now outside", handoff.Handoff{Root: "/w/b", Checkout: "/w/b"}, handoff.State{Root: "/w/a", Build: "/w/a/target"}, "/t/b", "/w/b", "/w/a", false, true, false},
		{"over the system", handoff.Handoff{Root: "/w/b", Checkout: "/w/b"}, handoff.State{Root: "/usr", Build: "/usr/target"}, "/w/b/target", "/w/b", "/usr", false, false, true},
		{"itself", handoff.Handoff{Root: "/w/b", Checkout: "/w/b"}, handoff.State{Root: "/w/b", Build: "/w/b/target"}, "/w/b/target", "/w/b", "/w/b", false, false, true},
	}
	for _, tt := range tests {
		p, ok := newMapping(&tt.handoff, tt.state, tt.build)
		if p.here != tt.here || p.there != tt.there || p.nested != tt.nested || p.apart != tt.apart || ok == tt.refuse {
			t.Errorf("%s: %+v, %v", tt.name, *p, ok)
		}
	}
}

func TestToThereAndBack(t *testing.T) {
	p := &mapping{here: "/w/a/.trees/b", there: "/w/a", root: "/w/a", buildHere: "/t/b", buildThere: "/t/a", nested: true, apart: true,
		git: [2]string{"/t/b/.cargo-cow/git", "/w/a/.git"}}
	for here, there := range map[string]string{
		"/w/a/.trees/b":       "/w/a",
		"/w/a/.trees/b/src/x": "/w/a/src/x",
		"/w/a/.trees/bb":      "/w/a/.trees/bb",
		"/t/b/debug":          "/t/a/debug",
		"/elsewhere":          "/elsewhere",
	} {
		if got := p.toThere(here); got != there {
			t.Errorf("%s is seen at %s, want %s", here, got, there)
		}
	}
	for there, here := range map[string]string{
		"/w/a":                          "/w/a/.trees/b",
		"/w/a/src/x":                    "/w/a/.trees/b/src/x",
		"/w/a/.trees/b/src/x":           "/w/a/.trees/b/src/x", // by its own path
		"/w/ab":                         "/w/ab",
		"/t/a/debug":                    "/t/b/debug",
		"/t/b/debug":                    "/t/b/debug",
		"/t/b/.cargo-cow/git/HEAD":      "/w/a/.git/HEAD",
		"/t/a/.cargo-cow/git/HEAD":      "/w/a/.git/HEAD",
		"/t/a/.cargo-cow/gitfile":       "/t/b/.cargo-cow/gitfile",
		"/home/other/w/a/is/not/it/but": "/home/other/w/a/is/not/it/but",
	} {
		if got := p.toHere(there); got != here {
			t.Errorf("%s is %s, want %s", there, got, here)
		}
	}
}

func TestMentions(t *testing.T) {
	tests := []struct {
		text, keep string
		want       bool
	}{
		{"SCHEMA=/w/a/schema.txt", "", true},
		{"-I/w/a", "", true},
		{"x:/w/a:y", "", true},
		{"file:///w/a/x", "", true},
		{`{"dir":"/w/a"}`, "", true},
		{"/w/ab", "", false},
		{"/w/a-fix/x", "", false},
		{"/w/a.bak", "", false},
		{"/w/ab and /w/a", "", true},
		{"/w", "", false},
		{"", "", false},
		{"/w/a/.trees/b/x", "/w/a/.trees/b", false},
		{"/w/a/.trees/b", "/w/a/.trees/b", false},
		{"/w/a/.trees/b:/w/a/.trees/b/c", "/w/a/.trees/b", false},
		{"--remap-path-prefix=/w/a/.trees/b=/x", "/w/a/.trees/b", false},
		{"/w/a/.trees/b#2/x", "/w/a/.trees/b", true}, // in doubt, another one
		{"/w/a/.trees/bb/x", "/w/a/.trees/b", true},
		{"/w/a/.trees", "/w/a/.trees/b", true},
		{"/w/a/.trees/b:/w/a", "/w/a/.trees/b", true},
	}
	for _, tt := range tests {
		if got := mentions(tt.text, "/w/a", tt.keep); got != tt.want {
			t.Errorf("%q mentions it (but for %q): %v", tt.text, tt.keep, got)
		}
	}
}

func TestMisleads(t *testing.T) {
	p, dir := made(t)
	if err := os.Symlink(dir+"/a", dir+"/alias"); err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]bool{
		dir + "/b/src":      false,
		"src":               false,
		"../b/src":          false,
		dir + "/c":          false,
		"../c":              false,
		dir + "/a/.env":     true,
		"../a/.env":         true,
		dir + "/alias":      true,
		dir + "/alias/x":    false, // leads nowhere
		dir + "/b.bak":      false,
		"../../outside/any": false,
	} {
		if got := p.misleads(dir+"/b", link); got != want {
			t.Errorf("a link to %s misleads: %v", link, got)
		}
	}
	// Where the checkouts have other parents, what lies beside them differs.
	p.there = dir + "/deep/er/a"
	if !p.misleads(dir+"/b", "../c") {
		t.Error("a link to ../c misleads where that is another directory")
	}
}

func TestFaithful(t *testing.T) {
	p, dir := made(t)
	for _, name := range []string{"b/src/lib.rs", "b/target/out.rs", "c/shared.rs", "a/only.rs"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"b/src/inside.rs": "lib.rs", "b/src/absolute.rs": dir + "/b/src/lib.rs", "b/src/origin.rs": dir + "/a/only.rs", "b/src/out.rs": "../../c/shared.rs", "alias": "a",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		text string
		want bool
	}{
		{"relative", "x: src/lib.rs\n", true},
		{"by the place's path", "x: " + dir + "/b/src/lib.rs\n", true},
		{"by the other path", "x: " + dir + "/a/src/lib.rs\n", true},
		{"generated", "x: " + dir + "/b/target/out.rs\n", true},
		{"elsewhere", "x: " + dir + "/c/shared.rs\n", true},
		{"elsewhere, relative", "x: ../c/shared.rs\n", true},
		{"origin, relative", "x: ../a/only.rs\n", false},
		{"link inside", "x: src/inside.rs src/absolute.rs\n", true},
		{"link to the origin", "x: src/lib.rs src/origin.rs\n", false},
		{"link out", "x: src/out.rs\n", false},
		{"the origin by another name", "x: " + dir + "/alias/only.rs\n", false},
		{"not there", "x: src/none.rs\n", false},
		{"asked for the origin", "x: src/lib.rs\n\n# env-dep:PWD=" + dir + "/a\n", false},
		{"asked for the place", "x: src/lib.rs\n\n# env-dep:PWD=" + dir + "/b\n", true},
	}
	for _, tt := range tests {
		if got := p.faithful(tt.text, nil); got != tt.want {
			t.Errorf("%s: faithful %v", tt.name, got)
		}
	}
	if p.faithful("x: "+dir+"/b/src/lib.rs\n", []string{dir + "/b"}) {
		t.Error("a name that a translated prefix would have replaced is faithful")
	}
	p.root, p.there = dir+"/deep/er/a", dir+"/deep/er/a"
	if p.faithful("x: ../c/shared.rs\n", nil) {
		t.Error("../c is faithful where it is another directory")
	}
}
