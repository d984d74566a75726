package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// requestForm is the first ingredient of all requests: what is asked in another form is
// another request.
const requestForm = "2"

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
	return digest.OfText(text.String())
}

// NewRequest looks at all that a call names. Files that are there are read. The error
// is an Uncacheable if the call is one whose outputs cannot be told from what is
// known.
func NewRequest(c *Call, context Context) (*Request, error) {
	u := &unit{Call: c, Context: context}
	u.outEnv, _ = u.env("OUT_DIR")
	if err := u.refuseUnusual(); err != nil {
		return nil, err
	}
	u.add("form", requestForm)
	if err := u.compiler(); err != nil {
		return nil, err
	}
	if err := u.wrapper(); err != nil {
		return nil, err
	}
	for _, a := range c.args {
		u.add("argument", a)
	}
	u.add("crate root", u.portablePath(c.Input))
	for _, step := range []func() error{u.targetFile, u.argumentFiles, u.externs, u.compilerEnvironment, u.macroInputs, u.macroCommit} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if c.Links() {
		if err := u.linkInputs(); err != nil {
			return nil, err
		}
	}
	return &Request{Unit: c.Crate + "-" + c.Metadata, Ingredients: u.ingredients, unit: u}, nil
}

// Crate types of which the outputs are what is announced, and nothing else.
var knownTypes = map[string]bool{"lib": true, "rlib": true, "bin": true, "proc-macro": true, "cdylib": true, "staticlib": true}

// refuseUnusual refuses what cargo does not do, and what leaves more behind than is
// announced.
func (u *unit) refuseUnusual() error {
	c := u.Call
	if c.uncovered != "" {
		return &Uncacheable{"argument", c.uncovered}
	}
	if !isName(c.Crate) || !isName(c.Metadata) || strings.ContainsAny(c.Extra, "/ \n") {
		return &Uncacheable{"not cargo's", c.Crate}
	}
	for _, kind := range c.Emits {
		if kind != "dep-info" && kind != "metadata" && kind != "link" {
			return &Uncacheable{"kind of output", kind}
		}
	}
	for _, t := range c.Types {
		if !knownTypes[t] {
			return &Uncacheable{"crate type", t}
		}
	}
	if !slices.ContainsFunc(c.messageFormat, func(s string) bool { return strings.HasPrefix(s, "--json=") && strings.Contains(s, "artifacts") }) {
		return &Uncacheable{"not cargo's", "no notice of outputs"}
	}
	for _, path := range []string{u.Dir, c.OutDir, u.outEnv} {
		if path != "" && !isPosition(path) || strings.ContainsAny(path, "{}\n") {
			return &Uncacheable{"path", path}
		}
	}
	for _, s := range c.Search {
		if s.Kind == "dependency" || s.Kind == "native" {
			continue
		}
		// Other crates could be found there, under any name.
		names, err := os.ReadDir(u.abs(s.Path))
		if err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return isCrate(e.Name()) }) {
			return &Uncacheable{"directory of crates", s.Path}
		}
	}
	return nil
}

func isCrate(name string) bool {
	return strings.HasPrefix(name, "lib") && slices.Contains([]string{".rlib", ".rmeta", ".so"}, filepath.Ext(name))
}

// sysrootCrates are crates that the compiler finds among its own.
var sysrootCrates = map[string]bool{"proc_macro": true, "std": true, "core": true, "alloc": true, "test": true}

// externs are the crates this one is compiled against, by content.
func (u *unit) externs() error {
	for _, e := range u.Externs {
		name := e.Name[strings.LastIndexByte(e.Name, ':')+1:]
		if e.Path == "" {
			if !sysrootCrates[name] {
				return &Uncacheable{"crate to be searched for", e.Name}
			}
			u.add("crate "+e.Name, "the compiler's own")
			continue
		}
		trailer, err := ReadTrailer(e.Path)
		digest := ""
		if err == nil {
			digest = trailer.Digest(e.Path)
		}
		if digest == "" {
			if digest, _, err = Digest(e.Path); err != nil {
				return &Uncacheable{"crate that cannot be read", e.Path}
			}
			u.withoutTrailer = append(u.withoutTrailer, e.Name)
		} else {
			u.trailers = append(u.trailers, trailer)
		}
		u.add("crate "+e.Name, digest)
	}
	return nil
}

// compilerVariables are variables that rustc itself looks at (rustc 1.95), or a
// loader before it.
var compilerVariables = []string{"RUSTC_BOOTSTRAP", "RUSTC_FORCE_RUSTC_VERSION", "RUSTC_FORCE_INCR_COMP_ARTIFACT_HEADER", "SOURCE_DATE_EPOCH", "LD_PRELOAD"}

func (u *unit) compilerEnvironment() error {
	for _, name := range compilerVariables {
		if value, ok := u.env(name); ok {
			u.add("variable "+name, value)
		}
	}
	return nil
}
