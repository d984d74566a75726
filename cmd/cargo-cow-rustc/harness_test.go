package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
)

// modules of the library: as many codegen units, about.
const modules = 45

// A world is a directory with an origin, checkouts that were restored from it, and what
// lies beside them.
type world struct{ fixture.World }

// newWorld makes an empty world on a Btrfs file system.
func newWorld(t testing.TB, env ...string) *world {
	t.Helper()
	return worldIn(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(8<<30)), "w"), env...)
}

func worldIn(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	return &world{fixture.NewWorld(t, dir, append([]string{"CARGO_INCREMENTAL=1"}, env...)...)}
}

// with is the environment with the wrapper, and more.
func (w *world) with(more ...string) []string {
	w.T.Helper()
	return append([]string{"RUSTC_WRAPPER=" + fixture.Wrapper(w.T)}, more...)
}

// workspace lays out a workspace: a library of many modules, one of a few that
// depends on it and uses a macro, the macro, and a program with a test.
func (w *world) workspace(root string) {
	w.T.Helper()
	w.Write(root+"/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"many\", \"few\", \"mac\", \"app\"]\n[profile.release]\nincremental = true\n")
	w.Write(root+"/.gitignore", "target\n")
	manifest := func(name, more string) {
		w.Write(root+"/"+name+"/Cargo.toml", fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n%s", name, more))
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
		w.Write(fmt.Sprintf("%s/many/src/m%d.rs", root, i), m.String())
	}
	w.Write(root+"/many/src/lib.rs", lib.String()+"pub fn sum(x: u64) -> u64 { 0"+sum.String()+" }\npub fn here() -> &'static str { file!() }\n#[cfg(test)] mod tests { #[test] fn adds() { assert!(super::sum(1) > 0); } }\n")
	manifest("mac", "[lib]\nproc-macro = true\n")
	w.Write(root+"/mac/src/lib.rs", "use proc_macro::TokenStream;\n#[proc_macro]\npub fn seven(_: TokenStream) -> TokenStream { \"7u64\".parse().unwrap() }\n")
	manifest("few", "[dependencies]\nmany = { path = \"../many\" }\nmac = { path = \"../mac\" }\n")
	w.Write(root+"/few/src/lib.rs", "pub fn few(x: u64) -> u64 { many::sum(x) + mac::seven!() }\npub fn tag() -> &'static str { \"tag 1\" }\n")
	manifest("app", "[dependencies]\nfew = { path = \"../few\" }\nmany = { path = \"../many\" }\n")
	w.Write(root+"/app/src/main.rs", "fn main() {\n    println!(\"{} {} {} {}\", few::few(5), few::tag(), many::here(), env!(\"CARGO_MANIFEST_DIR\"));\n}\n#[test]\nfn tagged() { assert!(few::tag().starts_with(\"tag\")); }\n")
}

// origin makes the workspace a commit of a repository, builds it with plain cargo
// and seals it.
func (w *world) origin(root string, build ...string) {
	w.T.Helper()
	w.workspace(root)
	w.commit(root)
	w.seal(root, nil, build...)
}

func (w *world) commit(root string) {
	w.T.Helper()
	if _, err := os.Stat(w.Path(root + "/Cargo.lock")); err != nil {
		w.Must(root, nil, "cargo", "generate-lockfile", "--quiet", "--offline")
	}
	w.At(root).Repository()
}

// seal builds with plain cargo and seals the build directory.
func (w *world) seal(root string, env []string, build ...string) {
	w.T.Helper()
	if len(build) == 0 {
		build = []string{"build"}
	}
	a := w.At(root).With(env...)
	if !fixture.Exists(w.Path("store")) {
		a.Cow("init")
	}
	if len(env) == 0 { // it is the directory target
		fixture.Acquaint(w.T, w.Path(root+"/target"), w.Env)
	}
	for _, b := range build {
		a.Must("cargo", append(strings.Fields(b), "--quiet", "--offline")...)
	}
	a.Cow("snapshot")
}

// restoredWorktree makes a worktree of the origin, restores into it and leaves
// there for the wrapper where it was before. The paths are below the world.
func (w *world) restoredWorktree(root, name string, origins ...string) *handoff.Handoff {
	w.T.Helper()
	w.At(root).Worktree(name)
	return w.restore(root, name, nil, origins...)
}

func (w *world) restore(root, name string, env []string, origins ...string) *handoff.Handoff {
	w.T.Helper()
	w.At(name).With(env...).Cow("restore")
	p := &handoff.Handoff{Root: w.Path(name), Checkout: w.Path(name), Build: []string{w.Path(name + "/target")}}
	if text, err := os.ReadFile(w.Path(name + "/.git")); err == nil {
		p.Git.Dir = strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
		p.Git.Common = filepath.Dir(filepath.Dir(p.Git.Dir))
	}
	for _, o := range append([]string{root}, origins...) {
		p.Origins = append(p.Origins, handoff.Origin{Root: w.Path(o), Build: []string{w.Path(o + "/target")}})
	}
	w.handOff(p)
	return p
}

// handOff does what a restore does for the wrapper.
func (w *world) handOff(p *handoff.Handoff) {
	w.T.Helper()
	if err := p.Write(p.Build[0]); err != nil {
		w.T.Fatal(err)
	}
}

// reuse counts, of the sessions that a build has made, the object files that are
// older than it, for each crate.
type reuse struct{ old, all int }

func (r *reuse) add(more reuse) { r.old, r.all = r.old+more.old, r.all+more.all }

func (r reuse) share() float64 { return float64(r.old) / float64(max(r.all, 1)) }

// built runs cargo and returns what it reused in the profile's directory.
func (w *world) built(dir string, env []string, profile string, args ...string) (map[string]reuse, fixture.Result) {
	w.T.Helper()
	start := fixture.Stamp(w.T, w.Path("stamp"))
	r := w.Must(dir, env, "cargo", append(args, "--offline")...)
	return w.reused(filepath.Join(dir, "target", profile), start), r
}

func (w *world) reused(profile string, since time.Time) map[string]reuse {
	w.T.Helper()
	found := map[string]reuse{}
	crates, err := os.ReadDir(w.Path(profile + "/incremental"))
	if err != nil {
		w.T.Fatal(err)
	}
	for _, c := range crates {
		dir := w.Path(profile + "/incremental/" + c.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			w.T.Fatal(err)
		}
		var sessions []string
		for _, e := range entries {
			if e.IsDir() {
				sessions = append(sessions, e.Name())
			}
		}
		newest := incremental.Newest(sessions)
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
			w.T.Fatal(err)
		}
		found[crate] = count
	}
	return found
}

// clean returns what the program prints when it was built from nothing in the
// checkout. What no program prints is left out.
func (w *world) clean(dir string, env []string, args ...string) string {
	w.T.Helper()
	elsewhere := w.Path("clean-" + strings.ReplaceAll(dir, "/", "-"))
	defer os.RemoveAll(elsewhere)
	env = slices.Concat(env, []string{"CARGO_TARGET_DIR=" + elsewhere, "RUSTC_WRAPPER=", "CARGO_INCREMENTAL=0", "CARGO_PROFILE_DEV_DEBUG=0"})
	fixture.Acquaint(w.T, elsewhere, slices.Concat(w.Env, env))
	return w.Must(dir, env, "cargo", append([]string{"run", "--quiet", "--offline"}, args...)...).Stdout
}

// taken returns the crates whose last compilation was at another path.
func (w *world) taken(dir string) []string {
	w.T.Helper()
	var crates []string
	for path, text := range w.lists(dir) {
		if _, ok := handoff.ParseState(text); ok {
			name := filepath.Base(path)
			crates = append(crates, name[:strings.IndexAny(name, "-.")])
		}
	}
	slices.Sort(crates)
	return slices.Compact(crates)
}

// lists returns the lists of inputs that the build directory has, by name.
func (w *world) lists(dir string) map[string]string {
	w.T.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(w.Path(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".d" {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return found
}
