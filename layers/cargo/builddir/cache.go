package builddir

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// The unit cache holds what an inspection has read of the units that its manifest does
// not list: immutable ones that name no checkout. The next inspection of the same
// directory, or of a clone of it, takes a unit from there if its hash file is still the
// same one. A build directory of 20,000 files has thousands of such units, and reading
// them is most of what an inspection costs.
//
// Its form is text, one unit a line, fields separated by tabs. A line that cannot be
// read is ignored. Tabs at the end of a line mean nothing: each writer fills the last
// block with them, so that who appends leaves the blocks before it as they are. On
// Btrfs a block that is written again stays as part of its extent, and is said to be
// shared with whoever has the rest of that.
const cacheHeader = "cargo-cow units 5\n"

// cacheBlock is what file systems allocate at least, in bytes: 4 KiB but where pages are larger.
const cacheBlock = 4096

// Cacheable reports whether the unit cache can hold all that later inspections need of
// u.
func (u *Unit) Cacheable() bool {
	return u.Broken == nil && u.Fingerprint != nil && u.HashKnown && !u.Doc && !u.Mutable() && u.stamp != stamp{} &&
		(u.Run || u.SourceList != nil && len(u.SourceList.Deps) > 0)
}

// Cache is the unit cache as an inspection leaves it for the next one of the same
// directory. It is advice: without it an inspection takes longer.
type Cache struct {
	// Keep: the unit cache that is there still serves, and Text is to be appended to
	// it; else Text replaces it.
	Keep bool
	// Text is one line for each unit, after a header where it replaces what is there.
	Text []byte
}

// NewCache returns the unit cache for these units of d. What was built since the last
// one is appended to that, so that a layer shares the rest with the one before it;
// when a quarter of its lines are about units that are gone, it is written anew.
func (d *Dir) NewCache(units []*Unit) Cache {
	kept := 0
	for _, u := range units {
		if u.Cached {
			kept++
		}
	}
	r := Cache{Keep: d.cacheLines > 0 && (d.cacheLines-kept)*4 < d.cacheLines}
	before, header := d.cacheSize, ""
	if !r.Keep {
		before, header = 0, cacheHeader
	}
	r.Text = []byte(header)
	for _, u := range units {
		switch {
		case u.Cached && !r.Keep:
			r.Text = append(append(r.Text, u.line...), '\n')
		case u.Cacheable():
			r.Text = append(u.appendLine(r.Text), '\n')
		}
	}
	if n := len(r.Text); n > len(header) {
		fill := -(before + n) & (cacheBlock - 1)
		r.Text = append(append(r.Text[:n-1], bytes.Repeat([]byte("\t"), fill)...), '\n')
	}
	return r
}

// WholeCache returns the text of a unit cache for these units of d, nothing appended to
// what is there.
func (d *Dir) WholeCache(units []*Unit) []byte {
	d.cacheLines = 0
	return d.NewCache(units).Text
}

func (u *Unit) appendLine(b []byte) []byte {
	b = fmt.Appendf(b, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\t",
		paths.Escape(u.Dir.Record), paths.Escape(u.File), u.stamp.mtime, u.stamp.ino,
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

// DecodeCache returns the units of a unit cache by the directory of their fingerprint
// files, and the number of its lines. Of two lines on one directory the lower one is
// newer, and counts. Where the last line is cut off, the command that wrote it was
// interrupted: then no line counts, and the file is written anew.
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
			known[u.Dir.Record] = u
			all = all[1:]
		}
	}
	return known, lines
}

// decode reads a line into u. It leaves the names of the outputs encoded, in
// cachedOutputs: they are needed of few units.
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
	u.Dir.Record, u.File = path(), path()
	u.stamp.mtime, u.stamp.ino = int64(number()), number()
	hash, err := fingerprint.ParseHash([]byte(field()))
	u.Hash, u.Source, u.Kind, u.Started = hash, field(), field(), int64(number())
	u.Cost = int64(number())
	from, badFrom := paths.Unescape(field())
	u.From = from
	deps, rest, _ := strings.Cut(rest, "\t")
	u.cachedOutputs = strings.TrimRight(rest, "\t")
	u.line = line[:len(line)-(len(rest)-len(u.cachedOutputs))]
	return good && err == nil && badFrom == nil && u.decodeDeps(deps)
}

func (u *Unit) decodeDeps(text string) bool {
	if text == "" {
		return true
	}
	u.Needs = make([]Need, 0, strings.Count(text, ",")+1)
	for d := range strings.SplitSeq(text, ",") {
		hash, name, ok := strings.Cut(d, ":")
		h, err := fingerprint.ParseHash([]byte(hash))
		if !ok || err != nil {
			return false
		}
		u.Needs = append(u.Needs, Need{name, h})
	}
	return true
}

// cachedUnit takes a unit from the unit cache if it was not built since; nil if it is not
// there. The unit belongs to d from then on: it is taken once.
func (d *Dir) cachedUnit(ud UnitDir) *Unit {
	u := d.cache[ud.Record]
	if u == nil {
		return nil
	}
	now, ok := d.stampFile(u.Dir.Record + "/" + u.File)
	if !ok || now != u.stamp {
		return nil
	}
	kind := u.Kind
	u.Dir, u.Key, u.UnitName = ud, ud.Record+"/"+u.File, NameOf(ud, u.File)
	u.Kind, u.Run = kind, kind == KindRun
	return u
}

// CacheKnows reports whether the unit cache that d was scanned with tells of this build
// of u. The time of its hash file decides: a copy made file by file has other inodes.
func (d *Dir) CacheKnows(u *Unit) bool {
	c := d.cache[u.Dir.Record]
	return c != nil && c.File == u.File && c.stamp.mtime == u.stamp.mtime
}

// CheckedOnly reports of a Cached unit whether cargo check has made it: it has metadata
// and nothing to link.
func (u *Unit) CheckedOnly() bool {
	return strings.Contains(u.cachedOutputs, ".rmeta") && !strings.Contains(u.cachedOutputs, ".rlib")
}

// LoadTimes fills in the outputs of a Cached unit, with the times they were written. Only
// what mutable units depend on needs that.
func (d *Dir) LoadTimes(u *Unit) {
	if !u.Cached || u.timed {
		return
	}
	u.timed = true
	for p := range strings.SplitSeq(u.cachedOutputs, "\t") {
		if p, err := paths.Unescape(p); err == nil && paths.IsLocal(p) {
			d.addOutput(u, p)
		}
	}
}

// Reload reads a Cached unit in full, for a manifest that is to list it.
func (d *Dir) Reload(u *Unit) error {
	outs, err := d.outputsIn(u.Profile)
	if err != nil {
		return err
	}
	fresh := &Unit{Dir: u.Dir, File: u.File, Key: u.Key, Run: u.Run, Deps: u.Deps, Dependents: u.Dependents}
	fresh.UnitName = NameOf(u.Dir, u.File)
	if err := d.read(fresh, outs); err != nil {
		return err
	}
	fresh.Classify(d.cargoHome)
	if fresh.Run {
		fresh.Source, fresh.From = u.Source, u.From
	}
	*u = *fresh
	return nil
}
