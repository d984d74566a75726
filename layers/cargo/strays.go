package cargo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embeds"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// keptStray is a stray whose makers are known.
type keptStray struct {
	*builddir.Stray
	makers []*builddir.Unit
	to     *rooted.Path // where a link leads, if that moves
}

// strays are the strays of a build directory, by what becomes of them.
type strays struct {
	dir     *builddir.Dir
	from    *checkout.Attribution
	beside  *builddir.Beside
	kept    []*keptStray
	dead    []string     // paths that no layer has
	leftOut []paths.Path // those of them that somebody may miss
	// doubts and away say why scripts run again for what they left: doubts in any
	// checkout, away in any but the origin.
	doubts, away map[*builddir.Unit]string
}

// newStrays returns the strays of bd, before any was found.
func newStrays(bd *builddir.Dir, from *checkout.Attribution) *strays {
	return &strays{dir: bd, from: from, beside: &builddir.Beside{}, doubts: map[*builddir.Unit]string{}, away: map[*builddir.Unit]string{}}
}

// find looks for what lies beside the units, and for the script that left it: what was
// made while a script ran is held for its own. What no script accounts for is left out of
// the layer. What may have changed since a script left it is left out, too, and the
// script runs again. find must be called before dropDead: what belongs to a dead unit is
// no stray.
func (l *strays) find(f *makerFinder) (err error) {
	if l.beside, err = builddir.ListBeside(l.dir.Path, l.dir.Profiles, l.dir.Units); err != nil {
		return err
	}
	l.leaveOut(l.keep(f))
	return l.findAway(f)
}

// keep keeps the strays that are surely as a script left them, and returns the others.
func (l *strays) keep(f *makerFinder) (dead []*builddir.Stray) {
	for _, s := range l.beside.Strays {
		makers, sure := f.find(s)
		switch {
		case len(makers) == 0:
		case s.HoldsBuild:
			l.doubt(makers, "it built in "+s.Path)
		case !sure:
			l.doubt(makers, s.Path+" may be its own, and changed since")
		default:
			l.kept = append(l.kept, &keptStray{Stray: s, makers: makers})
			continue
		}
		dead = append(dead, s)
	}
	return dead
}

// doubt makes scripts run again, wherever the layer is restored.
func (l *strays) doubt(makers []*builddir.Unit, detail string) {
	for _, u := range makers {
		if l.doubts[u] == "" {
			l.doubts[u] = detail
		}
	}
}

// leaveOut keeps strays out of the layer: the whole directory that one lies in, unless
// something in it is kept.
func (l *strays) leaveOut(dead []*builddir.Stray) {
	holds := map[string]bool{}
	for _, s := range l.kept {
		holds[s.Top] = true
	}
	for _, s := range dead {
		if slices.ContainsFunc(l.beside.Nested, func(n string) bool { return strings.HasPrefix(n, s.Top+"/") }) {
			holds[s.Top] = true
		}
	}
	seen := map[string]bool{}
	for _, s := range dead {
		rel := s.Top
		if holds[s.Top] {
			rel = s.Path
		}
		if !seen[rel] {
			seen[rel] = true
			l.dead = append(l.dead, rel)
			if !s.Quiet {
				l.leftOut = append(l.leftOut, paths.Path(rel))
			}
		}
	}
}

// findAway finds what scripts have left in the artifact directory, if that is not the
// build directory. No layer has it.
func (l *strays) findAway(f *makerFinder) error {
	ws := l.from.Checkout.Workspace
	if ws.TargetDir == "" || ws.Outer != "" || filepath.Clean(ws.TargetDir) == filepath.Clean(ws.BuildDir) {
		return nil
	}
	profiles, err := builddir.Profiles(ws.TargetDir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := builddir.ListBeside(ws.TargetDir, profiles, l.dir.Units)
	if err != nil {
		return err
	}
	for _, s := range found.Strays {
		if _, own := paths.Under(ws.TargetDir+"/"+s.Path, ws.BuildDir); own || s.Quiet {
			continue
		}
		makers, _ := f.byTime(s)
		for _, u := range makers {
			l.away[u] = "it left " + s.Path + " in the artifact directory"
		}
	}
	return nil
}

// describe adds to the descriptions of scripts' runs what their strays say against
// keeping them, and returns those runs. unit describes a unit that is not dead.
func (l *strays) describe(unit func(*builddir.Unit) (*manifest.Unit, error)) (makers []*builddir.Unit, err error) {
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
	for _, u := range l.dir.Units {
		doubt, away := l.doubts[u], l.away[u]
		if doubt == "" && away == "" {
			continue
		}
		described, err := unit(u)
		if err != nil {
			return nil, err
		}
		if doubt != "" && described.Always == nil {
			described.Always = rule.Because(rule.LeftOutside, doubt)
		}
		if away != "" {
			againElsewhere(described, away)
		}
		makers = append(makers, u)
	}
	return makers, nil
}

// dropOfDead leaves out the strays that a dead unit may have left.
func (l *strays) dropOfDead() {
	live := map[*builddir.Unit]bool{}
	for _, u := range l.dir.Units {
		live[u] = true
	}
	l.kept = slices.DeleteFunc(l.kept, func(s *keptStray) bool {
		stay := slices.DeleteFunc(slices.Clone(s.makers), func(u *builddir.Unit) bool { return !live[u] })
		if len(stay) == len(s.makers) {
			return false
		}
		l.doubt(stay, s.Path+" may be its own, or of a package that the lockfile has no more")
		l.dead = append(l.dead, s.Path)
		return true
	})
	// Nor has a layer the program under its final name, for anybody to run it.
	l.beside.Placed = slices.DeleteFunc(l.beside.Placed, func(p builddir.Placed) bool {
		if slices.ContainsFunc(p.Makers, func(u *builddir.Unit) bool { return live[u] }) {
			return false
		}
		l.dead = append(l.dead, p.Path)
		return true
	})
}

// againElsewhere makes a script run again in any checkout but its origin. It adds the
// reason once, though the unit may have it from an earlier inspection.
func againElsewhere(unit *manifest.Unit, detail string) {
	if r := (rule.Reason{Rule: rule.LeftOutside, Detail: detail}); !slices.Contains(unit.Elsewhere, r) {
		unit.Elsewhere = append(unit.Elsewhere, r)
	}
}

// describeStray looks in a stray for what its script would not leave in another
// checkout.
func (l *strays) describeStray(s *keptStray, u *builddir.Unit, unit *manifest.Unit) error {
	own := &l.from.Origins[unit.Origin]
	if s.Link != "" {
		loc, ok := l.leads(s.Stray, own)
		if !ok {
			againElsewhere(unit, s.Path+" leads to "+s.Link)
		}
		s.to = loc
		return nil
	}
	full := filepath.Join(l.dir.Path, s.Path)
	fi, err := os.Lstat(full)
	if err != nil || fi.IsDir() {
		return err
	}
	text, err := embeds.ContentText(full, fs.FileInfoToDirEntry(fi))
	if err != nil {
		return err
	}
	for _, o := range []*checkout.Origin{&l.from.Origins[0], own} {
		if name, found := o.Mentions(text); found {
			againElsewhere(unit, s.Path+" holds "+name)
			break
		}
	}
	unit.Commit = unit.Commit || unit.Mutable && own.MentionsCommit(text)
	if s.Stat.Nlink > 1 && l.namesInside(s.Stray, u) < int(s.Stat.Nlink) {
		againElsewhere(unit, s.Path+" is one file with another outside of the build directory")
	}
	return nil
}

// leads returns where a link leads, nil if its text is the same in every checkout. ok is
// false if nothing tells what its text would be in another.
func (l *strays) leads(s *builddir.Stray, own *checkout.Origin) (loc *rooted.Path, ok bool) {
	if !filepath.IsAbs(s.Link) {
		to, _ := l.from.Origins[0].Locate(filepath.Join(l.from.Checkout.Workspace.BuildDir, path.Dir(s.Path), s.Link))
		switch to.Root {
		case rooted.Build:
			return nil, true
		case rooted.Absolute:
			return nil, false
		}
		return &to, true
	}
	for _, o := range []*checkout.Origin{&l.from.Origins[0], own} {
		if to, _ := o.Locate(s.Link); to.Root != rooted.Absolute {
			return &to, true
		}
	}
	return nil, true
}

// namesInside counts the names that a file has among the strays and in the output
// directory of its script.
func (l *strays) namesInside(s *builddir.Stray, u *builddir.Unit) int {
	n := 0
	for _, other := range l.beside.Strays {
		if other.Stat.Ino == s.Stat.Ino && !other.IsDir {
			n++
		}
	}
	_, outDir, _ := u.Dir.ScriptFiles()
	_ = filepath.WalkDir(filepath.Join(l.dir.Path, outDir), func(name string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && d.Type().IsRegular() && unix.Lstat(name, &st) == nil && st.Ino == s.Stat.Ino {
			n++
		}
		return nil
	})
	return n
}

// list writes what lies beside the units into the manifest; index is where each unit is in
// that.
func (l *strays) list(m *manifest.Manifest, index map[*builddir.Unit]int) {
	for _, p := range l.beside.Placed {
		m.Placed = append(m.Placed, paths.Path(p.Path))
	}
	m.Dead, m.LeftOut = append(m.Dead, l.dead...), append(m.LeftOut, l.leftOut...)
	for _, s := range l.kept {
		entry := manifest.Stray{Path: paths.Path(s.Path), Size: int64(s.Stat.Size), Mtime: nanoseconds(s.Stat.Mtime), Link: s.to}
		for _, u := range s.makers {
			if i := index[u]; !slices.Contains(entry.Units, i) {
				entry.Units = append(entry.Units, i)
			}
		}
		m.Strays = append(m.Strays, entry)
	}
}
