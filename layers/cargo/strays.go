package cargo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

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

// keptStray is a stray whose makers are known.
type keptStray struct {
	*stray
	makers []*built
	to     *Loc // where a link leads, if that moves
}

// leftovers are the strays of a build directory, by what becomes of them.
type leftovers struct {
	dir    *scanned
	from   *attribution
	beside *around
	kept   []*keptStray
	dead   []string // paths that no layer has, and of those what somebody may miss:
	left   []Path
	// Why scripts run again for what they left: doubts anywhere, away in any place
	// but the origin.
	doubts, away map[*built]string
}

// newLeftovers has found nothing yet in s.
func newLeftovers(s *scanned, from *attribution) *leftovers {
	return &leftovers{dir: s, from: from, beside: &around{}, doubts: map[*built]string{}, away: map[*built]string{}}
}

// find looks for what lies beside the units, and for the script that left it: what was
// made while a script ran is its own. A layer has nothing that nobody accounts for; and
// where it cannot be told that something is still as its script left it, the layer has
// it not, and the script runs again. It must be called before dropDead: what belongs to
// a unit that is dead is no stray.
func (l *leftovers) find(f *makerFinder) (err error) {
	if l.beside, err = lookAround(l.dir.dir, l.dir.profiles, l.dir.units); err != nil {
		return err
	}
	l.leaveOut(l.keep(f))
	return l.findAway(f)
}

// keep keeps the strays of which it is sure that they are as some script left them, and
// returns the others.
func (l *leftovers) keep(f *makerFinder) (dead []*stray) {
	for _, s := range l.beside.strays {
		makers, sure := f.find(s)
		switch {
		case len(makers) == 0:
		case s.builds:
			l.doubt(makers, "it built in "+s.path)
		case !sure:
			l.doubt(makers, s.path+" may be its own, and changed since")
		default:
			l.kept = append(l.kept, &keptStray{stray: s, makers: makers})
			continue
		}
		dead = append(dead, s)
	}
	return dead
}

// doubt has scripts run again, wherever the layer is restored.
func (l *leftovers) doubt(makers []*built, detail string) {
	for _, u := range makers {
		if l.doubts[u] == "" {
			l.doubts[u] = detail
		}
	}
}

// leaveOut keeps strays out of the layer: all that they lie in, unless that holds
// something which is kept.
func (l *leftovers) leaveOut(dead []*stray) {
	holds := map[string]bool{}
	for _, s := range l.kept {
		holds[s.top] = true
	}
	for _, s := range dead {
		if slices.ContainsFunc(l.beside.nested, func(n string) bool { return strings.HasPrefix(n, s.top+"/") }) {
			holds[s.top] = true
		}
	}
	seen := map[string]bool{}
	for _, s := range dead {
		rel := s.top
		if holds[s.top] {
			rel = s.path
		}
		if !seen[rel] {
			seen[rel] = true
			l.dead = append(l.dead, rel)
			if !s.quiet {
				l.left = append(l.left, Path(rel))
			}
		}
	}
}

// findAway finds what scripts have left in the artifact directory, where that is
// another one. No layer has it.
func (l *leftovers) findAway(f *makerFinder) error {
	ws := l.from.place.Workspace
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
	found, err := lookAround(ws.TargetDir, profiles, l.dir.units)
	if err != nil {
		return err
	}
	for _, s := range found.strays {
		if _, own := paths.Under(ws.TargetDir+"/"+s.path, ws.BuildDir); own || s.quiet {
			continue
		}
		makers, _ := f.byTime(s)
		for _, u := range makers {
			l.away[u] = "it left " + s.path + " in the artifact directory"
		}
	}
	return nil
}

// describe adds to what is said of their makers what strays say against keeping these,
// and returns the makers. units are those that are not dead, each described by unit.
func (l *leftovers) describe(unit func(*built) (*Unit, error)) (makers []*built, err error) {
	l.dropOfDead()
	for _, s := range l.kept {
		for _, u := range s.makers {
			described, err := unit(u)
			if err != nil {
				return nil, err
			}
			if err := l.describeStray(s, u, described); err != nil {
				return nil, err
			}
			makers = append(makers, u)
		}
	}
	for _, u := range l.dir.units {
		doubt, away := l.doubts[u], l.away[u]
		if doubt == "" && away == "" {
			continue
		}
		described, err := unit(u)
		if err != nil {
			return nil, err
		}
		if doubt != "" && described.Always == nil {
			described.Always = &Reason{RuleLeftOutside, doubt}
		}
		if away != "" {
			againElsewhere(described, away)
		}
		makers = append(makers, u)
	}
	return makers, nil
}

// dropOfDead leaves out what a unit that no build can ask for may have left.
func (l *leftovers) dropOfDead() {
	live := map[*built]bool{}
	for _, u := range l.dir.units {
		live[u] = true
	}
	l.kept = slices.DeleteFunc(l.kept, func(s *keptStray) bool {
		stay := slices.DeleteFunc(slices.Clone(s.makers), func(u *built) bool { return !live[u] })
		if len(stay) == len(s.makers) {
			return false
		}
		l.doubt(stay, s.path+" may be its own, or of a package that the lockfile has no more")
		l.dead = append(l.dead, s.path)
		return true
	})
}

// againElsewhere says so once, also of a run that an earlier inspection knew.
func againElsewhere(unit *Unit, detail string) {
	if r := (Reason{RuleLeftOutside, detail}); !slices.Contains(unit.Elsewhere, r) {
		unit.Elsewhere = append(unit.Elsewhere, r)
	}
}

// describeStray looks in what a script left for what it would not leave in
// another place.
func (l *leftovers) describeStray(s *keptStray, u *built, unit *Unit) error {
	own := &l.from.origins[unit.Origin]
	if s.link != "" {
		loc, ok := l.leads(s.stray, own)
		if !ok {
			againElsewhere(unit, s.path+" leads to "+s.link)
		}
		s.to = loc
		return nil
	}
	full := filepath.Join(l.dir.dir, s.path)
	fi, err := os.Lstat(full)
	if err != nil || fi.IsDir() {
		return err
	}
	text, err := contentText(full, fs.FileInfoToDirEntry(fi))
	if err != nil {
		return err
	}
	for _, o := range []*Origin{&l.from.origins[0], own} {
		if name, found := o.mentions(text); found {
			againElsewhere(unit, s.path+" holds "+name)
			break
		}
	}
	unit.Commit = unit.Commit || unit.Mutable && own.mentionsCommit(text)
	if s.st.Nlink > 1 && l.namesInside(s.stray, u) < int(s.st.Nlink) {
		againElsewhere(unit, s.path+" is one file with another outside of the build directory")
	}
	return nil
}

// leads returns where a link leads, nil where its text is the same in every
// place. ok is false where nothing tells what its text would be in another.
func (l *leftovers) leads(s *stray, own *Origin) (loc *Loc, ok bool) {
	if !filepath.IsAbs(s.link) {
		to, _ := l.from.origins[0].locate(filepath.Join(l.from.place.Workspace.BuildDir, path.Dir(s.path), s.link))
		switch to.Base {
		case BaseBuild:
			return nil, true
		case BaseFixed:
			return nil, false
		}
		return &to, true
	}
	for _, o := range []*Origin{&l.from.origins[0], own} {
		if to, _ := o.locate(s.link); to.Base != BaseFixed {
			return &to, true
		}
	}
	return nil, true
}

// namesInside counts the names of a file among the strays and in what its script
// wrote.
func (l *leftovers) namesInside(s *stray, u *built) int {
	n := 0
	for _, other := range l.beside.strays {
		if other.st.Ino == s.st.Ino && !other.dir {
			n++
		}
	}
	_, outDir, _ := u.script()
	_ = filepath.WalkDir(filepath.Join(l.dir.dir, outDir), func(name string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && d.Type().IsRegular() && unix.Lstat(name, &st) == nil && st.Ino == s.st.Ino {
			n++
		}
		return nil
	})
	return n
}

// list writes what lies beside the units into the manifest, where the index of each is
// known.
func (l *leftovers) list(m *Manifest, index map[*built]int) {
	for _, p := range l.beside.placed {
		m.Placed = append(m.Placed, Path(p))
	}
	m.Dead, m.Left = append(m.Dead, l.dead...), append(m.Left, l.left...)
	for _, s := range l.kept {
		entry := Stray{Path: Path(s.path), Size: int64(s.st.Size), Mtime: nanoseconds(s.st.Mtime), Link: s.to}
		for _, u := range s.makers {
			if i := index[u]; !slices.Contains(entry.Units, i) {
				entry.Units = append(entry.Units, i)
			}
		}
		m.Strays = append(m.Strays, entry)
	}
}
