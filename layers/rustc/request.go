package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// form is the first ingredient of all requests: what is asked in another form is
// another request.
const form = "2"

// Around is what surrounds a call.
type Around struct {
	Dir     string // working directory, by its real path
	Environ []string
	// InPlace: outputs of another directory do not do here, nor those of this call
	// elsewhere.
	InPlace bool
	// Wrapper is a program that runs the compiler in its own way, "" for none.
	Wrapper string
}

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

// unit is a call that is looked at.
type unit struct {
	*Call
	around   Around
	cwd      string
	environ  []string
	list     []Ingredient
	marks    []Mark   // of the externs that have one
	unmarked []string // externs that have none
	outEnv   string   // the variable OUT_DIR
	lists    []string // .d files of what is linked into the output
	dirs     []string // that native libraries are looked for in
	asked    []Native // those that arguments of the linker ask for
	// codeBelow is what the code of the crates gets at that are linked into the output.
	codeBelow rustsrc.Reach
}

func (u *unit) add(name, value string) { u.list = append(u.list, Ingredient{name, value}) }

// env returns the value of a variable; the first one counts, as in getenv(3).
func (u *unit) env(name string) (string, bool) {
	for _, e := range u.environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value, true
		}
	}
	return "", false
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

// isName reports whether a text can be a file's name, and an ingredient of one.
func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}

func (u *unit) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return u.cwd + "/" + path
}

// specification is the content of a target that is described by a file.
func (u *unit) specification() error {
	if u.Target == "" || !strings.HasSuffix(u.Target, ".json") {
		if dir, ok := u.env("RUST_TARGET_PATH"); ok {
			u.add("variable RUST_TARGET_PATH", dir)
			for dir := range strings.SplitSeq(dir, ":") {
				if exists(u.abs(dir) + "/" + u.Target + ".json") {
					return &Odd{"target", u.Target}
				}
			}
		}
		return nil
	}
	digest, _, err := Digest(u.abs(u.Target))
	if err != nil {
		return &Odd{"target", u.Target}
	}
	u.add("target specification", digest)
	return nil
}

// processor is what "native" means here.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	one, _, _ := strings.Cut(string(text), "\n\n")
	var told strings.Builder
	for line := range strings.Lines(one) {
		for _, key := range []string{"vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU "} {
			if strings.HasPrefix(line, key) {
				told.WriteString(line)
				break
			}
		}
	}
	return digestText(told.String())
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

// others are in the names of targets for which more is written than is announced, and
// which have linkers and libraries of their own.
var others = []string{"windows", "apple", "uefi", "emscripten", "cygwin", ".json"}

// linked is what a linker puts together, beside what it is called with.
func (u *unit) linked() error {
	if slices.ContainsFunc(others, func(name string) bool { return strings.Contains(u.Target, name) }) {
		return &Odd{"target that is linked in another way", u.Target}
	}
	digest, natives, err := u.below()
	if err != nil {
		return err
	}
	u.add("all crates below", digest)
	natives = append(append(natives, u.Natives...), u.asked...)
	if len(natives) > 0 {
		u.codeBelow = u.codeBelow.Join(rustsrc.Reach{Any: "a native library"})
	}
	slices.SortFunc(natives, compareNatives)
	for _, n := range slices.Compact(natives) {
		what := u.find(n, true)
		if what == thin {
			return &Odd{"archive of names", n.Name}
		}
		u.add("library "+n.Name, what)
	}
	// Sources may ask for one through another crate's macro, of which nothing tells
	// before they are compiled.
	for _, dir := range u.dirs {
		if !strings.Contains(dir, "/build/") {
			continue
		}
		archives, _ := filepath.Glob(globQuote(dir) + "/*.a")
		for _, path := range archives {
			digest, err := libraryDigest(path)
			if err != nil {
				return &Odd{"library that cannot be read", path}
			}
			u.add("library of a script "+filepath.Base(path), digest)
		}
	}
	u.linker()
	return nil
}

var globQuote = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace
