package du

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/home"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/space"
)

// toolchainKind is what an installed toolchain is called beside home's kinds.
const toolchainKind home.Kind = "toolchain"

// item is something that Cargo or rustup keeps, in JSON.
type item struct {
	Kind   home.Kind `json:"kind"`
	Name   string    `json:"name,omitempty"` // of a toolchain
	Path   string    `json:"path"`
	Linked bool      `json:"linked,omitempty"` // a toolchain that lies elsewhere: uninstalling it frees nothing
	Rustc  string    `json:"rustc,omitempty"`
	Total  int64     `json:"total"`
	Frees  int64     `json:"frees"`
	Small  int64     `json:"small"`
	Files  int       `json:"files"`
	*uses            // nil where there is no store that tells, and of what is no toolchain
	Remove string    `json:"remove,omitempty"` // the command that removes it, or some of it
}

// uses is how many layers of a store a toolchain's compiler has built, and how many build directories on its disk.
type uses struct {
	Layers    int `json:"layers"`
	BuildDirs int `json:"build_directories"`
}

// showHome shows what Cargo and rustup keep for the user whose environment tool has. st tells who uses it, nil if there is
// no store; known are build directories of which the caller knows.
func showHome(ctx context.Context, term *ui.Terminal, st *layers.Store, tool project.Tool, known []string) (err error) {
	if tool.Dir, err = filepath.Abs(tool.Dir); err != nil {
		return err
	}
	items, compilers := kept(ctx, term, tool)
	together, err := measure(ctx, items)
	if err != nil {
		return err
	}
	if st != nil {
		if err := countUses(ctx, st, known, items, compilers); err != nil {
			return err
		}
	}
	collect := collector(items)
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(b.Frees, a.Frees) })
	tab := ui.NewTable("WHAT", "", "TOTAL", "FREES", "FILES", "RUSTC", "USED BY", "WHERE")
	tab.OmitEmpty()
	for i := range items {
		t := &items[i]
		if t.Kind != toolchainKind {
			t.Remove = collect
		}
		term.JSON("home", t)
		tab.Row(string(t.Kind), t.Name, phrase.Size(t.Total), phrase.Size(t.Frees), fmt.Sprint(t.Files), t.number(), t.usedBy(), t.where())
	}
	term.Table(tab)
	term.Status("Total", "%s take %s together", phrase.Count(len(items), "place"), phrase.Size(together))
	handOn(term, items, collect)
	return nil
}

// kept lists what is there, not yet measured, and the compiler of each that is a toolchain.
func kept(ctx context.Context, term *ui.Terminal, tool project.Tool) (items []item, compilers []home.Compiler) {
	for _, p := range home.Places(tool) {
		items, compilers = append(items, item{Kind: p.Kind, Path: p.Path}), append(compilers, home.Compiler{})
	}
	toolchains, err := home.Toolchains(ctx, tool)
	if err != nil {
		if !errors.Is(err, home.ErrNoRustup) {
			term.Warn("%v", err)
		}
		toolchains = home.Unasked(ctx, tool)
	}
	for _, tc := range toolchains {
		if tc.Err != nil {
			term.Warn("find compiler of toolchain %s: %v", tc.Name, tc.Err)
		}
		remove := ""
		if err == nil {
			remove = "rustup toolchain uninstall " + paths.ShellWord(tc.Name)
		}
		items = append(items, item{Kind: toolchainKind, Name: tc.Name, Path: tc.Path, Linked: tc.Linked, Rustc: tc.Compiler.Version, Remove: remove})
		compilers = append(compilers, tc.Compiler)
	}
	return items, compilers
}

// measure finds what the items take, and together. What is only a link takes nothing: its directory is somebody's.
func measure(ctx context.Context, items []item) (together int64, err error) {
	var subjects []space.Subject
	var at []int
	for i := range items {
		if !items[i].Linked {
			at, subjects = append(at, i), append(subjects, space.Subject{Dir: realPath(items[i].Path)})
		}
	}
	found, err := space.Look(ctx, subjects, nil)
	if err != nil {
		return 0, err
	}
	for n, share := range found.Shares() {
		if m := found.Maps[n]; m != nil {
			t := &items[at[n]]
			t.Total, t.Frees, t.Small, t.Files = share.Bytes, share.Alone, m.Small, m.Files
		}
	}
	return found.Together(), nil
}

// countUses counts for each toolchain what was built by its compiler.
func countUses(ctx context.Context, st *layers.Store, known []string, items []item, compilers []home.Compiler) error {
	list, err := st.Layers(ctx)
	if err != nil {
		return err
	}
	var dirs [][]home.Compiler
	for _, d := range st.BuildDirs(ctx, known...).Trees() {
		if !d.Sealed {
			dirs = append(dirs, home.BuiltBy(d.Path))
		}
	}
	for n := range items {
		if items[n].Kind != toolchainKind {
			continue
		}
		u := &uses{}
		for i := range list {
			if compilers[n].May(home.CompilerOf(list[i].Rustc, nil)) {
				u.Layers++
			}
		}
		for _, by := range dirs {
			if slices.ContainsFunc(by, compilers[n].May) {
				u.BuildDirs++
			}
		}
		items[n].uses = u
	}
	return nil
}

// collector is the command that has Cargo remove of its caches what was not used for longest; "" where no Cargo is
// installed that does: cargo clean gc is unstable, and asks for a nightly and for -Zgc (cargo 1.95, 1.99.1, 1.100 beta:
// "unstable, and only available on the nightly channel"; cargo 0.98 nightly takes it).
func collector(items []item) string {
	for i := range items {
		if name := items[i].Name; name == "nightly" || strings.HasPrefix(name, "nightly-") {
			return "cargo +" + paths.ShellWord(name) + " clean gc -Zgc --max-download-size 2GB"
		}
	}
	return ""
}

// handOn says who removes what: this program removes nothing of it.
func handOn(term *ui.Terminal, items []item, collect string) {
	if collect != "" && slices.ContainsFunc(items, func(t item) bool { return t.Remove == collect }) {
		term.Status("Note", "of its caches Cargo removes what was not used for longest by `%s`; builds fetch it again", collect)
	}
	for i := range items { // the one that frees most
		t := &items[i]
		switch {
		case t.Kind != toolchainKind || t.Linked || t.Remove == "":
		case t.uses == nil:
			term.Status("Note", "a toolchain is removed by `rustup toolchain uninstall NAME`")
			return
		case *t.uses == uses{}:
			term.Status("Note", "no layer and no build directory that is known uses %s: `%s` frees %s", t.Name, t.Remove, phrase.Size(t.Frees))
			return
		}
	}
}

// number is the compiler in short: "1.95.0 (59807616e 2026-04-14)".
func (t *item) number() string { return strings.TrimPrefix(t.Rustc, "rustc ") }

func (t *item) where() string {
	if t.Linked {
		return t.Path + " (a link)"
	}
	return t.Path
}

// usedBy says what was built by a toolchain.
func (t *item) usedBy() string {
	switch {
	case t.uses == nil:
		return ""
	case *t.uses == uses{}:
		return "nothing"
	}
	var parts []string
	if t.Layers > 0 {
		parts = append(parts, phrase.Count(t.Layers, "layer"))
	}
	if n := t.BuildDirs; n == 1 {
		parts = append(parts, "1 build directory")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d build directories", n))
	}
	return strings.Join(parts, ", ")
}

// realPath is a directory without links on the way: the caches may be links to another disk.
func realPath(dir string) string {
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		return path
	}
	return dir
}
