package rustc

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/cargo/session"
)

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
	depFile := session.Unmark(Unmarked(string(text)))
	names := session.Inputs(depFile)
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

// codeOf is what the code of a record that holds gets at. Where another rule has found
// that, it is found anew.
func (r *Request) codeOf(rec *Record) rustsrc.Reach {
	if rec.Code.Any != rustsrc.Unread.Any || r.unit.isEnd() {
		return rec.Code
	}
	names := session.Inputs(r.DepFile(rec))
	var sources [][]byte
	for _, name := range names {
		text, _, err := readFile(r.unit.abs(name))
		if err != nil {
			return rustsrc.Unread
		}
		sources = append(sources, text)
	}
	return r.unit.code(names, sources, len(rec.Natives))
}
