package cargo

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// span is the time in which a script ran.
type span struct {
	u        *builddir.Unit
	from, to int64
}

// makerFinder finds the runs of scripts that may have left a stray.
type makerFinder struct {
	dir      *builddir.Dir
	from     *checkout.Attribution
	trees    *inputs.TreeReader
	previous *previous
	spans    []span // of the scripts whose runs lie in the directory
	programs map[*builddir.Unit][]byte
}

func newMakerFinder(bd *builddir.Dir, from *checkout.Attribution, trees *inputs.TreeReader, p *previous) *makerFinder {
	f := &makerFinder{dir: bd, from: from, trees: trees, previous: p, programs: map[*builddir.Unit][]byte{}}
	for _, u := range bd.Units {
		if !u.Run || u.Broken != nil || u.Started == 0 {
			continue
		}
		began, cost := u.Started, u.Cost
		if k := p.of(u); k != nil {
			began, cost = k.Built, k.Cost // a restore has changed the times
		}
		f.spans = append(f.spans, span{u, began, began + (cost+1)*int64(time.Millisecond)})
	}
	return f
}

// find returns the runs that may have left a stray; sure: it is as they left it.
func (f *makerFinder) find(s *builddir.Stray) (makers []*builddir.Unit, sure bool) {
	if s.Quiet {
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

// asBefore finds the makers of a stray in the previous manifest, if neither it nor their
// runs have changed.
func (f *makerFinder) asBefore(s *builddir.Stray) (makers []*builddir.Unit) {
	k := f.previous.strays[s.Path]
	if k == nil || k.Mtime != nanoseconds(s.Stat.Mtime) || k.Size != int64(s.Stat.Size) && s.Link == "" {
		return nil
	}
	for _, i := range k.Units {
		key := f.previous.manifest.Units[i].Key()
		n := slices.IndexFunc(f.spans, func(p span) bool { return p.u.Key == key && f.previous.of(p.u) != nil })
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
func (f *makerFinder) byTime(s *builddir.Stray) (makers []*builddir.Unit, sure bool) {
	born, written, changed := nanoseconds(s.Stat.Btime), nanoseconds(s.Stat.Mtime), nanoseconds(s.Stat.Ctime)
	for _, p := range f.spans {
		in := func(t int64) bool { return p.from <= t && t <= p.to }
		last := in(written) || in(changed)
		if last || s.Stat.Mask&unix.STATX_BTIME != 0 && in(born) {
			makers = append(makers, p.u)
			sure = sure || last
		}
	}
	return makers, sure
}

// shortName is the length below which a name says nothing: any program may hold it.
const shortName = 6

// byName finds the scripts of the workspace that may have left a stray at an earlier run:
// their program holds its name, or their package has a file of that name, or the stray
// is a link into the package.
func (f *makerFinder) byName(s *builddir.Stray) (makers []*builddir.Unit) {
	inProfile := slices.ContainsFunc(f.dir.Profiles, func(p string) bool { return strings.HasPrefix(s.Path, p+"/") })
	if s.HoldsBuild && !inProfile {
		return nil // a tool's: its name tells
	}
	base := []string{path.Base(s.Top)}
	if name := path.Base(s.Path); name != base[0] {
		base = append(base, name)
	}
	for _, p := range f.spans {
		u := p.u
		if !u.Mutable() {
			continue
		}
		pkg := f.from.PackageOf(u)
		named := slices.ContainsFunc(base, func(n string) bool { return len(n) >= shortName && bytes.Contains(f.program(u), []byte(n)) })
		if !named && inProfile && pkg != nil {
			named = f.packageHas(pkg, base[0]) || s.Link != "" && f.leadsInto(s, pkg)
		}
		if named {
			makers = append(makers, u)
		}
	}
	return makers
}

// program returns the content of the program of a run.
func (f *makerFinder) program(run *builddir.Unit) []byte {
	if text, ok := f.programs[run]; ok {
		return text
	}
	var text []byte
	for _, d := range run.Deps {
		if d == nil || d.Kind != builddir.KindScript {
			continue
		}
		files, _ := builddir.DiskUnit{Dir: f.dir, Unit: d}.SeenByDependents()
		for _, p := range files {
			b, _ := os.ReadFile(filepath.Join(f.dir.Path, p))
			text = append(append(text, b...), 0)
		}
	}
	f.programs[run] = text
	return text
}

func (f *makerFinder) packageHas(pkg *project.Package, base string) bool {
	entries, _, err := f.trees.Read(f.from.HomeOf(pkg), manifest.ScopePackage)
	return err != nil || slices.ContainsFunc(entries, func(e manifest.TreeEntry) bool { return path.Base(string(e.Path)) == base })
}

func (f *makerFinder) leadsInto(s *builddir.Stray, pkg *project.Package) bool {
	real, err := filepath.EvalSymlinks(filepath.Join(f.dir.Path, s.Path))
	if err != nil {
		real = s.Link
	}
	_, into := paths.Under(real, pkg.Root)
	_, own := paths.Under(real, f.from.Checkout.Workspace.BuildDir)
	return into && !own
}
