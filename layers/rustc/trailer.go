package rustc

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// A Trailer is what is noted of a unit at the end of its list of inputs, the .d file:
// rustc writes that anew each time it compiles the unit, so a trailer is gone when
// another compiler, or the same without us, has made other outputs.
//
// While the unit is compiled there may be a trailer that has no key yet: others are
// compiled against metadata that is there before the rest.
type Trailer struct {
	Key string // of the record
	// Unit and Request are those of the record, by which it is found again.
	Unit, Request string
	// Files are the outputs by their names.
	Files []File
	// Deps are the outputs that this unit was compiled against, from its directory.
	Deps []string
	// Macros are the procedural macros that may run where this unit is a dependency.
	Macros []Macro
	// Reach is what the unit's own code gets at, should a macro be made of it.
	Reach rustsrc.Reach
	// Natives are native libraries that the unit asks for.
	Natives []Native
}

// File is an output.
type File struct {
	Name   string // without directory
	Emit   string // which kind, as rustc calls it
	Digest string
	Size   int64 // bytes
	Mode   os.FileMode
}

var errNoTrailer = errors.New("no trailer")

// trailerPrefix begins each line of a trailer. It is a comment for make and for cargo
// (cargo 1.95, dep_info.rs: parse_rustc_dep_info, which has found its rule by then).
const trailerPrefix = "#cow "

// trailerEnd ends a trailer. One that was torn by a power cut has lost lines that say
// what else counts, and is none.
const trailerEnd = "end"

// ReadTrailer returns the trailer of the unit that an output belongs to.
func ReadTrailer(output string) (Trailer, error) {
	text, _, err := digest.Read(filepath.Dir(output) + "/" + unitName(output) + ".d")
	if err != nil {
		return Trailer{}, err
	}
	return ParseTrailer(string(text))
}

// ParseTrailer finds a trailer in a .d file.
func ParseTrailer(text string) (Trailer, error) {
	t := Trailer{Reach: rustsrc.Unread}
	ended := false
	whole := depfile.Notes(text, trailerPrefix, func(note string) bool {
		if ended || note != trailerEnd && !t.take(note) {
			return false // nothing comes after the end
		}
		ended = note == trailerEnd
		return true
	})
	if len(t.Files) == 0 || !ended || !whole {
		return Trailer{}, errNoTrailer
	}
	return t, nil
}

func (t *Trailer) take(l string) bool {
	key, rest, _ := strings.Cut(l, " ")
	list, ok := words.Split(rest)
	if !ok || len(list) == 0 {
		return false
	}
	switch key {
	case "unit":
		ok = t.Key == "" && len(list) == 3 && digest.Is(list[0]) && IsUnit(list[1]) && digest.Is(list[2])
		if ok {
			t.Key, t.Unit, t.Request = list[0], list[1], list[2]
		}
	case "file":
		var f File
		f, ok = parseFile(list)
		t.Files = append(t.Files, f)
	case "dep":
		t.Deps = append(t.Deps, list...)
	case "macro":
		var macro Macro
		macro, ok = parseMacro(list)
		t.Macros = append(t.Macros, macro)
	case "code":
		t.Reach = rustsrc.ParseReach(list)
	case "native":
		if ok = len(list) == 2; ok {
			t.Natives = append(t.Natives, Native{Kind: list[0], Name: list[1]})
		}
	default:
		ok = false
	}
	return ok
}

// AppendTo returns the text of a .d file with the trailer.
func (t *Trailer) AppendTo(depFile string) string {
	var b strings.Builder
	b.WriteString(WithoutTrailer(depFile))
	write := func(key string, list ...string) { b.WriteString(trailerPrefix + words.Line(key, list...)) }
	if t.Key != "" {
		write("unit", t.Key, t.Unit, t.Request)
	}
	for _, f := range t.Files {
		write("file", f.words()...)
	}
	for _, path := range t.Deps {
		write("dep", path)
	}
	for _, macro := range t.Macros {
		write("macro", macro.words()...)
	}
	write("code", t.Reach.Words()...)
	for _, n := range t.Natives {
		write("native", n.Kind, n.Name)
	}
	b.WriteString(trailerPrefix + trailerEnd + "\n")
	return b.String()
}

// WithoutTrailer returns the text of a .d file without its trailer.
func WithoutTrailer(depFile string) string { return depfile.WithoutNotes(depFile, trailerPrefix) }

// Digest returns the digest of an output, "" if the trailer has none of that name and
// size.
func (t *Trailer) Digest(path string) string {
	name := filepath.Base(path)
	for _, f := range t.Files {
		if f.Name != name {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == f.Size {
			return f.Digest
		}
	}
	return ""
}

// linkDigest returns the digest of what a linker takes up of a unit.
func (t *Trailer) linkDigest(dir string) string {
	for _, f := range t.Files {
		if f.Emit == "link" {
			return t.Digest(dir + "/" + f.Name)
		}
	}
	return ""
}

// unitName is that of the unit that an output belongs to.
func unitName(output string) string {
	name := filepath.Base(output)
	return strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "lib")
}

func (f File) words() []string {
	return []string{f.Name, f.Emit, f.Digest, strconv.FormatInt(f.Size, 10), strconv.FormatUint(uint64(f.Mode.Perm()), 8)}
}

func parseFile(words []string) (File, bool) {
	if len(words) != 5 {
		return File{}, false
	}
	size, err := strconv.ParseInt(words[3], 10, 64)
	mode, modeErr := strconv.ParseUint(words[4], 8, 12)
	f := File{words[0], words[1], words[2], size, os.FileMode(mode).Perm()}
	return f, err == nil && modeErr == nil && size >= 0 && digest.Is(f.Digest) && isBase(f.Name) && f.Emit != ""
}

// isBase reports whether a text names something in a directory, and nowhere else.
func isBase(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00\n")
}

// A Macro is a procedural macro that may run where a unit is a dependency.
type Macro struct {
	Name  string
	Reach rustsrc.Reach
	// Expands: what it adds to a crate, that crate's own sources tell, and its own.
	Expands bool
}

func (m Macro) words() []string {
	kind := "composes"
	if m.Expands {
		kind = "expands"
	}
	return append([]string{m.Name, kind}, m.Reach.Words()...)
}

func parseMacro(words []string) (Macro, bool) {
	if len(words) < 3 || words[1] != "composes" && words[1] != "expands" {
		return Macro{}, false
	}
	return Macro{words[0], rustsrc.ParseReach(words[2:]), words[1] == "expands"}, true
}

// Artifact is an output that the compiler has told of.
type Artifact struct{ Path, Emit string }
