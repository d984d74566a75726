package builddir

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A recall is what an inspection learnt of the units that its manifest does not
// list: immutable ones that name no checkout. The next inspection of the same
// directory, or of a clone of it, takes a unit's word from there if its hash
// file is still the same one. A build directory of 20,000 files has thousands of
// such units, and reading them is most of what an inspection costs.
//
// The form is text, one unit a line, fields separated by tabs. A line that
// cannot be read is as good as none.
const cacheHeader = "cargo-cow units 4\n"

// Cacheable reports whether all that later inspections need of u can be kept.
func (u *Unit) Cacheable() bool {
	return u.Broken == nil && u.Fingerprint != nil && u.HashKnown && !u.Doc && !u.Mutable() && u.Stamp != Stamp{} &&
		(u.Run || u.SourceList != nil && len(u.SourceList.Deps) > 0)
}

// A Recall is what the next Inspect of the same directory need not read again.
// It is advice: without it an inspection takes longer.
type Cache struct {
	// Keep: all that the last inspection left still serves, and Text is to be
	// added to it; else Text replaces it.
	Keep bool
	Text []byte
}

// NewCache leaves what is still true where it is. It grows by what was built
// since, so that a layer shares the rest with the one before it, and is made anew
// when a quarter of it is about units that are gone.
func (s *Dir) NewCache(units []*Unit) Cache {
	kept := 0
	for _, u := range units {
		if u.Cached {
			kept++
		}
	}
	r := Cache{Keep: s.CacheLines > 0 && (s.CacheLines-kept)*4 < s.CacheLines}
	if !r.Keep {
		r.Text = []byte(cacheHeader)
	}
	for _, u := range units {
		switch {
		case u.Cached && !r.Keep:
			r.Text = append(append(r.Text, u.line...), '\n')
		case u.Cacheable():
			r.Text = append(u.appendLine(r.Text), '\n')
		}
	}
	return r
}

func (u *Unit) appendLine(b []byte) []byte {
	b = fmt.Appendf(b, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\t",
		paths.Escape(u.Record), paths.Escape(u.File), u.Stamp.Mtime, u.Stamp.ino,
		fingerprint.FormatHash(u.Hash), u.Source, u.Kind, u.Started, u.Cost, paths.Escape(u.From))
	for i, d := range u.Fingerprint.Deps {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, fingerprint.FormatHash(d.Hash)...), ':'), d.Name...)
	}
	for _, o := range u.Outputs {
		b = append(append(b, '\t'), paths.Escape(o.Path)...)
	}
	return b
}

// DecodeCache returns the units by the directory of their fingerprint files, and
// the number of lines. What lies further down was learnt later. Where the last
// line is cut, an earlier command was: then none counts, and the file is made
// anew.
func DecodeCache(b []byte) (known map[string]*Unit, lines int) {
	text, ok := strings.CutPrefix(string(b), cacheHeader)
	if !ok || !strings.HasSuffix(text, "\n") {
		return nil, 0
	}
	lines = strings.Count(text, "\n")
	known = make(map[string]*Unit, lines)
	all := make([]Unit, lines)
	for line := range strings.Lines(text) {
		if u := &all[0]; u.decode(strings.TrimSuffix(line, "\n")) {
			known[u.Record] = u
			all = all[1:]
		}
	}
	return known, lines
}

// decode reads a line into u. The names of the outputs it leaves in rest: of
// most units nobody asks for them.
func (u *Unit) decode(line string) bool {
	rest, good := line, true
	field := func() string {
		f, r, ok := strings.Cut(rest, "\t")
		good = good && ok
		rest = r
		return f
	}
	path := func() string {
		p, err := paths.Unescape(field())
		good = good && err == nil && paths.IsLocal(p)
		return p
	}
	number := func() uint64 {
		n, err := strconv.ParseUint(field(), 10, 63)
		good = good && err == nil
		return n
	}
	*u = Unit{line: line, Cached: true, HashKnown: true}
	u.Record, u.File = path(), path()
	u.Stamp.Mtime, u.Stamp.ino = int64(number()), number()
	hash, err := fingerprint.ParseHash([]byte(field()))
	u.Hash, u.Source, u.Kind, u.Started = hash, field(), field(), int64(number())
	u.Cost = int64(number())
	from, badFrom := paths.Unescape(field())
	u.From = from
	deps, rest, _ := strings.Cut(rest, "\t")
	u.CachedOutputs = rest
	return good && err == nil && badFrom == nil && u.decodeDeps(deps)
}

func (u *Unit) decodeDeps(text string) bool {
	if text == "" {
		return true
	}
	u.Needs = make([]need, 0, strings.Count(text, ",")+1)
	for d := range strings.SplitSeq(text, ",") {
		hash, name, ok := strings.Cut(d, ":")
		h, err := fingerprint.ParseHash([]byte(hash))
		if !ok || err != nil {
			return false
		}
		u.Needs = append(u.Needs, need{name, h})
	}
	return true
}

// cachedUnit takes a unit from the recall if it was not built since. It belongs
// to dir only: a recalled unit is used once.
func (s *Dir) cachedUnit(ud UnitDir) *Unit {
	u := s.Cache[ud.Record]
	if u == nil {
		return nil
	}
	now, ok := s.stampFile(u.Record + "/" + u.File)
	if !ok || now != u.Stamp {
		return nil
	}
	kind := u.Kind
	u.UnitDir, u.Key, u.UnitName = ud, ud.Record+"/"+u.File, NameOf(ud, u.File)
	u.Kind, u.Run = kind, kind == KindRun
	return u
}

// LoadTimes looks up when a recalled unit's outputs were written; only units that
// something mutable depends on are asked for it.
func (s *Dir) LoadTimes(u *Unit) {
	if !u.Cached || u.timed {
		return
	}
	u.timed = true
	for p := range strings.SplitSeq(u.CachedOutputs, "\t") {
		if p, err := paths.Unescape(p); err == nil && paths.IsLocal(p) {
			s.addOutput(u, p)
		}
	}
}

// Reload makes of a recalled unit one that was read in full, for a manifest that
// is to list it.
func (s *Dir) Reload(u *Unit) error {
	outs, err := s.outputsIn(u.ProfileDir)
	if err != nil {
		return err
	}
	fresh := &Unit{UnitDir: u.UnitDir, File: u.File, Key: u.Key, Run: u.Run, Deps: u.Deps, Dependents: u.Dependents}
	fresh.UnitName = NameOf(u.UnitDir, u.File)
	if err := s.read(fresh, outs); err != nil {
		return err
	}
	fresh.Classify(s.cargoHome)
	if fresh.Run {
		fresh.Source, fresh.From = u.Source, u.From
	}
	*u = *fresh
	return nil
}
