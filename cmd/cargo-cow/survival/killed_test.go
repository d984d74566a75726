package survival

import (
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers"
	_ "github.com/cargo-cow/cargo-cow/layers/relocate" // has crash points
)

// A scenario is a command in a checkout made ready for it. Dying at one of its
// points leaves the build directory as before or as after, as the table says.
type scenario struct {
	args    []string
	prepare func(p *checkout)
	// The marks of the build directory; "" where there is none.
	before, after string
	// What cargo compiles in the state before and in the state after.
	lacking, compiled []string
	done              map[string]bool // by point: the state is the one after
	// undo: when done, the state before can be brought back.
	undo bool
}

var scenarios = map[string]scenario{
	"init an ordinary directory": {
		args: []string{"init"}, prepare: ordinary, before: "mine", after: "mine",
		done: map[string]bool{"init.cloned": false, "replace.exchanged": true, "replace.aside": true, "init.taken-over": true},
	},
	"init where nothing is": {
		args: []string{"init"}, prepare: func(*checkout) {},
		done: map[string]bool{"replace.aside": true},
	},
	"snapshot": {
		args: []string{"snapshot"}, prepare: built, before: "mine", after: "mine",
		done: map[string]bool{"snapshot.inspected": false, "snapshot.described": false, "snapshot.sealed": true, "snapshot.recorded": true},
	},
	"snapshot with what no build can use": {
		args: []string{"snapshot"}, prepare: shrunk, before: "mine", after: "mine",
		done: map[string]bool{"snapshot.described": false, "snapshot.copied": false, "snapshot.sealed": true},
	},
	"snapshot an ordinary directory": {
		args: []string{"snapshot"}, prepare: ordinary, before: "mine", after: "mine",
		done: map[string]bool{
			"init.cloned": false, "replace.exchanged": true, "replace.aside": true, "init.taken-over": true,
			"snapshot.inspected": true, "snapshot.described": true, "snapshot.sealed": true, "snapshot.recorded": true,
		},
	},
	"restore where nothing is": {
		args: []string{"restore"}, prepare: edited, before: "", after: "layer", compiled: []string{"bin app"},
		done: map[string]bool{
			"restore.verified": false, "restore.cloned": false, "restore.staged": false,
			"replace.aside": true, "restore.done": true,
		},
	},
	"restore over a tree": {
		args: []string{"restore", "--from=first"}, prepare: builtTwice, before: "mine", after: "layer", compiled: []string{"bin app"}, undo: true,
		done: map[string]bool{
			"restore.verified": false, "restore.cloned": false, "restore.staged": false,
			"replace.exchanged": true, "replace.aside": true, "restore.done": true,
		},
	},
	"restore over an ordinary directory": {
		args: []string{"restore", "--from=first"}, prepare: ordinary, before: "mine", after: "layer", compiled: []string{"bin app"}, undo: true,
		done: map[string]bool{
			"restore.staged": false, "replace.exchanged": true, "replace.aside": true, "restore.done": true,
		},
	},
	"restore for other dependencies": {
		args: []string{"restore"}, before: "", after: "layer", compiled: []string{"bin app", "lib extra"},
		prepare: func(p *checkout) {
			edited(p)
			grown(p)
		},
		done: map[string]bool{
			"restore.verified": false, "restore.cloned": false, "graft.grafted": false, "restore.staged": false,
			"replace.aside": true, "restore.done": true,
		},
	},
	// What is grafted is not compiled.
	"graft": {
		args: []string{"graft"}, before: "mine", after: "mine", undo: true,
		prepare: func(p *checkout) {
			built(p)
			grown(p)
		},
		lacking: []string{"lib extra", "lib leaf"}, compiled: []string{"lib extra"},
		done: map[string]bool{"graft.grafted": false, "replace.exchanged": true, "replace.aside": true},
	},
	"undo": {
		args: []string{"undo"}, before: "mine", after: "layer", compiled: []string{"bin app"}, undo: true,
		prepare: func(p *checkout) {
			built(p)
			p.cow("restore", "--from=first")
			p.cow("undo")
		},
		done: map[string]bool{"undo.exchanged": true},
	},
	"prune what undo would bring back": {
		args: []string{"prune", "--max-age=1d"}, before: "mine", after: "mine",
		prepare: func(p *checkout) {
			builtTwice(p)
			p.Must("touch", "--date=-3 days", p.Target()+".cargo-cow-undo")
		},
		done: map[string]bool{"discard.renamed": true},
	},
	"undo where nothing is": {
		args: []string{"undo"}, before: "", after: "mine",
		prepare: func(p *checkout) {
			built(p)
			p.cow("restore", "--from=first")
			p.Must("cargo", "clean", "--quiet")
		},
		done: map[string]bool{"undo.exchanged": true},
	},
}

// edited makes the checkout differ from the layer in its program.
func edited(p *checkout) { p.Write("app/src/main.rs", mainRS("second")) }

var grownFiles = map[string]string{
	"Cargo.toml":       "[workspace]\nmembers = [\"app\", \"extra\", \"liba\"]\nresolver = \"3\"\n",
	"extra/Cargo.toml": "[package]\nname = \"extra\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nleaf = \"1\"\n",
	"extra/src/lib.rs": "",
}

// grown makes the checkout have two packages more in its lockfile than its layer
// has. One of them, from a registry, is in the layer of another project.
func grown(p *checkout) {
	p.T.Helper()
	p.w.leafSealed(p.T)
	for name, text := range grownFiles {
		p.Write(name, text)
	}
	p.Must("cargo", "generate-lockfile", "--offline", "--quiet")
}

// shrunk is built, and has the units of a package that its lockfile has no more. A
// part of the build directory is a subvolume.
func shrunk(p *checkout) {
	p.T.Helper()
	built(p)
	grown(p)
	p.Must("cargo", "build", "--quiet", "--offline")
	p.Must("git", "checkout", "--quiet", "--", "Cargo.toml", "Cargo.lock")
	p.Must("cargo", "build", "--quiet", "--offline")
	loopfs.Subvolume(p.T, p.Target("debug", "inside"))
}

// built gives the edited checkout a build directory of its own, all fresh.
func built(p *checkout) {
	p.cow("restore")
	edited(p)
	p.builds([]string{"bin app"}, "second")
	p.mark("mine")
}

// builtTwice is built, after an earlier restore that could be undone.
func builtTwice(p *checkout) {
	built(p)
	p.mark("older")
	p.cow("restore", "--from=first")
	p.builds([]string{"bin app"}, "second")
	p.mark("mine")
}

// ordinary is built, in a directory that is no tree.
func ordinary(p *checkout) {
	built(p)
	p.Must("cp", "-a", p.Target(), p.Path("copy"))
	p.Must("cargo", "clean", "--quiet")
	p.Must("mv", p.Path("copy"), p.Target())
	p.Must("rm", "-r", p.Target(".cargo-cow"))
}

// newScenarioWorld is one whose layer has the label first. It has a registry with
// one crate.
func newScenarioWorld(t *testing.T) *world {
	dir := loopfs.Btrfs(t, loopfs.Size(8<<30))
	home := filepath.Join(dir, "home")
	registry := fixture.LocalRegistry{Dir: filepath.Join(dir, "registry"), Home: home}
	if err := registry.Publish("leaf", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, dir, "CARGO_HOME="+home).sealed()
	w.origin.cow("snapshot", "--label=first")
	return w
}

// leafSealed makes a layer of a project that has nothing but the registry's crate,
// once.
func (w *world) leafSealed(t testing.TB) {
	p := w.at("other").in(t)
	if fixture.Exists(p.Dir) {
		return
	}
	p.Write("Cargo.toml", "[package]\nname = \"other\"\nedition = \"2024\"\n[dependencies]\nleaf = \"1\"\n")
	p.Write("src/lib.rs", "")
	p.Must("cargo", "build", "--quiet", "--offline")
	p.cow("init")
	p.cow("snapshot")
}

func TestEveryCrashpointHasAScenario(t *testing.T) {
	passed := maps.Clone(removalPoints)
	maps.Copy(passed, movePoints)
	for _, point := range slices.Concat(forkPoints, unforkPoints) {
		passed[point] = true
	}
	for _, s := range scenarios {
		for point := range s.done {
			passed[point] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(passed)), layers.Crashpoints(); !slices.Equal(got, want) {
		t.Errorf("the scenarios pass %q, the program has %q", got, want)
	}
}

func TestKilled(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScenarioWorld(t)
			for point, done := range s.done {
				t.Run(point, func(t *testing.T) { s.killed(t, w, point, done) })
			}
		})
	}
}

func (s scenario) killed(t *testing.T, w *world, point string, done bool) {
	p := w.checkout("killed-" + point).in(t)
	s.prepare(p)
	r := p.with("CARGO_COW_CRASHPOINT=" + point + "=kill").TryCow(s.args...)
	if r.Signal != syscall.SIGKILL {
		t.Fatalf("the command did not die at %s: %v", point, r)
	}
	p.checks()
	s.whole(p, done)
	if s.undo && done {
		p.cow("undo")
		s.whole(p, false)
		p.cow("undo")
		p.tidy()
	}
	if s.args[0] == "undo" {
		// The second one takes back the first, if there is something to take back.
		if r := p.TryCow("undo"); s.undo && r.Code != 0 || !s.undo && r.Code != 4 {
			t.Errorf("undo: %v", r)
		}
		p.tidy()
		return
	}
	p.cow(s.args...)
	p.tidy()
	p.checks()
	s.whole(p, true)
	if s.args[0] == "snapshot" {
		sealedOnce(p)
	}
}

// whole checks that the build directory is the one before or the one after, and
// that all of it is there.
func (s scenario) whole(p *checkout, done bool) {
	p.T.Helper()
	mark, compiled := s.before, s.lacking
	if done {
		mark, compiled = s.after, s.compiled
	}
	if got := p.marked(); got != mark {
		p.T.Errorf("the build directory is marked %q, want %q", got, mark)
	}
	if mark == "" {
		if done != fixture.Exists(p.Target()) {
			p.T.Errorf("the build directory exists: %v, want %v", !done, done)
		}
		return
	}
	// Once compiled, the next look finds it fresh.
	if got, says := p.build(); len(got) > 0 && !slices.Equal(got, compiled) || says != "second cow" {
		p.T.Errorf("cargo compiled %q, want %q; the program says %q", got, compiled, says)
	}
}

// sealedOnce checks that the checkout's state is the newest layer, that it is there
// once, and that the layer it names as its parent is there.
func sealedOnce(p *checkout) {
	p.T.Helper()
	last := p.TryCow("list").Line(p.T, "layer")
	if id := p.cow("snapshot")["layer"]; id != last["layer"] {
		p.T.Errorf("the build directory is layer %v, the newest is %v", id, last["layer"])
	}
	if parent, _ := last["parent"].(string); parent != "" && !fixture.Exists(filepath.Join(p.w.store, "layers", parent)) {
		p.T.Errorf("its parent %s was never sealed", parent)
	}
}

// A switch that dies has git's part done or not; what cargo then builds is right
// either way, and switching again ends it.
func TestKilledInSwitch(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	for point, state := range map[string]struct{ moved, done bool }{
		"snapshot.described": {}, "snapshot.sealed": {}, "snapshot.recorded": {},
		"restore.verified": {moved: true}, "restore.cloned": {moved: true}, "restore.staged": {moved: true},
		"replace.exchanged": {true, true}, "replace.aside": {true, true}, "restore.done": {true, true},
	} {
		t.Run(point, func(t *testing.T) {
			p := w.checkout("switch-" + point).in(t)
			built(p)
			p.Must("git", "commit", "--quiet", "--all", "--message=second")
			r := p.with("CARGO_COW_CRASHPOINT="+point+"=kill").TryCow("switch", "--detach", "main")
			if r.Signal != syscall.SIGKILL {
				t.Fatalf("the command did not die at %s: %v", point, r)
			}
			p.checks()
			switch {
			case !state.moved:
				p.builds(nil, "second")
			case !state.done:
				p.builds([]string{"bin app"}, "first")
			default:
				p.builds(nil, "first")
			}
			if r := p.TryCow("switch", "--detach", "main"); r.Code != 0 {
				t.Errorf("switch again: %v", r)
			}
			p.tidy()
			p.checks()
			p.builds(nil, "first")
		})
	}
}

// An error on the way is told, and leaves nothing behind.
func TestFailed(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScenarioWorld(t)
			for point, done := range s.done {
				t.Run(point, func(t *testing.T) {
					p := w.checkout("failed-" + point).in(t)
					s.prepare(p)
					r := p.with("CARGO_COW_CRASHPOINT=" + point + "=error").TryCow(s.args...)
					fails(t, r, 1, "injected fault")
					p.tidy()
					p.checks()
					// What was exchanged when the error came is exchanged back.
					back := point == "replace.exchanged" || point == "undo.exchanged" && s.before != ""
					s.whole(p, done && !back)
					p.TryCow(s.args...)
					p.tidy()
				})
			}
		})
	}
}
