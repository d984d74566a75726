package rustc

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// Bound says where a record's outputs may be used.
type Bound string

const (
	// Anywhere: nothing in them names the directory they were made in, but for
	// debuggers.
	Anywhere Bound = "anywhere"
	// SameDir: where the working directory has the same path.
	SameDir Bound = "same-directory"
	// SamePlace: where the outputs' directory has the same path, too.
	SamePlace Bound = "same-place"
)

// An Input is a file that the compiler has read, or for which it has looked and not
// found one: its Digest is Absent then.
type Input struct{ Name, Digest string }

// A Record is what one run of the compiler has read and written.
type Record struct {
	Key         string
	Unit        string
	Request     string // its digest
	Ingredients []Ingredient
	Dir, OutDir string // where it was made
	OutEnv      string // the variable OUT_DIR there
	Bound       Bound
	Inputs      []Input
	Natives     []Found
	// DepFile is the list of inputs with names that are the same everywhere.
	DepFile string
	// Shown is how messages were asked for, and Messages are they, line by line.
	Shown    string
	Messages []string
	Files    []File
	// Code is what the unit's own code gets at, should a macro be made of it.
	Code rustsrc.Reach
	Cost time.Duration // of the run, by the clock on the wall
	// Incremental: the unit has state of its own, which is not among the files.
	Incremental bool
	// Layers are where the files lie beside the warehouse, if anywhere.
	Layers []InLayer
}

// InLayer is a directory of a layer that holds a record's files.
type InLayer struct{ Layer, Dir string }

// A Run is a call that has succeeded.
type Run struct {
	// Began is an instant before the compiler started, by the kernel's clock for
	// files.
	Began time.Time
	Cost  time.Duration
	// Files are the outputs' paths and kinds, as announced, but for the list of
	// inputs.
	Files []Announced
	// Messages is all else that the compiler said, line by line.
	Messages []string
	// Seen are other directories that the compiler may have taken for the working
	// directory, when it ran in a view.
	Seen []string
}

// Announced is an output that the compiler has told of.
type Announced struct{ Path, Emit string }

// Record looks at what a run has read and written. The list of inputs names the
// place. The error is Odd if the outputs cannot be told to be those of the inputs.
func (r *Request) Record(run Run) (*Record, error) {
	u := r.unit
	// What the compiler has read was there before it and is there now: dependencies,
	// libraries, the compiler itself.
	if now, err := NewRequest(u.Call, u.around); err != nil || now.Digest() != r.Digest() {
		return nil, &Odd{"something changed meanwhile", ""}
	}
	text, err := os.ReadFile(u.DepFile())
	if err != nil {
		return nil, &Odd{"no list of inputs", err.Error()}
	}
	rec := &Record{
		Unit: r.Unit, Request: r.Digest(), Ingredients: r.Ingredients, Dir: u.cwd, OutDir: u.OutDir, OutEnv: u.outEnv,
		Shown: strings.Join(u.shown, " "), Messages: run.Messages, Cost: run.Cost, Incremental: u.Incremental != "",
	}
	depFile := handoff.Unmark(Unmarked(string(text)))
	names := depfile.Inputs(depFile)
	if !wellFormed(depFile) {
		return nil, &Odd{"name of an input", "with a newline"}
	}
	sources, err := u.inputs(rec, names, run.Began)
	if err != nil {
		return nil, err
	}
	if err := u.named(rec, names, sources, run.Began); err != nil {
		return nil, err
	}
	out := &embedded.Outputs{WorkDirs: append([]string{u.cwd}, run.Seen...)}
	for _, f := range run.Files {
		file, err := u.file(f)
		if err != nil {
			return nil, err
		}
		rec.Files = append(rec.Files, file)
	}
	if len(rec.Files) == 0 {
		return nil, &Odd{"no outputs", u.Crate}
	}
	if err := u.bind(rec, run, out, depFile, names, sources); err != nil {
		return nil, err
	}
	for i, src := range sources {
		if _, asm := rustsrc.Assembled(src); asm {
			return nil, &Odd{"assembler that reads files", names[i]}
		}
	}
	natives := u.natives(sources)
	for _, n := range append(natives, u.hidden(natives, run.Files)...) {
		if n.Name == "" {
			return nil, &Odd{"library without a plain name", u.Crate}
		}
		what := u.find(n, u.Links())
		if what == thin {
			return nil, &Odd{"archive of names", n.Name}
		}
		rec.Natives = append(rec.Natives, Found{n, what})
	}
	rec.Code = u.code(names, sources, len(rec.Natives))
	if rec.DepFile, err = u.portable(rec, depFile); err != nil {
		return nil, err
	}
	rec.Key = rec.key()
	return rec, nil
}

// Mark is what is noted of the unit beside its outputs.
func (rec *Record) Mark(r *Request) *Mark {
	m := r.unit.mark(r.codeOf(rec))
	m.Key, m.Unit, m.Request, m.Files = rec.Key, rec.Unit, rec.Request, rec.Files
	for _, found := range rec.Natives {
		m.Natives = append(m.Natives, found.Native)
	}
	return m
}

// EarlyMark is what is noted when metadata is there and the rest is not.
func (r *Request) EarlyMark(metadata Announced) (*Mark, error) {
	f, err := r.unit.file(metadata)
	if err != nil {
		return nil, err
	}
	m := r.unit.mark(rustsrc.Unread)
	m.Files = []File{f}
	return m, nil
}

// mark is what is known of the unit before it is compiled, and what its code gets at.
func (u *unit) mark(code rustsrc.Reach) *Mark {
	m := &Mark{Macros: u.above(code), Code: code}
	for _, e := range u.Externs {
		if e.Path == "" {
			continue
		}
		if rel, err := filepath.Rel(u.OutDir, e.Path); err == nil {
			m.Deps = append(m.Deps, rel)
		}
	}
	return m
}

// file looks at an output.
func (u *unit) file(a Announced) (File, error) {
	if filepath.Dir(a.Path) != u.OutDir || !strings.Contains(filepath.Base(a.Path), u.Crate) {
		return File{}, &Odd{"output elsewhere", a.Path}
	}
	digest, size, err := Digest(a.Path)
	info, statErr := os.Stat(a.Path)
	if err = errors.Join(err, statErr); err != nil {
		return File{}, &Odd{"output that cannot be read", err.Error()}
	}
	return File{filepath.Base(a.Path), a.Emit, digest, size, info.Mode().Perm()}, nil
}

func (rec *Record) key() string {
	var b strings.Builder
	b.WriteString(rec.Request + "\n" + string(rec.Bound) + "\n")
	if rec.Bound != Anywhere {
		b.WriteString(rec.Dir + "\n")
	}
	if rec.Bound == SamePlace {
		b.WriteString(rec.OutDir + "\n")
	}
	for _, in := range rec.Inputs {
		b.WriteString(in.Name + "\x00" + in.Digest + "\n")
	}
	for _, n := range rec.Natives {
		b.WriteString(n.Kind + "\x00" + n.Name + "\x00" + n.What + "\n")
	}
	environment(rec.DepFile, func(name, value string, set bool) {
		b.WriteString(name + "\x00" + value + "\x00" + strconv.FormatBool(set) + "\n")
	})
	return digestText(b.String())
}

// wellFormed reports whether all lines are rules or comments: a name with a newline
// in it makes others, as nothing escapes it.
func wellFormed(depFile string) bool {
	for l := range strings.Lines(depFile) {
		l = strings.TrimRight(l, "\r\n")
		if l != "" && !strings.HasPrefix(l, "#") && !strings.HasSuffix(l, ":") && !strings.Contains(l, ": ") {
			return false
		}
	}
	return true
}

// inputs digests what the compiler has read, and notes where it has looked for a
// module and not found one.
func (u *unit) inputs(rec *Record, names []string, began time.Time) (sources [][]byte, err error) {
	for _, name := range names {
		if strings.HasPrefix(name, "{") || strings.ContainsAny(name, "\n\x00") {
			return nil, &Odd{"name of an input", name}
		}
		path := u.abs(name)
		text, changed, err := readFile(path)
		if err != nil {
			return nil, &Odd{"input that cannot be read", name}
		}
		// What was written since may be other than what was read.
		if !changed.Before(began) {
			return nil, &Odd{"input changed meanwhile", name}
		}
		sources = append(sources, text)
		sum := blake3.Sum256(text)
		rec.Inputs = append(rec.Inputs, Input{u.local(name), hex.EncodeToString(sum[:digestSize])})
	}
	for _, name := range names {
		// A module is a.rs or a/mod.rs; both are an error (E0761).
		twin := ""
		if stem, ok := strings.CutSuffix(name, "/mod.rs"); ok {
			twin = stem + ".rs"
		} else if stem, ok := strings.CutSuffix(name, ".rs"); ok {
			twin = stem + "/mod.rs"
		} else {
			continue
		}
		if slices.Contains(names, twin) {
			continue
		}
		if exists(u.abs(twin)) {
			continue // read by the one that names it, or by none
		}
		rec.Inputs = append(rec.Inputs, Input{u.local(twin), Absent})
	}
	return sources, nil
}

// bind decides where the outputs may be used.
func (u *unit) bind(rec *Record, run Run, out *embedded.Outputs, depFile string, names []string, sources [][]byte) error {
	rec.Bound = SameDir
	asks := u.belowOutDir(depFile)
	impure := !u.reach().Pure()
	if u.Debug || u.around.InPlace {
		rec.Bound = SamePlace
		return nil
	}
	if u.immutable() && len(asks) == 0 && !impure {
		return nil
	}
	for _, name := range names {
		for _, dir := range out.WorkDirs {
			if filepath.IsAbs(name) {
				out.Sources = append(out.Sources, name)
				break
			}
			out.Sources = append(out.Sources, dir+"/"+name)
		}
	}
	linked := u.linkedSources(out.WorkDirs)
	out.Sources = append(out.Sources, linked...)
	for _, f := range run.Files {
		if err := out.Add(f.Path); err != nil {
			return &Odd{"output that cannot be read", err.Error()}
		}
	}
	if !u.immutable() {
		rec.Bound = Anywhere
		if u.namesItself(run, sources) {
			rec.Bound = SameDir
		}
		for _, dir := range append(slices.Clone(out.WorkDirs), u.OutDir) {
			if _, found := out.Embed(dir); found {
				rec.Bound = SamePlace
			}
		}
		// A macro may put the name of a file into the program that it has included too.
		// Names that the compiler puts there are relative.
		if impure {
			data := &embedded.Outputs{
				Sources: linked,
				Parts:   slices.DeleteFunc(slices.Clone(out.Parts), func(s embedded.Segment) bool { return s.Kind != embedded.Data }),
			}
			for _, dir := range out.WorkDirs {
				if _, found := data.Embed(dir); found {
					rec.Bound = SamePlace
				}
			}
		}
	}
	if u.outEnv == "" {
		return nil
	}
	if _, found := out.Embed(u.outEnv); found {
		rec.Bound = SamePlace
	}
	for _, name := range asks {
		if !includesOnly(sources, name) {
			rec.Bound = SamePlace
		}
	}
	return nil
}

// namesItself reports whether a crate that is compiled by an absolute name, as all
// are that are no members of the workspace, may have made something of the names of
// its sources: of file!(), or in a message. The locations of its panics count as
// debug information does.
func (u *unit) namesItself(run Run, sources [][]byte) bool {
	return strings.HasPrefix(u.local(u.Input), "{cwd}") &&
		(slices.ContainsFunc(sources, rustsrc.NamesItself) ||
			slices.ContainsFunc(run.Messages, func(m string) bool { return strings.Contains(m, u.cwd) }))
}

// linkedSources are the sources of what is linked into the output, by the names that
// it may hold of them. What else of theirs names a place comes with their contents,
// which the request has.
func (u *unit) linkedSources(dirs []string) []string {
	var names []string
	for _, list := range u.lists {
		text, _, err := readFile(list)
		if err != nil {
			continue
		}
		for _, name := range depfile.Inputs(string(text)) {
			if filepath.IsAbs(name) {
				names = append(names, name)
				continue
			}
			for _, dir := range dirs {
				names = append(names, dir+"/"+name)
			}
		}
	}
	return names
}

// includesOnly reports whether a variable is used to name included files, and for
// nothing else.
func includesOnly(sources [][]byte, name string) bool {
	any := false
	for _, src := range sources {
		uses := rustsrc.EnvUses(src, name)
		if uses.Elsewhere > 0 {
			return false
		}
		any = any || uses.Includes > 0
	}
	// Else a macro of another crate uses it.
	return any
}

// environment calls f for each variable that a .d file says was asked for, with
// newlines, returns and backslashes in values escaped as there.
func environment(depFile string, f func(name, value string, set bool)) {
	for l := range strings.Lines(depFile) {
		if rest, ok := strings.CutPrefix(strings.TrimRight(l, "\r\n"), "# env-dep:"); ok {
			name, value, set := strings.Cut(rest, "=")
			f(name, value, set)
		}
	}
}

// escaped is a value as rustc writes it (rustc 1.95, rustc_interface/passes.rs:
// escape_dep_env).
var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// Holds says why a record's outputs are not those of the request's call, "" if they
// are.
func (r *Request) Holds(rec *Record) (why string) {
	u := r.unit
	switch {
	case rec.Unit != r.Unit || rec.Request != r.Digest():
		return r.Differs(rec)
	case rec.Bound != Anywhere && rec.Dir != u.cwd, rec.Bound == SamePlace && (rec.OutDir != u.OutDir || rec.OutEnv != u.outEnv):
		return "it names where it was made: " + rec.OutDir
	case u.around.InPlace && (rec.Dir != u.cwd || rec.OutDir != u.OutDir || rec.OutEnv != u.outEnv):
		return "nothing made in another directory is wanted here: " + rec.OutDir
	case len(rec.Messages) > 0 && rec.Shown != strings.Join(u.shown, " "):
		return "its messages were shown in another way"
	}
	environment(rec.DepFile, func(name, value string, set bool) {
		now, ok := u.env(name)
		if why == "" && (ok != set || ok && escaped.Replace(now) != u.here(value)) {
			why = "variable " + name
		}
	})
	if why != "" {
		return why
	}
	places := u.places()
	for _, in := range rec.Inputs {
		path := u.abs(fullName(in.Name, places))
		if in.Digest == Absent {
			if exists(path) {
				return "file " + path
			}
			continue
		}
		if isDirectory(in.Name) {
			if digest, err := u.directoryDigest(filepath.Clean(path)); err != nil || digest != in.Digest {
				return "directory " + path
			}
			continue
		}
		if digest, _, err := Digest(path); err != nil || digest != in.Digest {
			return "file " + path
		}
	}
	for _, n := range rec.Natives {
		if u.find(n.Native, u.Links()) != n.What {
			return "library " + n.Name
		}
	}
	return ""
}

// Differs names an ingredient in which a request differs from a record.
func (r *Request) Differs(rec *Record) string {
	only := func(list, other []Ingredient) string {
		for _, i := range list {
			if !slices.Contains(other, i) {
				return i.Name
			}
		}
		return ""
	}
	if name := only(r.Ingredients, rec.Ingredients); name != "" {
		return name
	}
	if name := only(rec.Ingredients, r.Ingredients); name != "" {
		return name + " is gone"
	}
	return "order of ingredients"
}

// DepFile returns the list of inputs of a record that holds, for this call.
func (r *Request) DepFile(rec *Record) string {
	places := r.unit.places()
	text := depfile.Rename(rec.DepFile, func(name string) string { return fullName(name, places) })
	return replaceValues(text, r.unit.here)
}

// Size is that of all files, in bytes.
func (rec *Record) Size() int64 {
	size := int64(0)
	for _, f := range rec.Files {
		size += f.Size
	}
	return size
}

// Places are the directories that a record's messages may name, the longest first.
func (rec *Record) Places() []string {
	dirs := []string{rec.OutDir, rec.Dir}
	if rec.OutEnv != "" {
		dirs = append(dirs, rec.OutEnv)
	}
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) })
	return dirs
}

// Here is what a path of a record's messages is called in this call.
func (r *Request) Here(rec *Record, path string) string {
	made := &unit{Call: &Call{OutDir: rec.OutDir}, cwd: rec.Dir, outEnv: rec.OutEnv}
	return fullName(made.local(path), r.unit.places())
}
