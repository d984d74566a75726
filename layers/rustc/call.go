package main

import (
	"path/filepath"
	"strings"
)

// A call is a command line of rustc's, as far as it has to be understood.
type call struct {
	argv []string // the compiler first
	// options is where rustc's own arguments begin: after the compiler, and after
	// a second one where the first is a driver of it.
	options     int
	crate       string // --crate-name
	extra       string // -C extra-filename
	input       string // the crate root
	outDir      string
	incremental string
	emits       bool // a list of inputs among the outputs
	remaps      []string
	spots       []spot
	debug       bool // some output is found later by the path it was made under, or finds others by it
}

// A spot is a path in an argument that is a position: moving it along with the
// directory changes nothing in what rustc makes.
type spot struct{ arg, from, to int }

// drivers are compilers around rustc that cargo runs as a workspace wrapper and
// that are known to leave its arguments alone: they are followed by rustc's path.
var drivers = map[string]bool{"clippy-driver": true}

// parse understands a command line, or reports that it does not: what it does not
// know may mean anything.
func parse(argv []string) (*call, bool) {
	c := &call{argv: argv, options: 1}
	if len(argv) > 1 && !strings.HasPrefix(argv[1], "-") && !strings.HasPrefix(argv[1], "@") {
		if !drivers[filepath.Base(argv[0])] {
			return nil, false
		}
		c.options = 2
	}
	for i := c.options; i < len(argv); i++ {
		a := argv[i]
		switch {
		case a == "-" || strings.HasPrefix(a, "@"):
			return nil, false
		case !strings.HasPrefix(a, "-"):
			if c.input != "" {
				return nil, false
			}
			c.input = a
			continue
		}
		name, at, attached := option(a)
		if !attached && !flags[name] {
			if i++; i == len(argv) {
				return nil, false
			}
			at = 0
		}
		if flags[name] {
			continue
		}
		if !valued[name] || !c.take(name, i, at) {
			return nil, false
		}
	}
	whole := c.crate != "" && c.input != "" && c.emits && isPosition(c.outDir) && isPosition(c.incremental)
	return c, whole
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
	flags = map[string]bool{"-g": true, "-O": true, "-v": true, "--verbose": true, "--test": true}

	valued = map[string]bool{
		"--cfg": true, "--check-cfg": true, "-L": true, "-l": true, "--crate-type": true, "--crate-name": true,
		"--edition": true, "--emit": true, "--out-dir": true, "--target": true, "-A": true, "--allow": true, "-W": true,
		"--warn": true, "--force-warn": true, "-D": true, "--deny": true, "-F": true, "--forbid": true, "--cap-lints": true,
		"-C": true, "--codegen": true, "--extern": true, "--sysroot": true, "--error-format": true, "--json": true,
		"--color": true, "--diagnostic-width": true, "--remap-path-prefix": true, "--remap-path-scope": true,
		"--env-set": true, "-Z": true,
	}
)

// take uses the value of an option, which begins at byte at of argument i.
func (c *call) take(name string, i, at int) bool {
	value := c.argv[i][at:]
	once := func(field *string) bool {
		first := *field == ""
		*field = value
		return first && value != ""
	}
	position := func(skip int) {
		c.spots = append(c.spots, spot{i, at + skip, len(c.argv[i])})
	}
	switch name {
	case "--crate-name":
		return once(&c.crate)
	case "--out-dir":
		position(0)
		return once(&c.outDir)
	case "--emit":
		for kind := range strings.SplitSeq(value, ",") {
			c.emits = c.emits || kind == "dep-info"
		}
		return !strings.Contains(value, "=")
	case "-L":
		// KIND=PATH or PATH (rustc_session/search_paths.rs: from_cli_opt).
		skip := 0
		if kind, _, ok := strings.Cut(value, "="); ok && !strings.Contains(kind, "/") {
			skip = len(kind) + 1
		}
		position(skip)
	case "--extern":
		// [OPTIONS:]NAME[=PATH]
		if key, _, ok := strings.Cut(value, "="); ok {
			position(len(key) + 1)
		}
	case "--remap-path-prefix":
		// FROM=TO, cut at the last sign. What comes out is TO: that is no position.
		from := strings.LastIndexByte(value, '=')
		if from < 0 {
			return false
		}
		c.spots = append(c.spots, spot{i, at, at + from})
		c.remaps = append(c.remaps, value[:from])
	case "-C", "--codegen":
		return c.codegen(i, at)
	}
	return true
}

func (c *call) codegen(i, at int) bool {
	key, value, _ := strings.Cut(c.argv[i][at:], "=")
	switch strings.ReplaceAll(key, "_", "-") {
	case "incremental":
		first := c.incremental == ""
		c.incremental = value
		c.spots = append(c.spots, spot{i, at + len(key) + 1, len(c.argv[i])})
		return first
	case "extra-filename":
		first := c.extra == ""
		c.extra = value
		return first
	case "split-debuginfo":
		// Debuggers look for the other half at the path it was written under.
		c.debug = c.debug || value == "unpacked"
	case "instrument-coverage":
		// Reports are made from the sources at the path that was current.
		c.debug = c.debug || !isOff(value)
	case "rpath":
		// Programs look for libraries by the way from where they were written.
		c.debug = c.debug || !isOff(value)
	}
	return true
}

// isOff reports whether the value of a switch turns it off.
func isOff(value string) bool {
	return value == "off" || value == "no" || value == "n" || value == "false" || value == "0"
}

// moved returns the arguments with positions as to returns them.
func (c *call) moved(to func(path string) string) []string {
	argv := append([]string(nil), c.argv...)
	for _, s := range c.spots {
		a := c.argv[s.arg]
		argv[s.arg] = a[:s.from] + to(a[s.from:s.to]) + a[s.to:]
	}
	return argv
}
