package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers"
)

// A fileSystem is one that the model is compared on.
type fileSystem struct {
	name   string
	driver string
	mount  func(testing.TB, ...loopfs.Option) string
	// breaks: it can be made to answer everything with EIO.
	breaks bool
}

// project is the workspace in all checkouts. Cargo builds "three" last, and nothing depends
// on it: its program is what later builds write. The source of "four" differs between two
// commits. The script of "two" leaves what a tree may have in it.
var project = map[string]string{
	".gitignore":        "/target\n",
	"Cargo.toml":        "[workspace]\nmembers = [\"one\", \"two\", \"three\", \"four\"]\nresolver = \"3\"\n[profile.dev]\ndebug = 0\nstrip = true\nincremental = false\n[profile.release]\nstrip = true\n",
	"one/Cargo.toml":    member("one", "leaf-a = \"1\""),
	"one/src/lib.rs":    "pub fn text() -> String { leaf_a::version().into() }\n",
	"two/Cargo.toml":    member("two", "leaf-b = \"1\""),
	"two/src/lib.rs":    "pub const DATA: &str = include_str!(concat!(env!(\"OUT_DIR\"), \"/data\"));\npub fn text() -> String { leaf_b::version().into() }\n",
	"three/Cargo.toml":  member("three", "one = { path = \"../one\" }"),
	"three/src/main.rs": "fn main() { println!(\"three says {}\", one::text()); }\n",
	"four/Cargo.toml":   member("four", "leaf-c = \"1\""),
	"four/src/lib.rs":   "pub fn text() -> String { leaf_c::version().into() }\n",
	"two/build.rs": `use std::{env, fs, os::unix::fs::{symlink, PermissionsExt}, path::Path};
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").unwrap();
    let out = Path::new(&out);
    fs::write(out.join("data"), "data").unwrap();
    symlink("data", out.join("link")).unwrap();
    symlink("nowhere", out.join("dangling")).unwrap();
    fs::hard_link(out.join("data"), out.join("again")).unwrap();
    fs::write(out.join("empty"), "").unwrap();
    fs::write(out.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(out.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(out.join("mine"), "mine").unwrap();
    fs::set_permissions(out.join("mine"), fs::Permissions::from_mode(0o400)).unwrap();
    fs::create_dir(out.join("nothing")).unwrap();
    fs::File::create(out.join("sparse")).unwrap().set_len(300_000).unwrap();
}
`,
}

func member(name, depends string) string {
	return fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n%s\n", name, depends)
}

// A world is a file system with a store, three checkouts, and what cargo has built in them.
type world struct {
	fixture.World
	fs       fileSystem
	root     string // where the file system is mounted
	store    string
	places   []*fixture.Checkout
	saved    [][]savedBuild // by place
	written  written
	programs map[string]int // numbers of programs, by digest
	known    digests
	trees    map[string]tree // by the name that nodes have for them
}

// A savedBuild is a build directory as cargo left it.
type savedBuild struct {
	dir, name string
	program   int
}

// newWorld has cargo build what all sequences begin with.
func newWorld(t testing.TB, fs fileSystem) *world {
	t.Helper()
	// Small, so that it can be filled; what a sequence needs of it is a tenth.
	root := fs.mount(t, loopfs.Size(512<<20))
	home := filepath.Join(root, "home")
	// What cargo and rustc have answered is kept beside, where no fault reaches it.
	user := t.TempDir()
	w := &world{
		World: fixture.NewWorld(t, root, "CARGO_HOME="+home, "XDG_CACHE_HOME="+user, "XDG_CONFIG_HOME="+user, "XDG_DATA_HOME="+user),
		fs:    fs, root: root, programs: map[string]int{}, known: digests{}, trees: map[string]tree{},
	}
	w.store = w.Path("store")
	registry := fixture.LocalRegistry{Dir: w.Path("registry"), Home: home}
	for _, name := range []string{"leaf-a", "leaf-b", "leaf-c"} {
		if err := registry.Publish(name, "1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := layCrates(w.Path("crates")); err != nil {
		t.Fatal(err)
	}
	a := w.At("a")
	for name, text := range project {
		a.Write(name, text)
	}
	a.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	a.Must("cp", "-a", a.Dir, w.Path("c"))
	a.Repository()
	a.Must("git", "switch", "--quiet", "--create", "other")
	a.Write("four/src/lib.rs", "pub fn text() -> String { format!(\"other {}\", leaf_c::version()) }\n")
	a.Commit("other")
	a.Must("git", "switch", "--quiet", "--detach", "main")
	w.places = []*fixture.Checkout{a, a.Worktree("b", "main"), w.At("c")}
	w.build()
	return w
}

// build has cargo build in every checkout, in the first one in steps, and keeps each state.
func (w *world) build() {
	w.T.Helper()
	three := []string{"--package=three"}
	steps := [][][]string{{three, {"--package=two"}, {"--workspace"}, {"--release", "--package=three"}}, {{"--workspace"}}, {{"--workspace"}}}
	for i, p := range w.places {
		fixture.Acquaint(w.T, p.Target(), p.Env)
		var list []savedBuild
		for _, args := range steps[i] {
			p.Must("cargo", append([]string{"build", "--quiet", "--offline"}, args...)...)
			if w.written.DepInfo == "" {
				w.findWritten(p.Target())
			}
			list = append(list, w.save(i, len(list), p.Target()))
		}
		w.saved = append(w.saved, list)
	}
}

// findWritten finds which files make the program.
func (w *world) findWritten(target string) {
	w.T.Helper()
	program, err := os.Stat(filepath.Join(target, "debug/three"))
	if err != nil {
		w.T.Fatal(err)
	}
	err = filepath.WalkDir(target, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(target, path)
		if os.SameFile(info, program) {
			w.written.Programs = append(w.written.Programs, rel)
		}
		if d.Name() == "dep-bin-three" {
			w.written.DepInfo = rel
		}
		return nil
	})
	if err != nil || len(w.written.Programs) < 2 || w.written.DepInfo == "" {
		w.T.Fatalf("what cargo has written of the program: %+v, %v", w.written, err)
	}
}

func (w *world) save(place, n int, target string) savedBuild {
	w.T.Helper()
	b := savedBuild{dir: w.Path("saved", fmt.Sprint(place), fmt.Sprint(n)), name: fmt.Sprintf("saved %d %d", place, n)}
	if err := os.MkdirAll(filepath.Dir(b.dir), 0o777); err != nil {
		w.T.Fatal(err)
	}
	if err := driverOf(w.fs.driver).Clone(background, b.dir, target); err != nil {
		w.T.Fatal(err)
	}
	b.program = -1 - len(w.programs)
	tree, err := readTree(b.dir, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	w.trees[b.name] = tree
	sum := tree[w.written.Programs[0]].sum
	if was, ok := w.programs[sum]; ok {
		b.program = was
	}
	w.programs[sum] = b.program
	return b
}

// reset makes everything as a sequence finds it, and returns the model of that: a build
// directory that is a tree, one that is as cargo made it, and none.
func (w *world) reset() (*state, error) {
	if err := errors.Join(w.removeAll(), w.settleSpace()); err != nil {
		return nil, err
	}
	if _, err := layers.Create(background, w.storeOptions()); err != nil {
		return nil, err
	}
	for _, name := range planned { // before
		if err := copyIf(w.Path(name), w.store); err != nil {
			return nil, err
		}
	}
	s := &state{layers: map[string]sealed{}, places: make([]place, len(w.places)), holds: map[string]int{}, locked: map[string]bool{}, claims: map[int]int{}, at: make([]position, processes)}
	for i := range w.places[:2] {
		n, err := w.lay(i, w.saved[i][0], i == 0)
		if err != nil {
			return nil, err
		}
		s.places[i].active = n
	}
	return s, nil
}

// planned is what cargo has planned, in a store, and what it knows of rustc.
var planned = []string{"plans", "rustc-notes.json"}

// keepPlans keeps for the next sequence what cargo has planned in this one.
func (w *world) keepPlans() error {
	for _, name := range planned {
		if err := os.RemoveAll(w.Path(name)); err != nil {
			return err
		}
		if err := copyIf(filepath.Join(w.store, name), w.Dir); err != nil {
			return err
		}
	}
	return nil
}

// copyIf copies what is there into a directory.
func copyIf(from, into string) error {
	if !fixture.Exists(from) {
		return nil
	}
	if out, err := exec.Command("cp", "-a", from, into).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

func (w *world) storeOptions() layers.Options {
	return layers.Options{Dir: w.store, Driver: driverOf(w.fs.driver), Now: time.Now, Tool: "cargo-cow model", Temp: os.TempDir(), Passing: true}
}

func (w *world) removeAll() error {
	d := driverOf(w.fs.driver)
	for _, p := range w.places {
		beside, err := filepath.Glob(filepath.Join(p.Dir, "*target*"))
		if err != nil {
			return err
		}
		hidden, err := filepath.Glob(filepath.Join(p.Dir, ".target*"))
		if err != nil {
			return err
		}
		for _, path := range append(beside, hidden...) {
			if err := d.Delete(background, path); err != nil {
				return err
			}
		}
		if _, err := os.Stat(p.Path(".git")); err != nil {
			continue
		}
		git := exec.Command("git", "switch", "--quiet", "--discard-changes", "--detach", "main")
		git.Dir, git.Env = p.Dir, p.Env
		_ = os.Remove(filepath.Join(gitDir(p.Dir), "index.lock")) // of a git that was killed
		if out, err := git.CombinedOutput(); err != nil {
			return fmt.Errorf("git switch: %w: %s", err, out)
		}
	}
	return d.Delete(background, w.store)
}

func gitDir(place string) string {
	git := filepath.Join(place, ".git")
	if text, err := os.ReadFile(git); err == nil {
		git = strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir: "))
	}
	return git
}

// lay makes a saved build the build directory of a place, as a tree or as an ordinary
// directory.
func (w *world) lay(i int, b savedBuild, tree bool) (node, error) {
	target := w.places[i].Target()
	n := node{there: true, program: b.program, base: b.name}
	if tree {
		return n, driverOf(w.fs.driver).Clone(background, target, b.dir)
	}
	n.ordinary = w.fs.driver == "btrfs"
	out, err := exec.Command("cp", "-a", "--reflink=auto", b.dir, target).CombinedOutput()
	if err != nil {
		return n, fmt.Errorf("%w: %s", err, out)
	}
	return n, nil
}

// A foundDir is a directory as it was read.
type foundDir struct {
	tree     tree // nil: it is not there
	program  int
	layer    string
	restored int64
	lacks    []string // packages of which the last restore has left something to be built
	ordinary bool
}

type foundLayer struct {
	foundDir
	label, parent string
}

// A finding is all that is there.
type finding struct {
	layers map[string]foundLayer
	places []struct{ active, undo foundDir }
	wrong  []string // what must not be, whatever was done
}

// read reads all that is there; without known every byte.
func (w *world) read(known digests) (*finding, error) {
	f := &finding{layers: map[string]foundLayer{}, places: make([]struct{ active, undo foundDir }, len(w.places))}
	wrong := func(format string, args ...any) { f.wrong = append(f.wrong, fmt.Sprintf(format, args...)) }
	names, err := os.ReadDir(filepath.Join(w.store, "layers"))
	if err != nil {
		return nil, err
	}
	for _, d := range names {
		if len(d.Name()) != 32 {
			wrong("layers/%s is left over", d.Name())
			continue
		}
		l, err := w.readLayer(d.Name(), known)
		if err != nil {
			wrong("layer %s: %v", d.Name(), err)
			continue
		}
		f.layers[d.Name()] = *l
	}
	if err := w.lookAround(f, wrong); err != nil {
		return nil, err
	}
	for i, p := range w.places {
		if fixture.Exists(p.Target(".gitignore")) {
			wrong("the build directory of place %d is hidden from git as an undo tree is", i)
		}
		undo := p.Path("target.cargo-cow-undo")
		if i == 2 {
			undo = p.Path(".target.cargo-cow-undo") // no git passes over it
		}
		for path, to := range map[string]*foundDir{p.Target(): &f.places[i].active, undo: &f.places[i].undo} {
			if *to, err = w.readDir(path, known); err != nil {
				return nil, err
			}
		}
		if f.places[i].undo.tree != nil && !fixture.Exists(filepath.Join(undo, ".gitignore")) {
			wrong("the undo tree of place %d is not hidden from git", i)
		}
	}
	return f, nil
}

func (w *world) readDir(dir string, known digests) (foundDir, error) {
	t, err := readTree(dir, known)
	if err != nil || t == nil {
		return foundDir{}, err
	}
	f := foundDir{tree: t, program: noProgram}
	if n, ok := w.programs[t[w.written.Programs[0]].sum]; ok {
		f.program = n
	}
	var active struct {
		Layer    string `json:"layer"`
		Restored int64  `json:"restored"`
		Noted    []struct {
			Record string `json:"record"`
		} `json:"noted"`
	}
	text, err := os.ReadFile(filepath.Join(dir, ".cargo-cow/active.json"))
	if err == nil {
		err = json.Unmarshal(text, &active)
	}
	if err != nil && !isGone(err) {
		return f, fmt.Errorf("%s: %w", dir, err)
	}
	f.layer, f.restored = active.Layer, active.Restored
	for _, n := range active.Noted {
		unit := filepath.Base(n.Record)
		if i := strings.LastIndexByte(unit, '-'); i > 0 {
			f.lacks = append(f.lacks, unit[:i])
		}
	}
	if w.fs.driver == "btrfs" {
		var st syscall.Stat_t
		if err := syscall.Lstat(dir, &st); err != nil {
			return f, err
		}
		f.ordinary = st.Ino != 256 // BTRFS_FIRST_FREE_OBJECTID, the root of each subvolume
	}
	return f, nil
}

// noProgram is that of a build directory whose program nobody has built.
const noProgram = 1 << 30

func (w *world) readLayer(id string, known digests) (*foundLayer, error) {
	dir, err := w.readDir(filepath.Join(w.store, "layers", id), known)
	if err != nil {
		return nil, err
	}
	l := &foundLayer{foundDir: dir}
	var record struct {
		Layer  string `json:"layer"`
		Label  string `json:"label"`
		Parent string `json:"parent"`
	}
	text, err := os.ReadFile(filepath.Join(w.store, "records", id+".json"))
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err == nil && record.Layer != id {
		err = fmt.Errorf("its record is of %q", record.Layer)
	}
	if err != nil {
		return nil, err
	}
	l.label, l.parent = record.Label, record.Parent
	if given, err := os.ReadFile(filepath.Join(w.store, "labels", id)); err == nil {
		l.label = string(given)
	}
	return l, nil
}

// lookAround looks for what is left over: records and labels of no layer, half-made files
// and trees.
func (w *world) lookAround(f *finding, wrong func(string, ...any)) error {
	records, err := os.ReadDir(filepath.Join(w.store, "records"))
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, ok := f.layers[strings.TrimSuffix(r.Name(), ".json")]; !ok {
			wrong("records/%s is of no layer", r.Name())
		}
	}
	for _, dir := range []string{".", "labels", "lastuse", "leases", "plans"} {
		list, err := os.ReadDir(filepath.Join(w.store, dir))
		if err != nil && !isGone(err) {
			return err
		}
		for _, d := range list {
			if strings.HasPrefix(d.Name(), ".tmp-") || strings.HasPrefix(d.Name(), ".trash-") {
				wrong("%s/%s is left over", dir, d.Name())
			}
		}
	}
	for _, p := range w.places {
		left, err := filepath.Glob(filepath.Join(p.Dir, ".target.cargo-cow-tmp*"))
		if err != nil {
			return err
		}
		for _, path := range left {
			wrong("%s is left over", path)
		}
		for _, misnamed := range []string{"target.cargo-cow-undo", ".target.cargo-cow-undo"} {
			if (misnamed[0] == '.') != (p == w.places[2]) && fixture.Exists(p.Path(misnamed)) {
				wrong("%s has the name it should not", p.Path(misnamed))
			}
		}
		if fixture.Exists(p.Target(".cargo-cow/prepared")) {
			wrong("%s is marked as not in place yet", p.Target())
		}
	}
	return nil
}

// content lists in what a directory that was read is not what a node says.
func (w *world) content(is foundDir, n node, givers []tree) []string {
	was, ok := w.trees[n.base]
	if !ok {
		return []string{"the test does not know the tree " + n.base}
	}
	r := relation{restored: n.restored, at: is.restored, extended: n.extended, written: w.written, lacks: is.lacks}
	if n.built {
		r.program = digestOf(program(n.program))
	}
	return is.tree.follows(was, r, givers)
}

// setting is what a process needs to know.
func (w *world) setting(number int) setting {
	s := setting{
		Number: number, Store: w.store, Driver: w.fs.driver, Program: fixture.Program(w.T), Env: slices.Clone(w.Env),
		Crates: w.Path("crates"), Written: w.written,
	}
	for _, p := range w.places {
		s.Places = append(s.Places, p.Dir)
	}
	return s
}

var errViolated = errors.New("the store is not as the model says")
