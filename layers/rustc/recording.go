package rustc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Record looks at what a run has read and written. The list of inputs names this
// checkout. The error is an Uncacheable if the outputs cannot be told to be those of the
// inputs.
func (r *Request) Record(run Run) (*Record, error) {
	u := r.unit
	// What the compiler has read was there before it and is there now: dependencies,
	// libraries, the compiler itself.
	if now, err := NewRequest(u.Call, u.Context); err != nil || now.Digest() != r.Digest() {
		return nil, &Uncacheable{"something changed meanwhile", ""}
	}
	text, err := regular.Read(u.DepFile())
	if err != nil {
		return nil, &Uncacheable{"no list of inputs", err.Error()}
	}
	rec := &Record{
		Unit: r.Unit, Request: r.Digest(), Ingredients: r.Ingredients, Dir: u.Dir, OutDir: u.OutDir, OutEnv: u.outEnv,
		MessageFormat: strings.Join(u.messageFormat, " "), Messages: run.Messages, Cost: run.Cost, Incremental: u.Incremental != "",
	}
	depFile := handoff.WithoutState(WithoutTrailer(string(text)))
	names := depfile.Inputs(depFile)
	if !depfile.WellFormed(depFile) {
		return nil, &Uncacheable{"name of an input", "with a newline"}
	}
	sources, err := u.addInputs(rec, names, run.Began)
	if err != nil {
		return nil, err
	}
	if err := u.addNamedInputs(rec, names, sources, run.Began); err != nil {
		return nil, err
	}
	for _, f := range run.Files {
		file, err := u.outputFile(f)
		if err != nil {
			return nil, err
		}
		rec.Files = append(rec.Files, file)
	}
	if len(rec.Files) == 0 {
		return nil, &Uncacheable{"no outputs", u.Crate}
	}
	if rec.Portability, err = u.portability(run, depFile, names, sources); err != nil {
		return nil, err
	}
	for i, src := range sources {
		if _, asm := rustsrc.Assembled(src); asm {
			return nil, &Uncacheable{"assembler that reads files", names[i]}
		}
	}
	natives := u.requestedNatives(sources)
	for _, n := range append(natives, u.bundledNatives(natives, run.Files)...) {
		if n.Name == "" {
			return nil, &Uncacheable{"library without a plain name", u.Crate}
		}
		what := u.resolveNative(n, u.Links())
		if what == thin {
			return nil, &Uncacheable{"archive of names", n.Name}
		}
		rec.Natives = append(rec.Natives, ResolvedNative{n, what})
	}
	rec.Reach = u.codeReach(names, sources, len(rec.Natives))
	if rec.DepFile, err = u.portableDepFile(rec, depFile); err != nil {
		return nil, err
	}
	rec.Key = rec.key()
	return rec, nil
}

// Trailer is what is noted of the unit beside its outputs.
func (rec *Record) Trailer(r *Request) *Trailer {
	t := r.unit.trailer(r.recordedReach(rec))
	t.Key, t.Unit, t.Request, t.Files = rec.Key, rec.Unit, rec.Request, rec.Files
	for _, found := range rec.Natives {
		t.Natives = append(t.Natives, found.Native)
	}
	return t
}

// EarlyTrailer is what is noted as soon as the metadata is there, before the other
// outputs are.
func (r *Request) EarlyTrailer(metadata Artifact) (*Trailer, error) {
	f, err := r.unit.outputFile(metadata)
	if err != nil {
		return nil, err
	}
	t := r.unit.trailer(rustsrc.Unread)
	t.Files = []File{f}
	return t, nil
}

// trailer is what is known of the unit before it is compiled, and what its code gets at.
func (u *unit) trailer(code rustsrc.Reach) *Trailer {
	t := &Trailer{Macros: u.exposedMacros(code), Reach: code}
	for _, e := range u.Externs {
		if e.Path == "" {
			continue
		}
		if rel, err := filepath.Rel(u.OutDir, e.Path); err == nil {
			t.Deps = append(t.Deps, rel)
		}
	}
	return t
}

// outputFile looks at an output.
func (u *unit) outputFile(a Artifact) (File, error) {
	if filepath.Dir(a.Path) != u.OutDir || !strings.Contains(filepath.Base(a.Path), u.Crate) {
		return File{}, &Uncacheable{"output elsewhere", a.Path}
	}
	digest, size, err := Digest(a.Path)
	info, statErr := os.Stat(a.Path)
	if err = errors.Join(err, statErr); err != nil {
		return File{}, &Uncacheable{"output that cannot be read", err.Error()}
	}
	return File{filepath.Base(a.Path), a.Emit, digest, size, info.Mode().Perm()}, nil
}

// addInputs digests what the compiler has read, and notes where it has looked for a
// module and not found one.
func (u *unit) addInputs(rec *Record, names []string, began time.Time) (sources [][]byte, err error) {
	for _, name := range names {
		if strings.HasPrefix(name, "{") || strings.ContainsAny(name, "\n\x00") {
			return nil, &Uncacheable{"name of an input", name}
		}
		path := u.abs(name)
		text, changed, err := digest.Read(path)
		if err != nil {
			return nil, &Uncacheable{"input that cannot be read", name}
		}
		// What was written since may be other than what was read.
		if !changed.Before(began) {
			return nil, &Uncacheable{"input changed meanwhile", name}
		}
		sources = append(sources, text)
		rec.Inputs = append(rec.Inputs, Input{u.portablePath(name), digest.Of(text)})
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
		rec.Inputs = append(rec.Inputs, Input{u.portablePath(twin), Absent})
	}
	return sources, nil
}

// recordedReach is what the code of a record that holds gets at. It is found anew where
// the record has it by another version of the rule.
func (r *Request) recordedReach(rec *Record) rustsrc.Reach {
	if rec.Reach.Any != rustsrc.Unread.Any || r.unit.isFinal() {
		return rec.Reach
	}
	names := depfile.Inputs(r.DepFile(rec))
	var sources [][]byte
	for _, name := range names {
		text, _, err := digest.Read(r.unit.abs(name))
		if err != nil {
			return rustsrc.Unread
		}
		sources = append(sources, text)
	}
	return r.unit.codeReach(names, sources, len(rec.Natives))
}
