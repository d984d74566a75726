package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Installed is which compilers are there: those of all toolchains that rustup knows, linked ones as well, and those
// that are found without it: by RUSTC and on the PATH.
type Installed struct {
	Compilers []Compiler
	// Doubt is why that may not be all of them; nil if nothing speaks for it. Then none counts as removed.
	Doubt error
}

// FindInstalled finds which compilers are there. It never fails: what cannot be found out is a doubt.
func FindInstalled(ctx context.Context, t project.Tool) *Installed {
	in := &Installed{}
	toolchains, err := Toolchains(ctx, t)
	if errors.Is(err, ErrNoRustup) {
		err = nil
		if list, _ := os.ReadDir(filepath.Join(Rustup(t), "toolchains")); len(list) > 0 {
			err = fmt.Errorf("list toolchains of %s: %w", Rustup(t), ErrNoRustup)
		}
	}
	in.doubt(err)
	for _, tc := range toolchains {
		in.add(tc.Compiler, tc.Err)
	}
	for _, program := range without(t) {
		c, err := ask(ctx, t, program)
		in.add(c, err)
	}
	for _, store := range comeAndGo {
		if _, err := os.Stat(store); !errors.Is(err, fs.ErrNotExist) {
			in.doubt(fmt.Errorf("compilers in %s are on the PATH only for who asked for them", store))
		}
	}
	if len(in.Compilers) == 0 {
		in.doubt(errors.New("no rustc was found"))
	}
	return in
}

// comeAndGo are where Nix and Guix keep programs: which of them are on the PATH differs from shell to shell, and those
// that are not are there all the same.
var comeAndGo = []string{"/nix/store", "/gnu/store"}

func (in *Installed) add(c Compiler, err error) {
	in.doubt(err)
	if c != (Compiler{}) && !slices.Contains(in.Compilers, c) {
		in.Compilers = append(in.Compilers, c)
	}
}

func (in *Installed) doubt(err error) {
	if in.Doubt == nil {
		in.Doubt = err
	}
}

// Has reports whether a compiler is there. One counts as removed only if nothing is in doubt, it names the commit that
// it was built from, and none that is there may be it: a number alone does not tell, as there are several nightlies of
// one number. One that is neither rustup's nor on the PATH nor named by RUSTC is not found.
func (in *Installed) Has(c Compiler) bool {
	return in.Doubt != nil || !c.known() || slices.ContainsFunc(in.Compilers, c.May)
}

// without lists the compilers that are found without rustup: RUSTC, and what is on the PATH under the names that
// distributions give (Debian: rustc-1.85; Gentoo: rustc-bin-1.85.0). rustup's own stands for one of its toolchains.
func without(t project.Tool) (programs []string) {
	var rustup os.FileInfo
	if program := rustupProgram(t); program != "" {
		rustup, _ = os.Stat(program)
	}
	var seen []os.FileInfo
	add := func(path string) {
		info, err := os.Stat(path)
		if err != nil || !isProgram(path) || rustup != nil && os.SameFile(info, rustup) {
			return
		}
		if slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			return
		}
		seen, programs = append(seen, info), append(programs, path)
	}
	if own := t.Getenv("RUSTC"); own != "" {
		add(t.LookPath(t.Dir, own))
	}
	for _, dir := range searched(t) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if named(e.Name()) {
				add(filepath.Join(dir, e.Name()))
			}
		}
	}
	return programs
}

// named reports whether a program has the name of a compiler.
func named(name string) bool {
	for _, pattern := range []string{"rustc", "rustc-[0-9]*", "rustc-bin-[0-9]*"} {
		if ok, _ := filepath.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// BuiltBy lists the compilers that Cargo notes in a build directory.
func BuiltBy(buildDir string) []Compiler {
	text, err := regular.Read(filepath.Join(buildDir, ".rustc_info.json"))
	if err != nil {
		return nil
	}
	return parseNotes(text)
}
