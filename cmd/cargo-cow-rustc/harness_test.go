package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/session"
)

// modules of the library: as many codegen units, about.
const modules = 45

// A world is a directory with an origin, places made from it, and what lies beside
// them.
type world struct {
	t   testing.TB
	dir string
	env []string
}

var building sync.Mutex

// newWorld makes an empty world on a Btrfs file system.
func newWorld(t testing.TB, env ...string) *world {
	t.Helper()
	return worldIn(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(8<<30)), "w"), env...)
}

func worldIn(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir}
	w.env = fixture.Environ(append([]string{"CARGO_COW_STORE=" + filepath.Join(dir, "store"), "CARGO_INCREMENTAL=1"}, env...)...)
	return w
}

// wrapper builds the program once for this test binary, with the tag that lets
// single rules be switched off.
func wrapper(t testing.TB) string {
	t.Helper()
	cow := fixture.Program(t, "-tags=cowtest")
	building.Lock()
	defer building.Unlock()
	path := filepath.Join(filepath.Dir(cow), "cargo-cow-rustc")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := exec.Command("go", "build", "-tags=cowtest", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	name = w.path(name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// edit replaces what occurs once in a file.
func (w *world) edit(name, old, new string) {
	w.t.Helper()
	text := w.read(name)
	if strings.Count(text, old) != 1 {
		w.t.Fatalf("%s has %q %d times", name, old, strings.Count(text, old))
	}
	w.write(name, strings.Replace(text, old, new, 1))
}

func (w *world) run(dir string, env []string, name string, args ...string) fixture.Result {
	w.t.Helper()
	return fixture.Exec(w.t, w.path(dir), append(slices.Clone(w.env), env...), name, args...)
}

func (w *world) must(dir string, env []string, name string, args ...string) fixture.Result {
	w.t.Helper()
	r := w.run(dir, env, name, args...)
	if r.Code != 0 {
		w.t.Fatalf("%s %q in %s: %v", name, args, dir, r)
	}
	return r
}

// with is the environment with the wrapper, and more.
func (w *world) with(more ...string) []string {
	w.t.Helper()
	return append([]string{"RUSTC_WRAPPER=" + wrapper(w.t)}, more...)
}

// workspace lays out a workspace: a library of many modules, one of a few that
// depends on it and uses a macro, the macro, and a program with a test.
func (w *world) workspace(root string) {
	w.t.Helper()
	w.write(root+"/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"many\", \"few\", \"mac\", \"app\"]\n[profile.release]\nincremental = true\n")
	w.write(root+"/.gitignore", "target\n")
	manifest := func(name, more string) {
		w.write(root+"/"+name+"/Cargo.toml", fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n%s", name, more))
	}
	manifest("many", "")
	var lib, sum strings.Builder
	for i := range modules {
		fmt.Fprintf(&lib, "pub mod m%d;\n", i)
		fmt.Fprintf(&sum, " + m%d::entry(x)", i)
		var m strings.Builder
		for k := range 6 {
			fmt.Fprintf(&m, "#[inline(never)]\npub fn f%d(x: u64) -> u64 {\n    let v: Vec<u64> = (0..x %% 7 + %d).map(|y| y.wrapping_mul(%d) ^ x).collect();\n    v.iter().fold(%d, |a, b| a.rotate_left(3) ^ b)\n}\n", k, k+1, i*31+k+3, i)
		}
		fmt.Fprintf(&m, "pub fn entry(x: u64) -> u64 { (f0(x) ^ f1(x) ^ f2(x) ^ f3(x) ^ f4(x) ^ f5(x)) %% 1000 }\n")
		w.write(fmt.Sprintf("%s/many/src/m%d.rs", root, i), m.String())
	}
	w.write(root+"/many/src/lib.rs", lib.String()+"pub fn sum(x: u64) -> u64 { 0"+sum.String()+" }\npub fn here() -> &'static str { file!() }\n#[cfg(test)] mod tests { #[test] fn adds() { assert!(super::sum(1) > 0); } }\n")
	manifest("mac", "[lib]\nproc-macro = true\n")
	w.write(root+"/mac/src/lib.rs", "use proc_macro::TokenStream;\n#[proc_macro]\npub fn seven(_: TokenStream) -> TokenStream { \"7u64\".parse().unwrap() }\n")
	manifest("few", "[dependencies]\nmany = { path = \"../many\" }\nmac = { path = \"../mac\" }\n")
	w.write(root+"/few/src/lib.rs", "pub fn few(x: u64) -> u64 { many::sum(x) + mac::seven!() }\npub fn tag() -> &'static str { \"tag 1\" }\n")
	manifest("app", "[dependencies]\nfew = { path = \"../few\" }\nmany = { path = \"../many\" }\n")
	w.write(root+"/app/src/main.rs", "fn main() {\n    println!(\"{} {} {} {}\", few::few(5), few::tag(), many::here(), env!(\"CARGO_MANIFEST_DIR\"));\n}\n#[test]\nfn tagged() { assert!(few::tag().starts_with(\"tag\")); }\n")
}

// origin makes the workspace a commit of a repository, builds it with plain cargo
// and seals it.
func (w *world) origin(root string, build ...string) {
	w.t.Helper()
	w.workspace(root)
	w.commit(root)
	w.seal(root, nil, build...)
}

func (w *world) commit(root string) {
	w.t.Helper()
	if _, err := os.Stat(w.path(root + "/Cargo.lock")); err != nil {
		w.must(root, nil, "cargo", "generate-lockfile", "--quiet", "--offline")
	}
	w.must(root, nil, "git", "init", "--quiet", "--initial-branch=main")
	w.must(root, nil, "git", "add", "--all")
	w.must(root, nil, "git", "commit", "--quiet", "--message=first")
}

// seal builds with plain cargo and seals the build directory.
func (w *world) seal(root string, env []string, build ...string) {
	w.t.Helper()
	if len(build) == 0 {
		build = []string{"build"}
	}
	cow := fixture.Program(w.t, "-tags=cowtest")
	if _, err := os.Stat(w.path("store")); err != nil {
		w.must(root, env, cow, "init")
	}
	if len(env) == 0 { // it is the directory target
		fixture.Acquaint(w.t, w.path(root+"/target"), w.env)
	}
	for _, b := range build {
		w.must(root, env, "cargo", append(strings.Fields(b), "--quiet", "--offline")...)
	}
	w.must(root, env, cow, "snapshot")
}

// place makes a worktree of the origin, restores into it and says in it where it
// was before. The paths are below the world.
func (w *world) place(root, name string, origins ...string) *session.Place {
	w.t.Helper()
	w.must(root, nil, "git", "worktree", "add", "--quiet", "--detach", w.path(name))
	return w.restore(root, name, nil, origins...)
}

func (w *world) restore(root, name string, env []string, origins ...string) *session.Place {
	w.t.Helper()
	w.must(name, env, fixture.Program(w.t, "-tags=cowtest"), "restore")
	p := &session.Place{Root: w.path(name), Checkout: w.path(name), Build: []string{w.path(name + "/target")}}
	if text, err := os.ReadFile(w.path(name + "/.git")); err == nil {
		p.Git.Dir = strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
		p.Git.Common = filepath.Dir(filepath.Dir(p.Git.Dir))
	}
	for _, o := range append([]string{root}, origins...) {
		p.Origins = append(p.Origins, session.Origin{Root: w.path(o), Build: []string{w.path(o + "/target")}})
	}
	w.leave(p)
	return p
}

// leave does what a restore does for the wrapper.
func (w *world) leave(p *session.Place) {
	w.t.Helper()
	if err := p.Write(p.Build[0]); err != nil {
		w.t.Fatal(err)
	}
}

// reuse counts, of the sessions that a build has made, the object files that are
// older than it, for each crate.
type reuse struct{ old, all int }

func (r *reuse) add(more reuse) { r.old, r.all = r.old+more.old, r.all+more.all }

func (r reuse) share() float64 { return float64(r.old) / float64(max(r.all, 1)) }

// built runs cargo and returns what it reused in the profile's directory.
func (w *world) built(dir string, env []string, profile string, args ...string) (map[string]reuse, fixture.Result) {
	w.t.Helper()
	start := fixture.Stamp(w.t, w.path("stamp"))
	r := w.must(dir, env, "cargo", append(args, "--offline")...)
	return w.reused(filepath.Join(dir, "target", profile), start), r
}

func (w *world) reused(profile string, since time.Time) map[string]reuse {
	w.t.Helper()
	found := map[string]reuse{}
	crates, err := os.ReadDir(w.path(profile + "/incremental"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range crates {
		dir := w.path(profile + "/incremental/" + c.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			w.t.Fatal(err)
		}
		var sessions []string
		for _, e := range entries {
			if e.IsDir() {
				sessions = append(sessions, e.Name())
			}
		}
		newest := session.Newest(sessions)
		if newest == "" {
			continue
		}
		graph, err := os.Stat(filepath.Join(dir, newest, "dep-graph.bin"))
		if err != nil || graph.ModTime().Before(since) {
			continue
		}
		crate := c.Name()[:strings.LastIndexByte(c.Name(), '-')]
		count := found[crate]
		err = filepath.WalkDir(filepath.Join(dir, newest), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".o" {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			count.all++
			if info.ModTime().Before(since) {
				count.old++
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		found[crate] = count
	}
	return found
}

// clean returns what the program prints when it was built from nothing in the
// place. What no program prints is left out.
func (w *world) clean(dir string, env []string, args ...string) string {
	w.t.Helper()
	elsewhere := w.path("clean-" + strings.ReplaceAll(dir, "/", "-"))
	defer os.RemoveAll(elsewhere)
	env = slices.Concat(env, []string{"CARGO_TARGET_DIR=" + elsewhere, "RUSTC_WRAPPER=", "CARGO_INCREMENTAL=0", "CARGO_PROFILE_DEV_DEBUG=0"})
	fixture.Acquaint(w.t, elsewhere, slices.Concat(w.env, env))
	return w.must(dir, env, "cargo", append([]string{"run", "--quiet", "--offline"}, args...)...).Stdout
}

// taken returns the crates whose last compilation was at another path.
func (w *world) taken(dir string) []string {
	w.t.Helper()
	var crates []string
	for path, text := range w.lists(dir) {
		if _, ok := session.Marked(text); ok {
			name := filepath.Base(path)
			crates = append(crates, name[:strings.IndexAny(name, "-.")])
		}
	}
	slices.Sort(crates)
	return slices.Compact(crates)
}

// lists returns the lists of inputs that the build directory has, by name.
func (w *world) lists(dir string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(w.path(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".d" {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}
