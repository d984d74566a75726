package leftover

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// A judge says which units no build can use again. Nothing is concluded from what plans of
// Cargo's would give: one cannot know with which features, flags and variables the next
// command comes, and each combination has units of its own, all of them good.
type judge struct {
	bd    *builddir.Dir
	known Known
	// spent are the units that Cargo cannot find fresh again, with the reason.
	spent map[*builddir.Unit]verdict
	// dead are those of them that go. A program under its final name is of use without
	// Cargo, so the unit that it belongs to stays, unless its package is gone.
	dead map[*builddir.Unit]bool
	// providers are the units by the hash that their dependents have recorded.
	providers  map[uint64][]*builddir.Unit
	dependents map[uint64][]*builddir.Unit
	placed     []builddir.Placed
}

type verdict struct {
	reason Reason
	detail string
}

func newJudge(bd *builddir.Dir, known Known, placed []builddir.Placed) *judge {
	j := &judge{
		bd: bd, known: known, spent: map[*builddir.Unit]verdict{}, dead: map[*builddir.Unit]bool{},
		providers: map[uint64][]*builddir.Unit{}, dependents: map[uint64][]*builddir.Unit{}, placed: placed,
	}
	for _, u := range bd.Units {
		if h, ok := hashOf(u); ok {
			j.providers[h] = append(j.providers[h], u)
		}
		for _, n := range u.Needs {
			j.dependents[n.Hash] = append(j.dependents[n.Hash], u)
		}
	}
	return j
}

// hashOf is what dependents of u have recorded of it. Cargo empties the hash file of a unit
// that it sets out to build, but its dependents may be found fresh once more if that build
// is interrupted and what was changed is changed back: only the next command finds them
// older than the unit (cargo 1.95, fingerprint/mod.rs: prepare_target). So the unit counts
// as what its last whole build has made it.
func hashOf(u *builddir.Unit) (uint64, bool) {
	if u.HashKnown {
		return u.Hash, true
	}
	if u.Fingerprint != nil && u.Fingerprint.Reproducible() {
		return u.Fingerprint.Hash(), true
	}
	return 0, false
}

func (j *judge) judge() {
	j.packagesGone()
	j.toolchainsGone()
	j.outdated()
	j.unfinished()
	final := map[*builddir.Unit]bool{}
	for _, p := range j.placed {
		// A list of inputs may be of any unit that has the name, and is nothing to run.
		if filepath.Ext(p.Path) == ".d" {
			continue
		}
		for _, u := range p.Makers {
			final[u] = true
		}
	}
	for u, v := range j.spent {
		if v.reason == PackageGone || !final[u] {
			j.dead[u] = true
		}
	}
}

// packagesGone finds the units of packages that no build here can ask for.
func (j *judge) packagesGone() {
	if j.known.Lockfiles == nil {
		return
	}
	std, buildable := j.standardLibrary(), j.known.buildable()
	for _, u := range j.bd.Units {
		if !std[u] && !buildable.has(u) {
			j.spent[u] = verdict{PackageGone, packageOf(u)}
		}
	}
}

// packageOf names a unit's package, with its version where that is known.
func packageOf(u *builddir.Unit) string {
	if v := u.RegistryVersion(); v != "" {
		return u.Package + " " + v
	}
	return u.Package
}

// standardLibrary are the units of -Zbuild-std, whose lockfile is the toolchain's own.
func (j *judge) standardLibrary() map[*builddir.Unit]bool {
	found := map[*builddir.Unit]bool{}
	var down func(u *builddir.Unit)
	down = func(u *builddir.Unit) {
		if u == nil || found[u] {
			return
		}
		found[u] = true
		for _, d := range u.Deps {
			down(d)
		}
	}
	for _, u := range j.bd.Units {
		if u.SourceList != nil && len(u.SourceList.Deps) > 0 && strings.Contains(u.SourceList.Root(), "/lib/rustlib/src/rust/library/") {
			down(u)
		}
	}
	return found
}

// toolchainsGone finds the units whose compiler no installed one is. Two witnesses are
// needed: the number in the fingerprint, and the compiler's own name in what it wrote. A
// Cargo to come may make that number of something else, and then all units would seem to be
// of no compiler.
func (j *judge) toolchainsGone() {
	if j.known.Compilers == nil {
		return
	}
	unknown := map[uint64][]*builddir.Unit{}
	for _, u := range j.bd.Units {
		if u.Fingerprint != nil && u.Fingerprint.Reproducible() && !u.Irreproducible() && !j.known.compiles(u.Fingerprint.Rustc) {
			unknown[u.Fingerprint.Rustc] = append(unknown[u.Fingerprint.Rustc], u)
		}
	}
	for _, units := range unknown {
		name := j.compilerOf(units)
		if name == "" || j.known.named(name) {
			continue
		}
		for _, u := range units {
			if _, ok := j.spent[u]; !ok {
				j.spent[u] = verdict{ToolchainGone, name}
			}
		}
	}
}

// compilerOf reads which compiler has made these units, which had the same; "" if none
// tells.
func (j *judge) compilerOf(units []*builddir.Unit) string {
	for _, u := range units {
		for _, o := range u.Outputs {
			if filepath.Ext(o.Path) != ".rmeta" {
				continue
			}
			if name := compilerOfMetadata(head(filepath.Join(j.bd.Path, o.Path))); name != "" {
				return name
			}
		}
	}
	return ""
}

// outdated finds the units that have recorded a dependency with a hash that no unit has
// which could be fresh: for Cargo to find one of them fresh, it would have to find that
// dependency fresh first, and so without a build. Those that were built with one of them
// follow.
func (j *judge) outdated() {
	providers := map[uint64]int{}
	for h, units := range j.providers {
		for _, u := range units {
			if _, spent := j.spent[u]; !spent {
				providers[h]++
			}
		}
	}
	var next []*builddir.Unit
	spend := func(u *builddir.Unit, need builddir.Need) {
		if _, spent := j.spent[u]; spent || !u.HashKnown || u.Irreproducible() {
			return
		}
		j.spent[u] = verdict{Outdated, need.Name}
		if providers[u.Hash]--; providers[u.Hash] == 0 {
			next = append(next, u)
		}
	}
	for _, u := range j.bd.Units {
		for _, n := range u.Needs {
			if n.Hash != 0 && providers[n.Hash] == 0 {
				spend(u, n)
			}
		}
	}
	for len(next) > 0 {
		d := next[0]
		next = next[1:]
		for _, u := range j.dependents[d.Hash] {
			i := slices.IndexFunc(u.Needs, func(n builddir.Need) bool { return n.Hash == d.Hash })
			spend(u, u.Needs[i])
		}
	}
}

// unfinished finds the units whose last build was not finished and with which nothing that
// stays was built: see hashOf.
func (j *judge) unfinished() {
	for changed := true; changed; {
		changed = false
		for _, u := range j.bd.Units {
			h, ok := hashOf(u)
			if _, spent := j.spent[u]; spent || u.HashKnown || !ok {
				continue
			}
			if !slices.ContainsFunc(j.dependents[h], func(a *builddir.Unit) bool { _, spent := j.spent[a]; return !spent }) {
				j.spent[u] = verdict{Unfinished, ""}
				changed = true
			}
		}
	}
}

// list adds the dead units to p, each after those that were built with it: what is cut
// short leaves none whose dependents would not be known for what they are.
func (j *judge) list(p *Plan) error {
	alive, err := j.claimed()
	if err != nil {
		return err
	}
	seen := map[*builddir.Unit]bool{}
	var visit func(u *builddir.Unit) error
	visit = func(u *builddir.Unit) error {
		if seen[u] {
			return nil
		}
		seen[u] = true
		if h, ok := hashOf(u); ok {
			for _, a := range j.dependents[h] {
				if err := visit(a); err != nil {
					return err
				}
			}
		}
		if !j.dead[u] {
			return nil
		}
		paths, err := j.pathsOf(u, alive)
		v := j.spent[u]
		p.add(Item{Reason: v.reason, Unit: u.Unit, Detail: v.detail, Profile: u.Profile, Paths: paths})
		return err
	}
	for _, u := range j.bd.Units {
		if err := visit(u); err != nil {
			return err
		}
	}
	return nil
}

// claimed are the directories and files of units that stay.
func (j *judge) claimed() (map[string]bool, error) {
	alive := map[string]bool{}
	for _, u := range j.bd.Units {
		if j.dead[u] {
			continue
		}
		dirs, files, err := builddir.DiskUnit{Dir: j.bd, Unit: u}.All()
		if err != nil {
			return nil, err
		}
		for _, path := range slices.Concat(dirs, files) {
			alive[path] = true
		}
	}
	return alive, nil
}

// pathsOf lists what is a dead unit's alone: the record first, and in it first the hash
// file, without which Cargo takes nothing of the rest for whole.
func (j *judge) pathsOf(u *builddir.Unit, alive map[string]bool) ([]string, error) {
	dirs, files, err := builddir.DiskUnit{Dir: j.bd, Unit: u}.All()
	if err != nil {
		return nil, err
	}
	if u.Doc || !u.HashKnown {
		// By their ids they are its own; a name alone may be somebody else's file.
		files = slices.DeleteFunc(files, func(f string) bool { return !strings.Contains(f, "-"+u.Dir.ID) || u.Dir.ID == "" })
	}
	paths := []string{u.Key}
	if own := filepath.Dir(u.Dir.Record); alive[u.Dir.Record] || alive[own] {
		paths = append(paths, u.Key+".json", u.Dir.Record+"/dep-"+u.File, u.Dir.Record+"/output-"+u.File)
	} else {
		paths = append(paths, u.Dir.Record)
	}
	for _, path := range slices.Concat(dirs, files) {
		if !alive[path] {
			paths = append(paths, path)
		}
	}
	gone := func(m *builddir.Unit) bool { return j.spent[m].reason == PackageGone }
	for _, p := range j.placed {
		if slices.Contains(p.Makers, u) && !slices.ContainsFunc(p.Makers, func(m *builddir.Unit) bool { return !gone(m) }) {
			paths = append(paths, p.Path)
		}
	}
	return paths, nil
}
