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
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// A world is a directory with a store and checkouts that share it.
type world struct {
	t   testing.TB
	dir string
	env []string
}

func newWorld(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir}
	path := filepath.Dir(fixture.Program(t)) + string(filepath.ListSeparator) + os.Getenv("PATH")
	w.env = fixture.Environ(append([]string{"CARGO_COW_STORE=" + filepath.Join(dir, "store"), "PATH=" + path}, env...)...)
	return w
}

// layers reads the unit fingerprints of every layer in the store.
func (w *world) layers() []map[unitID]record {
	w.t.Helper()
	trees, err := os.ReadDir(filepath.Join(w.dir, "store", "layers"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	var all []map[unitID]record
	for _, tree := range trees {
		if !strings.HasPrefix(tree.Name(), ".") {
			all = append(all, readRecords(w.t, filepath.Join(w.dir, "store", "layers", tree.Name())))
		}
	}
	return all
}

// A place is a checkout.
type place struct {
	w   *world
	t   testing.TB
	dir string
	env []string // beside the world's
}

func (w *world) at(name string) *place { return &place{w: w, t: w.t, dir: filepath.Join(w.dir, name)} }

// checkout adds a worktree of p's repository, at p's commit.
func (p *place) checkout(name string) *place {
	p.t.Helper()
	q := p.w.at(name)
	q.t = p.t
	p.must("git", "worktree", "add", "--quiet", "--detach", q.dir)
	return q
}

// in is the place seen by a subtest.
func (p *place) in(t testing.TB) *place { return &place{w: p.w, t: t, dir: p.dir, env: p.env} }

// with is the place with more environment.
func (p *place) with(env ...string) *place {
	return &place{w: p.w, t: p.t, dir: p.dir, env: slices.Concat(p.env, env)}
}

func (p *place) path(elem ...string) string {
	return filepath.Join(append([]string{p.dir}, elem...)...)
}

func (p *place) name() string { return filepath.Base(p.dir) }

func (p *place) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// lay writes the files of a txtar archive.
func (p *place) lay(files string) {
	p.t.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		p.write(f.Name, string(f.Data))
	}
}

// replace edits a file, which must have the old text.
func (p *place) replace(name, old, new string) {
	p.t.Helper()
	text := p.read(name)
	if !strings.Contains(text, old) {
		p.t.Fatalf("%s does not have %q", p.path(name), old)
	}
	p.write(name, strings.Replace(text, old, new, 1))
}

func (p *place) exec(name string, args ...string) fixture.Result {
	p.t.Helper()
	return fixture.Exec(p.t, p.dir, slices.Concat(p.w.env, p.env), name, args...)
}

// must runs a command that has to succeed and returns its output.
func (p *place) must(name string, args ...string) string {
	p.t.Helper()
	r := p.exec(name, args...)
	if r.Code != 0 {
		p.t.Fatalf("%s %q in %s: %v", name, args, p.dir, r)
	}
	return r.Stdout
}

// tryCow runs cargo-cow with --json, whatever its exit code.
func (p *place) tryCow(args ...string) fixture.Result {
	p.t.Helper()
	return p.exec(fixture.Program(p.t), append([]string{"--json"}, args...)...)
}

// cow runs cargo-cow, which has to succeed, and returns its JSON lines.
func (p *place) cow(args ...string) []map[string]any {
	p.t.Helper()
	r := p.tryCow(args...)
	if r.Code != 0 {
		p.t.Fatalf("cargo-cow %q in %s: %v", args, p.dir, r)
	}
	return fixture.JSONLines(p.t, r.Stdout)
}

// A grafting is what restore or graft said of the units it took from layers
// other than the one restored.
type grafting struct {
	Reason  string
	Grafted int
	From    []string
}

// answer finds the JSON line of the command itself.
func (p *place) answer(r fixture.Result, command string) grafting {
	p.t.Helper()
	for line := range strings.Lines(r.Stdout) {
		var g grafting
		if json.Unmarshal([]byte(line), &g) == nil && g.Reason == command {
			return g
		}
	}
	p.t.Fatalf("cargo-cow %s has no line of its own: %v", command, r)
	return grafting{}
}

// notFound is the exit code of a restore that no layer would save work for.
const notFound = 4

// restore reports whether there was a layer to restore from, and what was
// grafted.
func (p *place) restore(args ...string) (g grafting, ok bool) {
	p.t.Helper()
	r := p.tryCow(append([]string{"restore"}, args...)...)
	switch r.Code {
	case 0:
		return p.answer(r, "restore"), true
	case notFound:
		p.t.Logf("%s: restore %q: %s", p.name(), args, r.Stdout)
		return grafting{}, false
	}
	p.t.Fatalf("restore %q in %s: %v", args, p.dir, r)
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

// build runs cargo build, which has to succeed, in the place's own build
// directory or, unless it is empty, in dir.
func (p *place) build(dir string) *build {
	p.t.Helper()
	args := []string{"build", "--offline", "--message-format=json"}
	if dir == "" {
		dir = p.path("target")
	} else {
		args = append(args, "--target-dir="+dir)
	}
	before := fixture.Stamp(p.t, p.dir+".mark")
	r := p.exec("cargo", args...)
	if code := rustcMismatch.FindString(r.Stdout + r.Stderr); code != "" {
		p.t.Errorf("%s: rustc says %s", p.name(), code)
	}
	if r.Code != 0 {
		p.t.Fatalf("cargo %q in %s: exit code %d\n%s%s", args, p.dir, r.Code, rendered(r.Stdout), r.Stderr)
	}
	b := &build{dir: dir, needs: map[unitID]bool{}, paths: map[unitID]bool{}, records: readRecords(p.t, dir), programs: map[string]string{}}
	for _, m := range fixture.Messages(r.Stdout) {
		files, ran := m.Filenames, !m.Fresh
		if m.Reason == "build-script-executed" {
			files, ran = []string{m.OutDir}, fixture.RunTime(p.t, m.OutDir).After(before)
		}
		if m.Executable != nil && slices.Contains(m.Target.Kind, "bin") {
			b.programs[m.Target.Name] = *m.Executable
		}
		id, ok := idOf(dir, files)
		if !ok && !ran {
			continue
		} else if !ok {
			id, ok = b.uplifted(m.Package(), m.Target.Name, before)
		}
		if !ok {
			p.t.Fatalf("no unit of %s %v in %s has the files %q", m.PackageID, m.Target, dir, files)
		}
		if strings.HasPrefix(m.PackageID, "path+") {
			b.paths[id] = ran
		} else {
			b.needs[id] = ran
		}
	}
	return b
}

// rendered is what cargo's messages hold for people.
func rendered(messages string) (text string) {
	for line := range strings.Lines(messages) {
		var m struct{ Message struct{ Rendered string } }
		if json.Unmarshal([]byte(line), &m) == nil {
			text += m.Message.Rendered
		}
	}
	return text
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

// clean is the build directory of clean builds by the place's toolchain. No
// checkout has it as its own, so nothing but cargo ever writes there.
func (p *place) clean() string {
	for _, kv := range p.env {
		if toolchain, ok := strings.CutPrefix(kv, "RUSTUP_TOOLCHAIN="); ok {
			return filepath.Join(p.w.dir, "clean-"+toolchain)
		}
	}
	return filepath.Join(p.w.dir, "clean")
}

// keepClean begins the directory of clean builds with a copy of the place's build
// directory, in which cargo has built all from nothing.
func (p *place) keepClean() {
	p.t.Helper()
	if _, err := os.Stat(p.clean()); !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatalf("there are clean builds already: %v", err)
	}
	p.must("cp", "--archive", "--reflink=auto", p.path("target"), p.clean())
}

// cleanBuild builds what lies in the place in the directory of clean builds:
// units of registry packages may be left there from another clean build, those
// of the named path packages are not.
func (p *place) cleanBuild(packages ...string) *build {
	p.t.Helper()
	if _, err := os.Stat(p.clean()); err == nil {
		args := []string{"clean", "--quiet", "--offline", "--target-dir=" + p.clean()}
		for _, pkg := range packages {
			args = append(args, "--package="+pkg)
		}
		p.must("cargo", args...)
	}
	// Only path units are incremental, and their ids are not compared.
	return p.with("CARGO_INCREMENTAL=0").build(p.clean())
}

// A state is what is known before a build: what cargo had written of the units
// in the build directory, what explain said of them, and what the layers hold.
type state struct {
	records map[unitID]record
	fresh   map[unitID]bool
	layers  []map[unitID]record
}

func (p *place) state() state {
	p.t.Helper()
	s := state{layers: p.w.layers()}
	if _, err := os.Stat(p.path("target")); errors.Is(err, fs.ErrNotExist) {
		return s
	}
	s.records, s.fresh = readRecords(p.t, p.path("target")), map[unitID]bool{}
	for _, l := range p.cow("explain", "--all") {
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
func (p *place) judge(b, clean *build, before state, wild ...string) (available, missing int) {
	p.t.Helper()
	av := newAvailability(clean.records, append(before.layers, before.records))
	var want, got, needs, cleanNeeds []string
	for id := range clean.needs {
		cleanNeeds = append(cleanNeeds, clean.title(id))
		if av.of(p.t, id) {
			available++
		} else {
			missing++
			want = append(want, clean.title(id))
		}
	}
	for id, ran := range b.needs {
		needs = append(needs, b.title(id))
		if ran && !(av.of(p.t, id) && av.standsOn(id, wild)) {
			got = append(got, b.title(id))
		}
	}
	for _, list := range [][]string{want, got, needs, cleanNeeds} {
		slices.Sort(list)
	}
	if diff := cmp.Diff(cleanNeeds, needs); diff != "" {
		p.t.Fatalf("%s: registry units of the build (-clean +restored):\n%s", p.name(), diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s: registry units compiled (-they were nowhere +compiled):\n%s", p.name(), diff)
	}
	for id, ran := range b.paths {
		old, had := before.records[id]
		if !had || ran && old.hash != b.records[id].hash {
			continue
		}
		if fresh, said := before.fresh[id]; !said || ran == fresh {
			p.t.Errorf("%s: %s: compiled is %t; explain named it: %t, as fresh: %t", p.name(), b.title(id), ran, said, fresh)
		}
	}
	return available, missing
}
