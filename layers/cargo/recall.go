package cargo

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

// A recall is what an inspection learnt of the units that its manifest does not
// list: immutable ones that name no checkout. The next inspection of the same
// directory, or of a clone of it, takes a unit's word from there if its hash
// file is still the same one. A build directory of 20,000 files has thousands of
// such units, and reading them is most of what an inspection costs.
//
// The form is text, one unit a line, fields separated by tabs. A line that
// cannot be read is as good as none.
const recallHeader = "cargo-cow units 4\n"

// stampOf identifies one writing of a file.
type stampOf struct {
	mtime int64
	ino   uint64
}

// stampFile looks at a file of the build directory. The name is relative to it:
// that saves the kernel half of the way to each of thousands of files.
func (s *scanned) stampFile(name string) (stampOf, bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(s.fd, name, &st, 0); err != nil {
		return stampOf{}, false
	}
	return stampOf{st.Mtim.Nano(), st.Ino}, true
}

// recallable reports whether all that later inspections need of u can be kept.
func (u *built) recallable() bool {
	return u.broken == nil && u.print != nil && u.hashKnown && !u.doc && !u.mutable() && u.stamped != stampOf{} &&
		(u.run || u.rustc != nil && len(u.rustc.Deps) > 0)
}

// A Recall is what the next Inspect of the same directory need not read again.
// It is advice: without it an inspection takes longer.
type Recall struct {
	// Keep: all that the last inspection left still serves, and Text is to be
	// added to it; else Text replaces it.
	Keep bool
	Text []byte
}

// newRecall leaves what is still true where it is. It grows by what was built
// since, so that a layer shares the rest with the one before it, and is made anew
// when a quarter of it is about units that are gone.
func (s *scanned) newRecall(units []*built) Recall {
	kept := 0
	for _, u := range units {
		if u.recalled {
			kept++
		}
	}
	r := Recall{Keep: s.lines > 0 && (s.lines-kept)*4 < s.lines}
	if !r.Keep {
		r.Text = []byte(recallHeader)
	}
	for _, u := range units {
		switch {
		case u.recalled && !r.Keep:
			r.Text = append(append(r.Text, u.line...), '\n')
		case u.recallable():
			r.Text = append(u.appendLine(r.Text), '\n')
		}
	}
	return r
}

func (u *built) appendLine(b []byte) []byte {
	b = fmt.Appendf(b, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\t",
		escapePath(u.record), escapePath(u.file), u.stamped.mtime, u.stamped.ino,
		fingerprint.FormatHash(u.hash), u.source, u.Kind, u.depTime, u.cost, escapePath(u.from))
	for i, d := range u.print.Deps {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, fingerprint.FormatHash(d.Hash)...), ':'), d.Name...)
	}
	for _, o := range u.outputs {
		b = append(append(b, '\t'), escapePath(o.path)...)
	}
	return b
}

// decodeRecall returns the units by the directory of their fingerprint files, and
// the number of lines. What lies further down was learnt later. Where the last
// line is cut, an earlier command was: then none counts, and the file is made
// anew.
func decodeRecall(b []byte) (known map[string]*built, lines int) {
	text, ok := strings.CutPrefix(string(b), recallHeader)
	if !ok || !strings.HasSuffix(text, "\n") {
		return nil, 0
	}
	lines = strings.Count(text, "\n")
	known = make(map[string]*built, lines)
	all := make([]built, lines)
	for line := range strings.Lines(text) {
		if u := &all[0]; u.decode(strings.TrimSuffix(line, "\n")) {
			known[u.record] = u
			all = all[1:]
		}
	}
	return known, lines
}

// decode reads a line into u. The names of the outputs it leaves in rest: of
// most units nobody asks for them.
func (u *built) decode(line string) bool {
	rest, good := line, true
	field := func() string {
		f, r, ok := strings.Cut(rest, "\t")
		good = good && ok
		rest = r
		return f
	}
	path := func() string {
		p, err := unescapePath(field())
		good = good && err == nil && isLocal(p)
		return p
	}
	number := func() uint64 {
		n, err := strconv.ParseUint(field(), 10, 63)
		good = good && err == nil
		return n
	}
	*u = built{line: line, recalled: true, hashKnown: true}
	u.record, u.file = path(), path()
	u.stamped.mtime, u.stamped.ino = int64(number()), number()
	hash, err := fingerprint.ParseHash([]byte(field()))
	u.hash, u.source, u.Kind, u.depTime = hash, field(), field(), int64(number())
	u.cost = int64(number())
	from, badFrom := unescapePath(field())
	u.from = from
	deps, rest, _ := strings.Cut(rest, "\t")
	u.rest = rest
	return good && err == nil && badFrom == nil && u.decodeDeps(deps)
}

func (u *built) decodeDeps(text string) bool {
	if text == "" {
		return true
	}
	u.needs = make([]need, 0, strings.Count(text, ",")+1)
	for d := range strings.SplitSeq(text, ",") {
		hash, name, ok := strings.Cut(d, ":")
		h, err := fingerprint.ParseHash([]byte(hash))
		if !ok || err != nil {
			return false
		}
		u.needs = append(u.needs, need{name, h})
	}
	return true
}

// recallUnit takes a unit from the recall if it was not built since. It belongs
// to dir only: a recalled unit is used once.
func (s *scanned) recallUnit(ud unitDir) *built {
	u := s.recall[ud.record]
	if u == nil {
		return nil
	}
	now, ok := s.stampFile(u.record + "/" + u.file)
	if !ok || now != u.stamped {
		return nil
	}
	kind := u.Kind
	u.unitDir, u.key, u.UnitName = ud, ud.record+"/"+u.file, unitName(ud, u.file)
	u.Kind, u.run = kind, kind == kindRun
	return u
}

// times looks up when a recalled unit's outputs were written; only units that
// something mutable depends on are asked for it.
func (s *scanned) times(u *built) {
	if !u.recalled || u.timed {
		return
	}
	u.timed = true
	for p := range strings.SplitSeq(u.rest, "\t") {
		if p, err := unescapePath(p); err == nil && isLocal(p) {
			s.addOutput(u, p)
		}
	}
}

// reread makes of a recalled unit one that was read in full, for a manifest that
// is to list it.
func (s *scanned) reread(u *built) error {
	outs, err := s.outputsIn(u.profile)
	if err != nil {
		return err
	}
	fresh := &built{unitDir: u.unitDir, file: u.file, key: u.key, run: u.run, deps: u.deps, above: u.above}
	fresh.UnitName = unitName(u.unitDir, u.file)
	if err := s.read(fresh, outs); err != nil {
		return err
	}
	fresh.classify(s.cargoHome)
	if fresh.run {
		fresh.source, fresh.from = u.source, u.from
	}
	*u = *fresh
	return nil
}
