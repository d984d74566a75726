package soundness

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// A hazard is a way in which a moved build directory can be fresh for cargo
// though a clean build would give another program.
type hazard struct {
	// name begins with the hazard's number in docs/soundness.md.
	name string
	// rule closes it: the value of CARGO_COW_TEST_WITHOUT that opens it again.
	// Several rules, with commas, where more than one watches the difference.
	rule string
	// safe says why cargo is not fooled by a naive copy. With a rule besides, it
	// is the restore's own doing that could fool it.
	safe string

	// files is laid out as the world is: a/ the origin, ext/ beside it, b/ over
	// the checkout before the restore, later/ over the checkout after it.
	files string
	env   []string

	// Steps that go another way than usual.
	origin  func(w *world)        // instead of commit and cargo build at the origin
	differ  func(w *world)        // in the checkout, after b/ and before the restore
	restore []string              // more flags
	during  func(w *world)        // while the restore is stopped, all files verified
	later   func(w *world)        // after the restore and after later/
	observe func(w *world) string // instead of cargo build and app's output
}

var hazards = slices.Concat(
	sourceHazards, scriptHazards, valueHazards, macroHazards, linkHazards, stateHazards, vendoredHazards, outsideHazards, extentHazards,
)

// TestHazards: each hazard in four ways, from one origin.
//
// naive-copy: a copy of the build directory with one time for all its files, which
// is a restore without rules, ends in a stale program.
//
// with-rules: with all rules on, the program built in the checkout is that of a clean
// build, and cargo rebuilds exactly what explain said it would. The same goes for
// a second checkout that is built with the wrapper: with-wrapper.
//
// without-rule: with the one rule switched off the same steps end in a stale
// program, so it is this rule that closes the hazard.
func TestHazards(t *testing.T) {
	dir := btrfs(t)
	var ran, elsewhere atomic.Int32
	t.Cleanup(func() {
		// A -run that picks a few hazards may pick those that the wrapper leaves alone, and
		// in CI cargo keeps no state to go on from.
		inCI := slices.Contains(fixture.More(), "CI=true")
		if all, n := ran.Load(), elsewhere.Load(); !inCI && all > 20 && n < all/2 {
			t.Errorf("of %d hazards only %d were compiled at the origin's path", all, n)
		}
	})
	for _, h := range hazards {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(h, dir)
			t.Run("naive-copy", s.naive)
			var w *world // for both ways with the rules, sealed once
			t.Run("with-rules", func(t *testing.T) {
				w = s.begin(t)
				snapshot(w)
				s.withRules(w, true)
			})
			t.Run("with-wrapper", func(t *testing.T) {
				if w == nil {
					w = s.begin(t)
					snapshot(w)
				}
				w.again(t)
				w.wrapped = []string{"RUSTC_WRAPPER=" + fixture.Wrapper(t)}
				s.withRules(w, false)
				ran.Add(1)
				if len(w.elsewhere) > 0 {
					elsewhere.Add(1)
				}
				t.Logf("compiled at the origin's path: %q", w.elsewhere)
			})
			if h.rule != "" {
				t.Run("without-rule", s.withoutRule)
			}
		})
	}
}

func (s *scene) naive(t *testing.T) {
	seen := s.run(s.begin(t), naiveCopy)
	if stale := seen.got != seen.truth; stale != (s.safe == "") {
		t.Errorf("stale is %t, cargo's own safety is %q:\nclean    %s\nrestored %s", stale, s.safe, seen.truth, seen.got)
	}
}

// withRules asks explain, too, where that is to be compared with what is built.
func (s *scene) withRules(w *world, explain bool) {
	t := w.T
	t.Helper()
	var plan []map[string]any
	seen := s.run(w, func(w *world, h hazard) {
		if !restore(w, h) {
			if h.rule != "" && h.rule != "fingerprint" {
				t.Error("no layer fits, so this proves nothing")
			}
		} else if explain && h.later == nil && !strings.Contains(h.files, "\n-- later/") {
			plan = w.checkout.Cow("explain")
		}
	})
	if seen.got != seen.truth {
		t.Errorf("stale (-clean build +restored):\n%s", cmp.Diff(seen.truth, seen.got))
	}
	if plan != nil && seen.build != nil {
		if diff := cmp.Diff(explained(t, plan, seen.build), seen.build.Ran()); diff != "" {
			t.Errorf("rebuilt units (-explain +cargo):\n%s", diff)
		}
	}
}

func (s *scene) withoutRule(t *testing.T) {
	w := s.begin(t, without+s.rule)
	snapshot(w)
	seen := s.run(w, func(w *world, h hazard) { restore(w, h) })
	if seen.got == seen.truth {
		t.Errorf("without %s still right (%s), so this proves nothing about the rule; the restore said\n%s",
			s.rule, seen.got, strings.Join(seen.reasons, "\n"))
	}
}

// observation is what was seen in the checkout: got after the restore, truth after
// a clean build at the same path. build is cargo's first after the restore,
// reasons what the restore itself gave.
type observation struct {
	got, truth string
	build      *fixture.Build
	reasons    []string
}

// run goes through the hazard's steps in the checkout.
func (s *scene) run(w *world, restore func(w *world, h hazard)) observation {
	t, h := w.T, s.hazard
	t.Helper()
	ar := txtar.Parse([]byte(h.files))
	w.origin.Worktree(w.checkout.Dir)
	w.lay(ar, "b", "b")
	if h.differ != nil {
		h.differ(w)
	}
	restore(w, h)
	seen := observation{reasons: reasons(w.restored)}
	w.lay(ar, "later", "b")
	if h.later != nil {
		h.later(w)
	}
	observe := h.observe
	if observe == nil {
		observe = func(w *world) string { return w.checkout.Runs("app", "build") }
	}
	w.Forget()
	plain := w.checkout
	w.checkout = plain.With(w.wrapped...)
	seen.got = observe(w)
	w.checkout = plain
	seen.build = w.Last()
	w.elsewhere = compiledElsewhere(t, w.Path("b/target"))
	seen.truth = s.truth(w, observe)
	t.Logf("clean build: %s; restored: %s", seen.truth, seen.got)
	return seen
}

// compiledElsewhere lists the crates of a build directory whose last compilation was at
// another checkout's path.
func compiledElsewhere(t testing.TB, dir string) []string {
	t.Helper()
	var crates []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".d" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, ok := handoff.ParseState(string(text)); ok {
			name := filepath.Base(path)
			crates = append(crates, name[:strings.IndexAny(name, "-.")])
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	slices.Sort(crates)
	return slices.Compact(crates)
}

// snapshot seals the origin's build directory.
func snapshot(w *world) {
	w.T.Helper()
	w.origin.Cow("init")
	w.origin.Cow("snapshot")
}

// restore reports whether a layer fitted.
func restore(w *world, h hazard) bool {
	w.T.Helper()
	args := append([]string{"restore"}, h.restore...)
	var r fixture.Result
	if h.during != nil {
		p := w.checkout.StopCow("restore.verified", args...)
		h.during(w)
		r = p.Continue()
	} else {
		r = w.checkout.TryCow(args...)
	}
	switch r.Code {
	case 0:
		w.restored = fixture.JSONLines(w.T, r.Stdout)
		return true
	case 4:
		return false
	default:
		w.T.Fatalf("cargo-cow %q: %v", args, r)
		return false
	}
}

func naiveCopy(w *world, h hazard) {
	w.T.Helper()
	w.checkout.Must("cp", "-a", w.origin.Dir+"/target", w.checkout.Dir+"/target")
	if h.during != nil {
		h.during(w)
	}
	// The kernel stamps files by a coarser clock, which must have moved on.
	oneTime(w.T, w.Path("b/target"), fixture.Stamp(w.T, w.Path("naive.mark")))
	time.Sleep(20 * time.Millisecond)
}

// oneTime gives every file under root the time at.
func oneTime(t testing.TB, root string, at time.Time) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(name, at, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}
