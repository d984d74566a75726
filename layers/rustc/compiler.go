package rustc

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// compiler says which compiler it is that a call runs, and with which libraries.
func (u *unit) compiler() error {
	t, err := u.findToolchain(u.Argv[u.Options-1])
	if err != nil {
		return err
	}
	u.add("compiler", identityOf(t.program))
	for _, b := range t.launched {
		u.add("compiler behind it", b)
	}
	u.add("compiler's libraries", t.libraries())
	if u.Options > 1 {
		if err := u.driver(t.root); err != nil {
			return err
		}
	}
	return u.standardLibrary(t.sysroot)
}

// driver says what it is that runs around the compiler.
func (u *unit) driver(root string) error {
	program := u.findProgram(u.Argv[0])
	t, ok := installed(program)
	if !ok {
		// It is run with libraries that are not to be seen from here.
		return &Uncacheable{"driver outside of a toolchain", u.Argv[0]}
	}
	u.add("driver", identityOf(t.program))
	if t.root != root {
		u.add("driver's libraries", t.libraries())
		if err := u.standardLibrary(t.sysroot); err != nil {
			return err
		}
	}
	u.add("driver's settings", u.clippy())
	return nil
}

// wrapper is another wrapper around the compiler. What it writes may be its own: one
// puts a launcher in the place of a build script's program, which works only with a
// file beside it (kache 2.0).
func (u *unit) wrapper() error {
	if u.Wrapper == "" {
		return nil
	}
	if strings.HasPrefix(u.Crate, scriptCrate) {
		return &Uncacheable{"build script by another wrapper", u.Wrapper}
	}
	u.add("wrapper", identity(u.findProgram(u.Wrapper)))
	return nil
}

// scriptCrate begins the names that cargo gives to the crates of build scripts.
const scriptCrate = "build_script_"

// clippyVariables are variables that clippy looks at, beside its own arguments and
// those that the compiler lists (clippy of rustc 1.95, src/driver.rs,
// clippy_utils/msrvs.rs and diagnostics.rs).
var clippyVariables = []string{"CLIPPY_ARGS", "CARGO_PRIMARY_PACKAGE", "CARGO_PKG_RUST_VERSION", "CLIPPY_DISABLE_DOCS_LINKS", "SYSROOT"}

// clippy is what decides clippy's lints beside its arguments: it looks for its
// settings from the package upwards, and lists only those it found (clippy of rustc
// 1.95, clippy_config/conf.rs: lookup_conf_file). Some lints read manifests.
func (u *unit) clippy() string {
	home, _ := u.env("CARGO_MANIFEST_DIR")
	dir, ok := u.env("CLIPPY_CONF_DIR")
	if !ok {
		dir = home
	}
	text := ""
	look := func(path string) {
		if digest, err := digestOrAbsent(path); err != nil || digest != Absent {
			text += filepath.Base(path) + " " + digest + "\n"
		}
	}
	dir = u.abs(dir)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		for _, name := range extent.LintConfigs {
			look(dir + "/" + name)
		}
		if dir == "/" {
			break
		}
	}
	for _, path := range []string{u.abs(home) + "/Cargo.toml", u.Dir + "/Cargo.toml", u.Dir + "/Cargo.lock"} {
		look(path)
	}
	for _, name := range clippyVariables {
		if value, ok := u.env(name); ok {
			text += name + "=" + value + "\x00"
		}
	}
	return digest.OfText(text)
}

// Drives reports whether a program is one that runs around the compiler and leaves
// its arguments alone.
func Drives(program string) bool { return knownDrivers[filepath.Base(program)] }
