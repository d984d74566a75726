package cargo

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"golang.org/x/sys/unix"
)

// metaDir is where this program keeps what it knows of a build directory.
const metaDir = paths.TreeMeta

// Stray is something that the run of a script left in the build directory, but
// outside its own directory. It stays and goes with that run.
type Stray struct {
	Path  Path  `json:"path"`
	Size  int64 `json:"size"`
	Mtime int64 `json:"mtime"` // ns
	// Link is where a symbolic link leads, if its text is another one in each
	// place.
	Link *Loc `json:"link,omitempty"`
	// Units are the runs that may have left it: several, where they ran at once.
	Units []int `json:"units"`
}

// kept is a stray whose makers are known.
type keptStray struct {
	*stray
	makers []*built
	to     *Loc // where a link leads, if that moves
}

// span is the time in which a script ran.
type span struct {
	u        *built
	from, to int64
}

// findStrays looks for what lies beside the units, and for the script that left
// it: what was made while a script ran is its own. A layer has nothing that
// nobody accounts for; and where it cannot be told that something is still as
// its script left it, the layer has it not, and the script runs again. It must be
// called before bury: what belongs to a unit that is buried is no stray.
func (b *inspector) findStrays() error {
	found, err := lookAround(b.dir.dir, b.dir.profiles, b.dir.units)
	if err != nil {
		return err
	}
	for _, p := range found.placed {
		b.manifest.Placed = append(b.manifest.Placed, Path(p))
	}
	b.around = found
	f := &makerFinder{b: b, spans: b.spans()}
	keeps := map[string]bool{}
	var dead []*stray
	for _, s := range found.strays {
		makers, sure := f.find(s)
		switch {
		case len(makers) == 0:
		case s.builds:
			b.doubt(makers, "it built in "+s.path)
		case !sure:
			b.doubt(makers, s.path+" may be its own, and changed since")
		default:
			b.strays = append(b.strays, &keptStray{stray: s, makers: makers})
			keeps[s.top] = true
			continue
		}
		dead = append(dead, s)
	}
	for _, s := range dead {
		if slices.ContainsFunc(found.nested, func(n string) bool { return strings.HasPrefix(n, s.top+"/") }) {
			keeps[s.top] = true
		}
	}
	seen := map[string]bool{}
	for _, s := range dead {
		rel := s.path
		if !keeps[s.top] {
			rel = s.top
		}
		if !seen[rel] {
			seen[rel] = true
			b.manifest.Dead = append(b.manifest.Dead, rel)
			if !s.quiet {
				b.manifest.Left = append(b.manifest.Left, Path(rel))
			}
		}
	}
	return b.elsewhereStrays()
}

// doubt has scripts run again, wherever the layer is restored.
func (b *inspector) doubt(makers []*built, detail string) {
	for _, u := range makers {
		if b.doubts[u] == "" {
			b.doubts[u] = detail
		}
	}
}

// elsewhereStrays finds what scripts have left in the artifact directory, where
// that is another one. No layer has it.
func (b *inspector) elsewhereStrays() error {
	ws := b.in.Place.Workspace
	if ws.TargetDir == "" || ws.Outer != "" || filepath.Clean(ws.TargetDir) == filepath.Clean(ws.BuildDir) {
		return nil
	}
	profiles, err := Profiles(ws.TargetDir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := lookAround(ws.TargetDir, profiles, b.dir.units)
	if err != nil {
		return err
	}
	f := &makerFinder{b: b, spans: b.spans()}
	for _, s := range found.strays {
		if _, own := paths.Under(ws.TargetDir+"/"+s.path, ws.BuildDir); own || s.quiet {
			continue
		}
		makers, _ := f.byTime(s)
		for _, u := range makers {
			b.away[u] = "it left " + s.path + " in the artifact directory"
		}
	}
	return nil
}

// spans lists when the scripts ran whose runs lie in the directory.
func (b *inspector) spans() []span {
	var list []span
	for _, u := range b.dir.units {
		if !u.run || u.broken != nil || u.depTime == 0 {
			continue
		}
		from, cost := u.depTime, u.cost
		if k := b.inherits(u); k != nil {
			from, cost = k.Built, k.Cost // a restore has changed the times
		}
		list = append(list, span{u, from, from + (cost+1)*int64(time.Millisecond)})
	}
	return list
}

// makerFinder finds which scripts left something.
type makerFinder struct {
	b        *inspector
	spans    []span
	programs map[*built][]byte
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
	if f.b.in.Previous == nil {
		return nil
	}
	if f.b.before == nil {
		f.b.before = map[string]*Stray{}
		for i := range f.b.in.Previous.Strays {
			f.b.before[string(f.b.in.Previous.Strays[i].Path)] = &f.b.in.Previous.Strays[i]
		}
	}
	k := f.b.before[s.path]
	if k == nil || k.Mtime != nanoseconds(s.st.Mtime) || k.Size != int64(s.st.Size) && s.link == "" {
		return nil
	}
	for _, i := range k.Units {
		key := f.b.in.Previous.Units[i].key()
		n := slices.IndexFunc(f.spans, func(p span) bool { return p.u.key == key && f.b.inherits(p.u) != nil })
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
	_, inProfile := f.profileOf(s.path)
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
		pkg := f.b.from.packageOf(u)
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

func (f *makerFinder) profileOf(rel string) (string, bool) {
	for _, p := range f.b.dir.profiles {
		if strings.HasPrefix(rel, p+"/") {
			return p, true
		}
	}
	return "", false
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
		files, _ := held{f.b.dir, d}.seen()
		for _, p := range files {
			b, _ := os.ReadFile(filepath.Join(f.b.dir.dir, p))
			text = append(append(text, b...), 0)
		}
	}
	if f.programs == nil {
		f.programs = map[*built][]byte{}
	}
	f.programs[run] = text
	return text
}

func (f *makerFinder) packageHas(pkg *Package, base string) bool {
	entries, _, err := f.b.trees.read(f.b.home(pkg), scopePackage)
	return err != nil || slices.ContainsFunc(entries, func(e TreeEntry) bool { return path.Base(string(e.Path)) == base })
}

func (f *makerFinder) leadsInto(s *stray, pkg *Package) bool {
	real, err := filepath.EvalSymlinks(filepath.Join(f.b.dir.dir, s.path))
	if err != nil {
		real = s.link
	}
	_, into := paths.Under(real, pkg.Root)
	_, own := paths.Under(real, f.b.in.Place.Workspace.BuildDir)
	return into && !own
}

// describeStrays adds to what is said of their makers what strays say against
// keeping these, and returns the makers. It must be called after bury.
func (b *inspector) describeStrays() (makers []*built, err error) {
	live := map[*built]bool{}
	for _, u := range b.dir.units {
		live[u] = true
	}
	b.strays = slices.DeleteFunc(b.strays, func(s *keptStray) bool {
		stay := slices.DeleteFunc(slices.Clone(s.makers), func(u *built) bool { return !live[u] })
		if len(stay) == len(s.makers) {
			return false
		}
		// A unit that no build can ask for may have left it.
		b.doubt(stay, s.path+" may be its own, or of a package that the lockfile has no more")
		b.manifest.Dead = append(b.manifest.Dead, s.path)
		return true
	})
	for _, s := range b.strays {
		for _, u := range s.makers {
			unit, err := b.unit(u)
			if err != nil {
				return nil, err
			}
			if err := b.describeStray(s, u, unit); err != nil {
				return nil, err
			}
			makers = append(makers, u)
		}
	}
	for u, detail := range b.doubts {
		if !live[u] {
			continue
		}
		unit, err := b.unit(u)
		if err != nil {
			return nil, err
		}
		b.always(unit, RuleLeftOutside, detail)
		makers = append(makers, u)
	}
	for u, detail := range b.away {
		if !live[u] {
			continue
		}
		unit, err := b.unit(u)
		if err != nil {
			return nil, err
		}
		b.againElsewhere(unit, detail)
		makers = append(makers, u)
	}
	return makers, nil
}

// againElsewhere says so once, also of a run that an earlier inspection knew.
func (b *inspector) againElsewhere(unit *Unit, detail string) {
	if r := (Reason{RuleLeftOutside, detail}); !slices.Contains(unit.Elsewhere, r) {
		unit.Elsewhere = append(unit.Elsewhere, r)
	}
}

// describeStray looks in what a script left for what it would not leave in
// another place.
func (b *inspector) describeStray(s *keptStray, u *built, unit *Unit) error {
	own := &b.from.origins[unit.Origin]
	if s.link != "" {
		loc, ok := b.leads(s.stray, own)
		if !ok {
			b.againElsewhere(unit, s.path+" leads to "+s.link)
		}
		s.to = loc
		return nil
	}
	full := filepath.Join(b.dir.dir, s.path)
	fi, err := os.Lstat(full)
	if err != nil || fi.IsDir() {
		return err
	}
	text, err := contentText(full, fs.FileInfoToDirEntry(fi))
	if err != nil {
		return err
	}
	for _, o := range []*Origin{&b.from.origins[0], own} {
		if name, found := o.mentions(text); found {
			b.againElsewhere(unit, s.path+" holds "+name)
			break
		}
	}
	unit.Commit = unit.Commit || unit.Mutable && own.mentionsCommit(text)
	if s.st.Nlink > 1 && b.namesInside(s.stray, u) < int(s.st.Nlink) {
		b.againElsewhere(unit, s.path+" is one file with another outside of the build directory")
	}
	return nil
}

// leads returns where a link leads, nil where its text is the same in every
// place. ok is false where nothing tells what its text would be in another.
func (b *inspector) leads(s *stray, own *Origin) (loc *Loc, ok bool) {
	if !filepath.IsAbs(s.link) {
		to := filepath.Join(b.in.Place.Workspace.BuildDir, path.Dir(s.path), s.link)
		l, _ := b.from.origins[0].locate(to)
		switch l.Base {
		case BaseBuild:
			return nil, true
		case BaseFixed:
			return nil, false
		}
		return &l, true
	}
	for _, o := range []*Origin{&b.from.origins[0], own} {
		if l, _ := o.locate(s.link); l.Base != BaseFixed {
			return &l, true
		}
	}
	return nil, true
}

// namesInside counts the names of a file among the strays and in what its script
// wrote.
func (b *inspector) namesInside(s *stray, u *built) int {
	n := 0
	for _, other := range b.around.strays {
		if other.st.Ino == s.st.Ino && !other.dir {
			n++
		}
	}
	_, outDir, _ := u.script()
	_ = filepath.WalkDir(filepath.Join(b.dir.dir, outDir), func(name string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && d.Type().IsRegular() && unix.Lstat(name, &st) == nil && st.Ino == s.st.Ino {
			n++
		}
		return nil
	})
	return n
}

// listStrays completes the manifest when the index of every unit is known.
func (b *inspector) listStrays() {
	for _, s := range b.strays {
		entry := Stray{Path: Path(s.path), Size: int64(s.st.Size), Mtime: nanoseconds(s.st.Mtime), Link: s.to}
		for _, u := range s.makers {
			if i := b.index[u]; !slices.Contains(entry.Units, i) {
				entry.Units = append(entry.Units, i)
			}
		}
		b.manifest.Strays = append(b.manifest.Strays, entry)
	}
}
