package divergence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// A world is a directory with a store and checkouts that share it.
type world struct{ fixture.World }

func newWorld(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	return &world{fixture.NewWorld(t, dir, append([]string{fixture.InPath(t)}, env...)...)}
}

// layers reads the unit fingerprints of every layer in the store.
func (w *world) layers() []map[unitID]record {
	w.T.Helper()
	trees, err := os.ReadDir(w.Path("store", "layers"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.T.Fatal(err)
	}
	var all []map[unitID]record
	for _, tree := range trees {
		if !strings.HasPrefix(tree.Name(), ".") {
			all = append(all, readRecords(w.T, w.Path("store", "layers", tree.Name())))
		}
	}
	return all
}

// A checkout is one of the world.
type checkout struct {
	*fixture.Checkout
	w *world
}

func (w *world) at(name string) *checkout { return &checkout{w.At(name), w} }

// checkout adds a worktree of p's repository, at p's commit.
func (c *checkout) checkout(name string) *checkout {
	c.T.Helper()
	return &checkout{c.Worktree(name), c.w}
}

// in is the checkout seen by a subtest.
func (c *checkout) in(t testing.TB) *checkout { return &checkout{c.In(t), c.w} }

// with is the checkout with more environment.
func (c *checkout) with(env ...string) *checkout { return &checkout{c.With(env...), c.w} }

// A grafting is what restore or graft said of the units it took from layers
// other than the one restored.
type grafting struct {
	Reason  string
	Grafted int
	From    []string
}

// answer finds the JSON line of the command itself.
func (c *checkout) answer(r fixture.Result, command string) grafting {
	c.T.Helper()
	for line := range strings.Lines(r.Stdout) {
		var g grafting
		if json.Unmarshal([]byte(line), &g) == nil && g.Reason == command {
			return g
		}
	}
	c.T.Fatalf("cargo-cow %s has no line of its own: %v", command, r)
	return grafting{}
}

// notFound is the exit code of a restore that no layer would save work for.
const notFound = 4

// restore reports whether there was a layer to restore from, and what was
// grafted.
func (c *checkout) restore(args ...string) (g grafting, ok bool) {
	c.T.Helper()
	r := c.TryCow(append([]string{"restore"}, args...)...)
	switch r.Code {
	case 0:
		return c.answer(r, "restore"), true
	case notFound:
		c.T.Logf("%s: restore %q: %s", c.Name(), args, r.Stdout)
		return grafting{}, false
	}
	c.T.Fatalf("restore %q in %s: %v", args, c.Dir, r)
	return grafting{}, false
}

// A build is what one run of cargo did.
type build struct {
	dir string // the build directory
	// needs are the registry and git units of the build, paths its other ones,
	// each with whether it was compiled or run. Programs and procedural macros of
	// path packages that were fresh are not among them: their files, which cargo
	// puts where people look for them, do not tell the unit.
	needs, paths map[unitID]bool
	// records are what cargo has written of all units in the build directory.
	records map[unitID]record
	// programs by their target.
	programs map[string]string
}

// title names a unit in messages.
func (b *build) title(id unitID) string { return fmt.Sprintf("%s (%s)", id, b.records[id].name) }

// rustcMismatch are rustc's errors about crates that were not built together.
var rustcMismatch = regexp.MustCompile(`\bE046[0-3]\b`)

// build runs cargo build, which has to succeed, in the checkout's own build
// directory or, unless it is empty, in dir.
func (c *checkout) build(dir string) *build {
	c.T.Helper()
	args := []string{"build", "--offline"}
	if dir == "" {
		dir = c.Path("target")
	} else {
		args = append(args, "--target-dir="+dir)
	}
	said := c.Cargo(args...)
	if code := rustcMismatch.FindString(said.Stdout + said.Stderr); code != "" {
		c.T.Errorf("%s: rustc says %s", c.Name(), code)
	}
	if said.Code != 0 {
		c.T.Fatalf("cargo %q in %s: exit code %d\n%s%s", args, c.Dir, said.Code, strings.Join(fixture.Rendered(said.Stdout), ""), said.Stderr)
	}
	b := &build{dir: dir, needs: map[unitID]bool{}, paths: map[unitID]bool{}, records: readRecords(c.T, dir), programs: map[string]string{}}
	for _, m := range said.Messages {
		files := m.Filenames
		if m.OutDir != "" {
			files = []string{m.OutDir}
		}
		if m.Executable != nil && slices.Contains(m.Target.Kind, "bin") {
			b.programs[m.Target.Name] = *m.Executable
		}
		id, ok := idOf(dir, files)
		if !ok && m.Fresh {
			continue
		} else if !ok {
			id, ok = b.uplifted(m.Package(), m.Target.Name, said.Began)
		}
		if !ok {
			c.T.Fatalf("no unit of %s %v in %s has the files %q", m.PackageID, m.Target, dir, files)
		}
		if strings.HasPrefix(m.PackageID, "path+") {
			b.paths[id] = !m.Fresh
		} else {
			b.needs[id] = !m.Fresh
		}
	}
	return b
}

// uplifted finds the unit of a program or a procedural macro that was compiled
// after the given time.
func (b *build) uplifted(pkg, target string, after time.Time) (unitID, bool) {
	for id, r := range b.records {
		if r.built.After(after) && strings.HasPrefix(r.name, pkg+"-") && (strings.HasSuffix(r.name, " bin-"+target) || strings.HasSuffix(r.name, " lib-"+target)) {
			return id, true
		}
	}
	return "", false
}

// clean is the build directory of clean builds by the checkout's toolchain. No
// checkout has it as its own, so nothing but cargo ever writes there.
func (c *checkout) clean() string {
	if toolchain := fixture.Variable(c.Env, "RUSTUP_TOOLCHAIN"); toolchain != "" {
		return filepath.Join(c.w.Dir, "clean-"+toolchain)
	}
	return filepath.Join(c.w.Dir, "clean")
}

// keepClean begins the directory of clean builds with a copy of the checkout's build
// directory, in which cargo has built all from nothing.
func (c *checkout) keepClean() {
	c.T.Helper()
	if _, err := os.Stat(c.clean()); !errors.Is(err, fs.ErrNotExist) {
		c.T.Fatalf("there are clean builds already: %v", err)
	}
	c.Must("cp", "--archive", "--reflink=auto", c.Path("target"), c.clean())
}

// cleanBuild builds what lies in the checkout in the directory of clean builds:
// units of registry packages may be left there from another clean build, those
// of the named path packages are not.
func (c *checkout) cleanBuild(packages ...string) *build {
	c.T.Helper()
	if _, err := os.Stat(c.clean()); err == nil {
		args := []string{"clean", "--quiet", "--offline", "--target-dir=" + c.clean()}
		for _, pkg := range packages {
			args = append(args, "--package="+pkg)
		}
		c.Must("cargo", args...)
	}
	// Only path units are incremental, and their ids are not compared.
	return c.with("CARGO_INCREMENTAL=0").build(c.clean())
}

// A state is what is known before a build: what cargo had written of the units
// in the build directory, what explain said of them, and what the layers hold.
type state struct {
	records map[unitID]record
	fresh   map[unitID]bool
	layers  []map[unitID]record
}

func (c *checkout) state() state {
	c.T.Helper()
	s := state{layers: c.w.layers()}
	if _, err := os.Stat(c.Path("target")); errors.Is(err, fs.ErrNotExist) {
		return s
	}
	s.records, s.fresh = readRecords(c.T, c.Path("target")), map[unitID]bool{}
	for _, l := range c.Cow("explain", "--all") {
		if l["reason"] != "unit" {
			continue
		}
		unit := l["unit"].(string)
		id := unitID(l["profile"].(string) + "/" + unit[strings.LastIndexByte(unit, '-')+1:])
		s.fresh[id] = l["verdict"] == "fresh"
	}
	return s
}

// judge compares what b has compiled with what had to be: of registry and git
// units what no layer had and the build directory neither, by the clean build's
// account; of path units what was not there, what cargo finds by its hash, and
// what explain had named. It returns how many registry units there were, and how
// many not. What stands on a wild package, of which two builds differ, can be
// there twice and fit nothing: it may be compiled again.
func (c *checkout) judge(b, clean *build, before state, wild ...string) (available, missing int) {
	c.T.Helper()
	av := newAvailability(clean.records, append(before.layers, before.records))
	var want, got, needs, cleanNeeds []string
	for id := range clean.needs {
		cleanNeeds = append(cleanNeeds, clean.title(id))
		if av.of(c.T, id) {
			available++
		} else {
			missing++
			want = append(want, clean.title(id))
		}
	}
	for id, ran := range b.needs {
		needs = append(needs, b.title(id))
		if ran && !(av.of(c.T, id) && av.standsOn(id, wild)) {
			got = append(got, b.title(id))
		}
	}
	for _, list := range [][]string{want, got, needs, cleanNeeds} {
		slices.Sort(list)
	}
	if diff := cmp.Diff(cleanNeeds, needs); diff != "" {
		c.T.Fatalf("%s: registry units of the build (-clean +restored):\n%s", c.Name(), diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.T.Errorf("%s: registry units compiled (-they were nowhere +compiled):\n%s", c.Name(), diff)
	}
	for id, ran := range b.paths {
		old, had := before.records[id]
		if !had || ran && old.hash != b.records[id].hash {
			continue
		}
		if fresh, said := before.fresh[id]; !said || ran == fresh {
			c.T.Errorf("%s: %s: compiled is %t; explain named it: %t, as fresh: %t", c.Name(), b.title(id), ran, said, fresh)
		}
	}
	return available, missing
}
