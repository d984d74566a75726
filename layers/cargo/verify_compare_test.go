package cargo

import (
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func TestCompareTrees(t *testing.T) {
	file := func(path, value string) manifest.TreeEntry {
		return manifest.TreeEntry{Path: paths.Path(path), Value: value}
	}
	hidden := func(path, value string) manifest.TreeEntry {
		return manifest.TreeEntry{Path: paths.Path(path), Value: value, Ignored: true}
	}
	was := []manifest.TreeEntry{file("a", "1"), file("d", "/"), file("d/b", "2"), hidden("log", "3")}
	with := func(change func([]manifest.TreeEntry) []manifest.TreeEntry) []manifest.TreeEntry {
		return change(slices.Clone(was))
	}
	tests := []struct {
		name          string
		have          []manifest.TreeEntry
		text, ignored string
	}{
		{"equal", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { return e }), "", ""},
		{"empty", nil, "p/a is missing", "p/d is missing"},
		{"differs", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[2].Value = "9"; return e }), "p/d/b differs", ""},
		{"first counts", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[0].Value, e[2].Value = "9", "9"; return e }), "p/a differs", ""},
		{"missing", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { return e[1:] }), "p/a is missing", ""},
		{"new at the end", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { return append(e, file("z", "1")) }), "p/z is new", ""},
		{"new between", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { return slices.Insert(e, 1, file("b", "1")) }), "p/b is new", ""},
		{"empty directory", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { return append(e, file("z", "/")) }), "", "p/z is new"},
		{"ignored differs", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[3].Value = "9"; return e }), "", "p/log differs"},
		{"ignored and now listed", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[3] = file("log", "9"); return e }), "p/log differs", ""},
		{"only git's view differs", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[3].Ignored = false; return e }), "", ""},
		{"both", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[0].Value, e[3].Value = "9", "9"; return e }), "p/a differs", "p/log differs"},
		{"directory is a file", with(func(e []manifest.TreeEntry) []manifest.TreeEntry { e[1].Value = "1"; return e }), "", "p/d differs"},
	}
	for _, tt := range tests {
		d := new(diff)
		compareTrees(d, manifest.Tree{Path: rooted.Path{Root: rooted.Workspace, Rel: "p"}, Entries: was}, tt.have)
		if d.text != tt.text || d.ignored != tt.ignored {
			t.Errorf("%s: %q and, ignored, %q; want %q and %q", tt.name, d.text, d.ignored, tt.text, tt.ignored)
		}
	}
}
