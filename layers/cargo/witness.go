package cargo

import (
	"bytes"
	"cmp"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/cargo/session"
)

// segment is a part of a compiled file with one meaning.
type segment struct {
	kind segmentKind
	data []byte
}

type segmentKind int

const (
	// segData ends up in the program, or decides what does.
	segData segmentKind = iota
	// segMeta is rustc's crate metadata: values of constants, and names.
	segMeta
	// segDebug is read by debuggers only.
	segDebug
)

// rustc ends every string that it writes into metadata with this byte, and the
// bytes of a constant's value with none (rustc 1.95, rustc_serialize/src/
// opaque.rs:STR_SENTINEL). The working directory and source file names are
// strings.
const stringEnd = 0xc1

// segments takes a compiled file apart: an archive into its members, an object
// into its sections. What it does not know is data.
func segments(path string) ([]segment, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return split(b, filepath.Ext(path) == ".rmeta"), nil
}

func split(b []byte, meta bool) []segment {
	if bytes.HasPrefix(b, []byte("!<arch>\n")) {
		return splitArchive(b)
	}
	return splitMember(b, meta)
}

// splitArchive reads the common ar format: 60-byte headers, members padded to
// even length. An archive in an archive is data like any other.
func splitArchive(b []byte) []segment {
	const header = 60
	var all []segment
	at := 8
	for at+header <= len(b) {
		size, err := strconv.Atoi(strings.TrimSpace(string(b[at+48 : at+58])))
		if err != nil || size < 0 || at+header+size > len(b) {
			break
		}
		all = append(all, segment{segData, b[at : at+header]})
		all = append(all, splitMember(b[at+header:at+header+size], false)...)
		at += header + size + size%2
	}
	if at < len(b) {
		all = append(all, segment{segData, b[at:]})
	}
	return all
}

func splitMember(b []byte, meta bool) []segment {
	switch {
	case bytes.HasPrefix(b, []byte(elf.ELFMAG)):
		return splitELF(b)
	case meta || bytes.HasPrefix(b, []byte("rust\x00")):
		return []segment{{segMeta, b}}
	}
	return []segment{{segData, b}}
}

// splitELF takes out of an object the sections of a known meaning. The rest is
// data, also what lies in no section.
func splitELF(b []byte) []segment {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return []segment{{segData, b}}
	}
	slices.SortStableFunc(f.Sections, func(a, b *elf.Section) int { return cmp.Compare(a.Offset, b.Offset) })
	var all []segment
	at := uint64(0)
	for _, s := range f.Sections {
		if s.Type == elf.SHT_NOBITS || s.FileSize == 0 || s.Offset < at || s.Offset+s.FileSize > uint64(len(b)) {
			continue
		}
		kind := segDebug
		switch {
		case strings.HasPrefix(s.Name, ".debug_"), strings.HasPrefix(s.Name, ".zdebug_"):
		case s.Name == ".rmeta":
			kind = segMeta
		default:
			continue
		}
		all = append(all, segment{segData, b[at:s.Offset]}, segment{kind, b[s.Offset : s.Offset+s.FileSize]})
		at = s.Offset + s.FileSize
	}
	return append(all, segment{segData, b[at:]})
}

// witness judges whether what a unit wrote holds a path in a way that matters.
type witness struct {
	origin  *Origin
	names   []Name   // of the origin, and those that rustc alone saw
	sources []string // absolute names of the unit's sources, as spelt at the origin
	parts   []segment
}

func newWitness(dir string, u *built, o *Origin) (*witness, error) {
	w := &witness{origin: o, names: o.Names}
	if u.seenAs != (session.State{}) {
		w.names = append(slices.Clone(o.Names), Name{BaseBuild, Path(u.seenAs.Build)}, Name{BaseRoot, Path(u.seenAs.Root)})
	}
	for _, d := range u.rustc.Deps {
		if filepath.IsAbs(d) {
			w.sources = append(w.sources, d)
			continue
		}
		for _, n := range w.names {
			if n.Base == BaseRoot {
				w.sources = append(w.sources, string(n.Text)+"/"+d)
			}
		}
	}
	for _, f := range u.outputs {
		parts, err := segments(filepath.Join(dir, f.path))
		if err != nil {
			return nil, err
		}
		w.parts = append(w.parts, parts...)
	}
	return w, nil
}

// embeds reports whether text stands in the outputs other than as the front of
// a source file's name, as the working directory in metadata, or in debug
// information; around is what stands there.
func (w *witness) embeds(text string) (around string, found bool) {
	if text == "" {
		return "", false
	}
	needle := []byte(text)
	// rustc's working directory is the workspace root.
	workDir := slices.Contains(w.names, Name{BaseRoot, Path(text)})
	for _, part := range w.parts {
		if part.kind == segDebug {
			continue
		}
		for rest := part.data; ; {
			i := bytes.Index(rest, needle)
			if i < 0 {
				break
			}
			if at := rest[i:]; !w.isSource(at) && !(workDir && part.kind == segMeta && endsString(at, len(text))) {
				return printable(at, len(text)+40), true
			}
			rest = rest[i+len(needle):]
		}
	}
	return "", false
}

func (w *witness) isSource(at []byte) bool {
	for _, s := range w.sources {
		if bytes.HasPrefix(at, []byte(s)) {
			return true
		}
	}
	return false
}

func endsString(at []byte, n int) bool { return n < len(at) && at[n] == stringEnd }

// namesOrigin reports the first name of the origin that the outputs embed.
func (w *witness) namesOrigin() (around string, found bool) {
	for _, n := range w.names {
		if around, found = w.embeds(string(n.Text)); found {
			return around, true
		}
	}
	return "", false
}

// holdsCommit reports whether the outputs hold the origin's commit id.
func (w *witness) holdsCommit() bool {
	if len(w.origin.Git.Commit) < 7 {
		return false
	}
	for _, p := range w.parts {
		if p.kind != segDebug && bytes.Contains(p.data, []byte(w.origin.Git.Commit[:7])) {
			return true
		}
	}
	return false
}

func printable(b []byte, n int) string {
	b = b[:min(n, len(b))]
	for i, c := range b {
		if c < 0x20 || c >= 0x7f {
			b = b[:i]
			break
		}
	}
	return string(b)
}

// envHazard judges one env! or option_env! of a unit whose value names the
// origin. It is harmless only if every witness says so: the name is written in
// the unit's own sources, in includes and nowhere else, and the outputs hold the
// value only as the front of an included file's name.
func envHazard(rules Rules, e depinfo.Env, sources [][]byte, w *witness) *Reason {
	var uses rustsrc.Uses
	for _, src := range sources {
		n := rustsrc.EnvUses(src, e.Name)
		uses.Includes += n.Includes
		uses.Elsewhere += n.Elsewhere
	}
	if uses.Elsewhere > 0 {
		if !rules.On(RuleEnvOrigin) {
			return nil
		}
		return &Reason{RuleEnvOrigin, "env!(" + strconv.Quote(e.Name) + ") is " + e.Value}
	}
	if uses.Includes == 0 && rules.On(RuleEnvElsewhere) {
		return &Reason{RuleEnvElsewhere, "a macro of another crate uses env!(" + strconv.Quote(e.Name) + "), which is " + e.Value}
	}
	if around, found := w.embeds(e.Value); found && rules.On(RuleEnvOrigin) {
		return &Reason{RuleEnvOrigin, "env!(" + strconv.Quote(e.Name) + ") is embedded: " + around}
	}
	return nil
}
