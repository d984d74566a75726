package rustc

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// ErrForeign: a command line that this package does not understand. What it does
// not know may mean anything.
var ErrForeign = errors.New("not a call that cargo makes")

// A Call is a command line of rustc's.
type Call struct {
	Argv []string // as it is run, the compiler first
	// ArgFile: some of the arguments are in a file that Argv names.
	ArgFile bool
	// Options is where rustc's own arguments begin: after the compiler, and after
	// a second one where the first is a driver of it.
	Options     int
	Crate       string   // --crate-name
	Extra       string   // -C extra-filename
	Metadata    string   // -C metadata
	Input       string   // the crate root
	OutDir      string   // absolute and clean
	Incremental string   // "" or absolute and clean
	Emits       []string // kinds of output
	Types       []string // kinds of crate; empty for a test
	Test        bool
	Target      string // "" is the compiler's own
	Linker      string // "" is the target's own
	Externs     []Extern
	Search      []Search
	Natives     []Native
	Remaps      []string // what --remap-path-prefix replaces
	// PathBound: some output is found later by the path it was made under, or finds
	// others by it.
	PathBound bool

	line          []string // Argv, with the arguments of files in their place
	positions     []position
	args          []string // what decides the outputs, in order and without positions
	messageFormat []string // what decides only how messages look
	fileValues    []string // values that may name files which are read
	uncovered     string   // an argument that may do what a request does not cover
}

// Extern is an argument --extern. Path is "" where rustc is to search.
type Extern struct{ Name, Path string }

// Search is an argument -L. Kind is "all" where none is named.
type Search struct{ Kind, Path string }

// Native is a native library that is asked for. Kind may be "", and has modifiers
// behind a colon.
type Native = linking.Library

// A position is a path in an argument that is a position: moving it along with the
// directory changes nothing in what rustc makes.
type position struct{ arg, from, to int }

// knownDrivers are compilers around rustc that cargo runs as a workspace wrapper and
// that are known to leave its arguments alone: they are followed by rustc's path.
var knownDrivers = map[string]bool{"clippy-driver": true}

// Parse understands a command line, or returns ErrForeign. Files of arguments that it
// names are read.
func Parse(argv []string) (*Call, error) {
	c := &Call{Argv: argv, Options: 1}
	if len(argv) > 1 && !strings.HasPrefix(argv[1], "-") && !strings.HasPrefix(argv[1], "@") {
		if !knownDrivers[filepath.Base(argv[0])] {
			return nil, ErrForeign
		}
		c.Options = 2
	}
	if !c.expand() {
		return nil, ErrForeign
	}
	argv = c.line
	for i := c.Options; i < len(argv); i++ {
		a := argv[i]
		switch {
		case a == "" || a == "-" || strings.HasPrefix(a, "@"):
			return nil, ErrForeign
		case !strings.HasPrefix(a, "-"):
			if c.Input != "" {
				return nil, ErrForeign
			}
			c.Input = a
			continue
		}
		name, at, attached := option(a)
		if flagOptions[name] {
			if attached {
				return nil, ErrForeign
			}
			c.Test = c.Test || name == "--test"
			c.args = append(c.args, name)
			continue
		}
		if !attached {
			if i++; i == len(argv) {
				return nil, ErrForeign
			}
			at = 0
		}
		if !valueOptions[name] || !c.takeOption(name, i, at) {
			return nil, ErrForeign
		}
	}
	// What has no metadata is not cargo's: a build script that tries the compiler.
	if c.Crate == "" || c.Metadata == "" || c.Input == "" || !slices.Contains(c.Emits, "dep-info") || !isPosition(c.OutDir) ||
		c.Incremental != "" && !isPosition(c.Incremental) {
		return nil, ErrForeign
	}
	return c, nil
}

// expand puts the lines of files of arguments where their names stand. Cargo hands
// over such a file, by its absolute path, where a command line is too long for the
// kernel; rustc expands it before it looks at what is an option and what a value,
// and nothing in it again (rustc 1.95, rustc_driver_impl/args.rs).
func (c *Call) expand() bool {
	c.line = slices.Clone(c.Argv)
	for i := len(c.line) - 1; i >= c.Options; i-- {
		path, ok := strings.CutPrefix(c.line[i], "@")
		if !ok {
			continue
		}
		// A driver looks for some options in what it was called with.
		if c.Options > 1 || !filepath.IsAbs(path) {
			return false
		}
		text, _, err := digest.Read(path)
		if err != nil || !utf8.Valid(text) {
			return false
		}
		c.ArgFile = true
		c.line = slices.Replace(c.line, i, i+1, argumentLines(string(text))...)
	}
	return true
}

// argumentLines are lines as Rust takes them: ended by a newline, with a return
// before it or without.
func argumentLines(text string) []string {
	var list []string
	for l := range strings.Lines(text) {
		if l, ended := strings.CutSuffix(l, "\n"); ended {
			list = append(list, strings.TrimSuffix(l, "\r"))
		} else {
			list = append(list, l)
		}
	}
	return list
}

func isPosition(path string) bool { return filepath.IsAbs(path) && filepath.Clean(path) == path }

// option takes an argument apart: --name=value, -nvalue. at is where the value
// begins, if it is attached.
func option(a string) (name string, at int, attached bool) {
	if strings.HasPrefix(a, "--") {
		if i := strings.IndexByte(a, '='); i > 0 {
			return a[:i], i + 1, true
		}
		return a, 0, false
	}
	if len(a) > 2 {
		return a[:2], 2, true
	}
	return a, 0, false
}

// Options of rustc 1.95 (rustc_session/config.rs: rustc_optgroups).
var (
	flagOptions = map[string]bool{"-g": true, "-O": true, "-v": true, "--verbose": true, "--test": true}

	valueOptions = map[string]bool{
		"--cfg": true, "--check-cfg": true, "-L": true, "-l": true, "--crate-type": true, "--crate-name": true,
		"--edition": true, "--emit": true, "--out-dir": true, "--target": true, "-A": true, "--allow": true, "-W": true,
		"--warn": true, "--force-warn": true, "-D": true, "--deny": true, "-F": true, "--forbid": true, "--cap-lints": true,
		"-C": true, "--codegen": true, "--extern": true, "--sysroot": true, "--error-format": true, "--json": true,
		"--color": true, "--diagnostic-width": true, "--remap-path-prefix": true, "--remap-path-scope": true,
		"--env-set": true, "-Z": true,
	}
)

// takeOption uses the value of an option, which begins at byte at of argument i.
func (c *Call) takeOption(name string, i, at int) bool {
	value := c.line[i][at:]
	once := func(field *string) bool {
		first := *field == ""
		*field = value
		return first && value != ""
	}
	positionFrom := func(skip int) {
		c.positions = append(c.positions, position{i, at + skip, len(c.line[i])})
	}
	switch name {
	case "--out-dir":
		positionFrom(0)
		return once(&c.OutDir)
	case "-L":
		kind, path := linking.Search(value)
		positionFrom(len(value) - len(path))
		c.Search = append(c.Search, Search{kind, path})
		return true
	case "--extern":
		// [OPTIONS:]NAME[=PATH]
		key, path, ok := strings.Cut(value, "=")
		if ok {
			positionFrom(len(key) + 1)
		}
		c.Externs = append(c.Externs, Extern{key, path})
		return true
	case "-C", "--codegen":
		return c.codegen(i, at)
	case "--error-format", "--json", "--color", "--diagnostic-width":
		c.messageFormat = append(c.messageFormat, name+"="+value)
		return true
	case "--crate-name":
		if !once(&c.Crate) {
			return false
		}
	case "--emit":
		c.Emits = append(c.Emits, strings.Split(value, ",")...)
		if strings.Contains(value, "=") {
			return false
		}
	case "--remap-path-prefix":
		// FROM=TO, cut at the last sign. What comes out is TO: that is no position.
		from := strings.LastIndexByte(value, '=')
		if from < 0 {
			return false
		}
		c.positions = append(c.positions, position{i, at, at + from})
		c.Remaps = append(c.Remaps, value[:from])
	case "--crate-type":
		c.Types = append(c.Types, strings.Split(value, ",")...)
	case "--target":
		if !once(&c.Target) {
			return false
		}
	case "-l":
		c.Natives = append(c.Natives, linking.Libraries(value)...)
	case "-Z":
		key, _, _ := strings.Cut(value, "=")
		if !harmlessUnstable[strings.ReplaceAll(key, "_", "-")] {
			c.uncovered = "-Z " + value
		}
	case "--sysroot":
		c.uncovered = name
	}
	c.args = append(c.args, name+"="+value)
	return true
}

// harmlessUnstable are options of rustc 1.97 that decide nothing but what is compiled
// how: they name no file, and no output beside those that --emit names.
var harmlessUnstable = map[string]bool{
	"allow-features": true, "embed-metadata": true, "fmt-debug": true, "location-detail": true, "mir-opt-level": true,
	"no-embed-metadata": true, "share-generics": true, "threads": true, "unstable-options": true,
}

// harmlessCodegen are the values of -C that likewise decide nothing else (rustc 1.95,
// rustc_session/options.rs: cgopts).
var harmlessCodegen = map[string]bool{
	"code-model": true, "codegen-units": true, "collapse-macro-debuginfo": true, "control-flow-guard": true,
	"debug-assertions": true, "debuginfo": true, "default-linker-libraries": true, "dwarf-version": true,
	"embed-bitcode": true, "extra-filename": true, "force-frame-pointers": true, "force-unwind-tables": true,
	"inline-threshold": true, "instrument-coverage": true, "jump-tables": true, "linker-flavor": true, "link-dead-code": true,
	"link-self-contained": true, "lto": true, "metadata": true, "no-prepopulate-passes": true, "no-redzone": true,
	"no-vectorize-loops": true, "no-vectorize-slp": true, "opt-level": true, "overflow-checks": true, "panic": true,
	"prefer-dynamic": true, "relocation-model": true, "relro-level": true, "rpath": true, "soft-float": true,
	"split-debuginfo": true, "strip": true, "symbol-mangling-version": true, "target-cpu": true, "target-feature": true,
	"tune-cpu": true,
}

// fileCodegen are those whose values may name files that the compiler or the linker
// reads.
var fileCodegen = map[string]bool{"link-arg": true, "link-args": true, "llvm-args": true, "profile-use": true}

func (c *Call) codegen(i, at int) bool {
	key, value, _ := strings.Cut(c.line[i][at:], "=")
	key = strings.ReplaceAll(key, "_", "-")
	switch key {
	case "incremental":
		first := c.Incremental == ""
		c.Incremental = value
		c.positions = append(c.positions, position{i, len(c.line[i]) - len(value), len(c.line[i])})
		c.args = append(c.args, "-C=incremental")
		return first
	case "extra-filename":
		first := c.Extra == ""
		c.Extra = value
		if !first {
			return false
		}
	case "metadata":
		c.Metadata += value
	case "split-debuginfo":
		// Debuggers look for the other half at the path it was written under.
		c.PathBound = c.PathBound || value == "unpacked"
		if value != "off" {
			c.uncovered = "-C split-debuginfo=" + value // files beside those that are announced
		}
	case "instrument-coverage":
		// Reports are made from the sources at the path that was current.
		c.PathBound = c.PathBound || !isOff(value)
	case "rpath":
		// Programs look for libraries by the way from where they were written.
		c.PathBound = c.PathBound || !isOff(value)
	case "linker":
		c.Linker = value
		return true // it counts by what it is
	}
	switch {
	case fileCodegen[key]:
		c.fileValues = append(c.fileValues, value)
		// Where a library has versions and no name, lld puts the path that the library is
		// written to in the place of the name (rustc 1.95's, measured).
		c.PathBound = c.PathBound || strings.Contains(value, "version-script")
	case !harmlessCodegen[key]:
		c.uncovered = "-C " + key
	}
	c.args = append(c.args, "-C="+key+"="+value)
	return true
}

// isOff reports whether the value of a switch turns it off.
func isOff(value string) bool {
	return value == "off" || value == "no" || value == "n" || value == "false" || value == "0"
}

// Moved returns the arguments with positions as to returns them, and those of files
// in their place.
func (c *Call) Moved(to func(path string) string) []string {
	argv := slices.Clone(c.line)
	for _, s := range c.positions {
		a := c.line[s.arg]
		argv[s.arg] = a[:s.from] + to(a[s.from:s.to]) + a[s.to:]
	}
	return argv
}

// Name is that of the unit's list of inputs, without .d, and of its outputs but for
// what stands before and after.
func (c *Call) Name() string { return c.Crate + c.Extra }

// Title is what a person knows the unit by: its crate and the id that cargo gives
// it. Where each unit has a directory, that is called by the id, and some files are
// not.
func (c *Call) Title() string {
	dir, last := filepath.Split(c.OutDir)
	if id := filepath.Base(dir); c.Extra == "" && last == "out" && len(id) == 16 && strings.Trim(id, "0123456789abcdef") == "" {
		return c.Crate + "-" + id
	}
	return c.Name()
}

// DepFile is the path of the unit's list of inputs.
func (c *Call) DepFile() string { return c.OutDir + "/" + c.Name() + ".d" }

// Links reports whether the outputs are linked: whether a linker, and all libraries
// that the crate depends on, decide them.
func (c *Call) Links() bool {
	if !slices.Contains(c.Emits, "link") {
		return false
	}
	return c.Test || len(c.Types) == 0 || slices.ContainsFunc(c.Types, func(t string) bool { return t != "lib" && t != "rlib" })
}

// isName reports whether a text can be a file's name, and an ingredient of one.
func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}

// IsUnit reports whether a text can be the name of a unit: that of a directory too.
func IsUnit(s string) bool {
	crate, metadata, ok := strings.Cut(s, "-")
	return ok && isName(crate) && isName(metadata)
}
