package cargo

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"golang.org/x/sys/unix"
)

// span is the time in which a script ran.
type span struct {
	u        *built
	from, to int64
}

// makerFinder finds which scripts left something.
type makerFinder struct {
	dir      *scanned
	from     *attribution
	trees    *treeReader
	previous *previous
	spans    []span // of the scripts whose runs lie in the directory
	programs map[*built][]byte
}

func newMakerFinder(s *scanned, from *attribution, trees *treeReader, p *previous) *makerFinder {
	f := &makerFinder{dir: s, from: from, trees: trees, previous: p, programs: map[*built][]byte{}}
	for _, u := range s.units {
		if !u.run || u.broken != nil || u.depTime == 0 {
			continue
		}
		began, cost := u.depTime, u.cost
		if k := p.of(u); k != nil {
			began, cost = k.Built, k.Cost // a restore has changed the times
		}
		f.spans = append(f.spans, span{u, began, began + (cost+1)*int64(time.Millisecond)})
	}
	return f
}

// find returns the runs that may have left a stray; sure: it is as they left it.
func (f *makerFinder) find(s *stray) (makers []*built, sure bool) {
	if s.quiet {
		return nil, false
	}
	if makers = f.asBefore(s); makers != nil {
		return makers, true
	}
	if makers, sure = f.byTime(s); makers != nil {
		return makers, sure
	}
	return f.byName(s), false
}

// asBefore finds a stray in the former manifest, where neither it nor what its
// makers have made has changed.
func (f *makerFinder) asBefore(s *stray) (makers []*built) {
	k := f.previous.strays[s.path]
	if k == nil || k.Mtime != nanoseconds(s.st.Mtime) || k.Size != int64(s.st.Size) && s.link == "" {
		return nil
	}
	for _, i := range k.Units {
		key := f.previous.manifest.Units[i].key()
		n := slices.IndexFunc(f.spans, func(p span) bool { return p.u.key == key && f.previous.of(p.u) != nil })
		if n < 0 {
			return nil
		}
		makers = append(makers, f.spans[n].u)
	}
	return makers
}

func nanoseconds(t unix.StatxTimestamp) int64 { return t.Sec*int64(time.Second) + int64(t.Nsec) }

// byTime finds the scripts that ran when a stray was made or written. What was
// written, or got its name or mode, while one ran is as it was left then: whoever
// writes it later changes both times.
func (f *makerFinder) byTime(s *stray) (makers []*built, sure bool) {
	born, written, changed := nanoseconds(s.st.Btime), nanoseconds(s.st.Mtime), nanoseconds(s.st.Ctime)
	for _, p := range f.spans {
		in := func(t int64) bool { return p.from <= t && t <= p.to }
		last := in(written) || in(changed)
		if last || s.st.Mask&unix.STATX_BTIME != 0 && in(born) {
			makers = append(makers, p.u)
			sure = sure || last
		}
	}
	return makers, sure
}

// shortName is a length below which a name says nothing: any program has it in it.
const shortName = 6

// byName finds the scripts of the workspace that may have left something at some
// earlier run: their program has its name in it, or their package has a file of
// that name, or the link leads into the package.
func (f *makerFinder) byName(s *stray) (makers []*built) {
	inProfile := slices.ContainsFunc(f.dir.profiles, func(p string) bool { return strings.HasPrefix(s.path, p+"/") })
	if s.builds && !inProfile {
		return nil // a tool's: its name tells
	}
	base := []string{path.Base(s.top)}
	if name := path.Base(s.path); name != base[0] {
		base = append(base, name)
	}
	for _, p := range f.spans {
		u := p.u
		if !u.mutable() {
			continue
		}
		pkg := f.from.packageOf(u)
		named := slices.ContainsFunc(base, func(n string) bool { return len(n) >= shortName && bytes.Contains(f.program(u), []byte(n)) })
		if !named && inProfile && pkg != nil {
			named = f.packageHas(pkg, base[0]) || s.link != "" && f.leadsInto(s, pkg)
		}
		if named {
			makers = append(makers, u)
		}
	}
	return makers
}

// program is what the script of a run consists of.
func (f *makerFinder) program(run *built) []byte {
	if text, ok := f.programs[run]; ok {
		return text
	}
	var text []byte
	for _, d := range run.deps {
		if d == nil || d.Kind != kindScript {
			continue
		}
		files, _ := held{f.dir, d}.seen()
		for _, p := range files {
			b, _ := os.ReadFile(filepath.Join(f.dir.dir, p))
			text = append(append(text, b...), 0)
		}
	}
	f.programs[run] = text
	return text
}

func (f *makerFinder) packageHas(pkg *Package, base string) bool {
	entries, _, err := f.trees.read(f.from.home(pkg), scopePackage)
	return err != nil || slices.ContainsFunc(entries, func(e TreeEntry) bool { return path.Base(string(e.Path)) == base })
}

func (f *makerFinder) leadsInto(s *stray, pkg *Package) bool {
	real, err := filepath.EvalSymlinks(filepath.Join(f.dir.dir, s.path))
	if err != nil {
		real = s.link
	}
	_, into := paths.Under(real, pkg.Root)
	_, own := paths.Under(real, f.from.place.Workspace.BuildDir)
	return into && !own
}
