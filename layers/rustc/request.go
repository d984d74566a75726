package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// form is the first ingredient of all requests: what is asked in another form is
// another request.
const form = "2"

// A Request is what decides a call's outputs as far as it can be known before the
// compiler has run.
type Request struct {
	// Unit names what is compiled, for all requests that ask for the same thing in
	// different states: the crate, and cargo's digest of package, features, profile
	// and all that it depends on.
	Unit        string
	Ingredients []Ingredient

	unit *unit
}

// Digest tells two requests apart.
func (r *Request) Digest() string { return digestOf(r.Ingredients) }

func digestOf(list []Ingredient) string {
	var text strings.Builder
	for _, i := range list {
		text.WriteString(i.Name)
		text.WriteByte(0)
		text.WriteString(i.Value)
		text.WriteByte(0)
	}
	return digestText(text.String())
}

// NewRequest looks at all that a call names. Files that are there are read. The
// error is Odd if the call is one whose outputs cannot be told from what is known.
func NewRequest(c *Call, around Around) (*Request, error) {
	u := &unit{Call: c, around: around, cwd: around.Dir, environ: around.Environ}
	u.outEnv, _ = u.env("OUT_DIR")
	if err := u.regular(); err != nil {
		return nil, err
	}
	u.add("form", form)
	if err := u.compiler(); err != nil {
		return nil, err
	}
	if err := u.wrapper(); err != nil {
		return nil, err
	}
	for _, a := range c.args {
		u.add("argument", a)
	}
	u.add("crate root", u.local(c.Input))
	for _, step := range []func() error{u.specification, u.fileArguments, u.externs, u.variables, u.macros} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if c.Links() {
		if err := u.linked(); err != nil {
			return nil, err
		}
	}
	return &Request{Unit: c.Crate + "-" + c.Metadata, Ingredients: u.list, unit: u}, nil
}

// Crate types of which the outputs are what is announced, and nothing else.
var knownTypes = map[string]bool{"lib": true, "rlib": true, "bin": true, "proc-macro": true, "cdylib": true, "staticlib": true}

// regular refuses what cargo does not do, and what leaves more behind than is
// announced.
func (u *unit) regular() error {
	c := u.Call
	if c.odd != "" {
		return &Odd{"argument", c.odd}
	}
	if !isName(c.Crate) || !isName(c.Metadata) || strings.ContainsAny(c.Extra, "/ \n") {
		return &Odd{"not cargo's", c.Crate}
	}
	for _, kind := range c.Emits {
		if kind != "dep-info" && kind != "metadata" && kind != "link" {
			return &Odd{"kind of output", kind}
		}
	}
	for _, t := range c.Types {
		if !knownTypes[t] {
			return &Odd{"crate type", t}
		}
	}
	if !slices.ContainsFunc(c.shown, func(s string) bool { return strings.HasPrefix(s, "--json=") && strings.Contains(s, "artifacts") }) {
		return &Odd{"not cargo's", "no notice of outputs"}
	}
	for _, path := range []string{u.cwd, c.OutDir, u.outEnv} {
		if path != "" && !isPosition(path) || strings.ContainsAny(path, "{}\n") {
			return &Odd{"path", path}
		}
	}
	for _, s := range c.Search {
		if s.Kind == "dependency" || s.Kind == "native" {
			continue
		}
		// Other crates could be found there, under any name.
		names, err := os.ReadDir(u.abs(s.Path))
		if err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return isCrate(e.Name()) }) {
			return &Odd{"directory of crates", s.Path}
		}
	}
	return nil
}

func isCrate(name string) bool {
	return strings.HasPrefix(name, "lib") && slices.Contains([]string{".rlib", ".rmeta", ".so"}, filepath.Ext(name))
}

// sysroot are crates that the compiler finds among its own.
var sysroot = map[string]bool{"proc_macro": true, "std": true, "core": true, "alloc": true, "test": true}

// externs are the crates this one is compiled against, by content.
func (u *unit) externs() error {
	for _, e := range u.Externs {
		name := e.Name[strings.LastIndexByte(e.Name, ':')+1:]
		if e.Path == "" {
			if !sysroot[name] {
				return &Odd{"crate to be searched for", e.Name}
			}
			u.add("crate "+e.Name, "the compiler's own")
			continue
		}
		mark, err := ReadMark(e.Path)
		digest := ""
		if err == nil {
			digest = mark.Digest(e.Path)
		}
		if digest == "" {
			if digest, _, err = Digest(e.Path); err != nil {
				return &Odd{"crate that cannot be read", e.Path}
			}
			u.unmarked = append(u.unmarked, e.Name)
		} else {
			u.marks = append(u.marks, mark)
		}
		u.add("crate "+e.Name, digest)
	}
	return nil
}

// read are variables that rustc itself looks at (rustc 1.95), or a loader before
// it.
var read = []string{"RUSTC_BOOTSTRAP", "RUSTC_FORCE_RUSTC_VERSION", "RUSTC_FORCE_INCR_COMP_ARTIFACT_HEADER", "SOURCE_DATE_EPOCH", "LD_PRELOAD"}

func (u *unit) variables() error {
	for _, name := range read {
		if value, ok := u.env(name); ok {
			u.add("variable "+name, value)
		}
	}
	return nil
}
