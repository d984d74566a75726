package soundness

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// sample are hazards which stand for what is read of Cargo's: dep-info, lists of
// sources, what scripts print, fingerprints that are rewritten.
var sample = []string{
	"H1/content-differs", "H2/outside-differs", "H7/manifest-dir", "H13/commit", "H19/partial-build", "vendored/names-its-source",
}

// sampleOfSetting are those for a version in another setting, which writes the same
// but for members' ids and where metadata lies.
var sampleOfSetting = []string{"H1/content-differs", "H19/partial-build"}

// TestToolchains: with each version of Rust that is held to some hazards are closed,
// and what is equal is fresh. In make soak all of them are with each, and the wrapper
// is; else that is with the oldest version and the newest. `make toolchains` runs all
// hazards.
func TestToolchains(t *testing.T) {
	t.Parallel()
	if os.Getenv("CARGO_COW_TEST_ENVIRON") != "" {
		return // then it is for the whole run
	}
	toolchains := fixture.Toolchains(t)
	dir := btrfs(t)
	for _, name := range sample {
		if !slices.ContainsFunc(hazards, func(h hazard) bool { return h.name == name }) {
			t.Errorf("there is no hazard %s", name)
		}
	}
	for _, v := range toolchains {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			hazardous, equal := sample, hamlet
			oldest, newest := v.Name == toolchains[0].Name, v.Name == toolchains[len(toolchains)-1].Name
			if v.Setting && !fixture.EveryCargo() {
				hazardous = sampleOfSetting
			}
			if oldest || fixture.EveryCargo() {
				equal = village // TestWorktreeAllFresh has it with the newest
			}
			for _, h := range hazards {
				if !slices.Contains(hazardous, h.name) {
					continue
				}
				h.env = append(slices.Clone(h.env), v.Env...)
				s := newScene(h, filepath.Join(dir, v.Name))
				t.Run(h.name, func(t *testing.T) {
					w := s.begin(t)
					snapshot(w)
					s.withRules(w, true)
					if !oldest && !newest && !fixture.EveryCargo() {
						return
					}
					w.again(t)
					w.wrapped = []string{"RUSTC_WRAPPER=" + fixture.Wrapper(t)}
					s.withRules(w, false)
				})
			}
			t.Run("fresh", func(t *testing.T) {
				w := newWorld(t, filepath.Join(dir, v.Name, "fresh"), v.Env...)
				w.lay(txtar.Parse([]byte(equal)), "a", "a")
				w.commit()
				w.origin.Cow("init")
				w.origin.Build("build", "--workspace")
				w.origin.Build("test", "--workspace", "--no-run")
				w.origin.Cow("snapshot")
				if status := w.origin.Cow("status")[0]; status["strange"] != nil {
					t.Errorf("%v fingerprints are not reproduced", status["strange"])
				}
				w.origin.Worktree(w.checkout.Dir)
				w.checkout.Cow("restore")
				checkPlan(t, w.checkout, nil, []string{"build", "--workspace"}, []string{"test", "--workspace", "--no-run"})
			})
		})
	}
}

// TestProfileDebug: since cargo 1.99 the profile debug is dev by another name, and in
// the same directory.
func TestProfileDebug(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"), "RUSTUP_TOOLCHAIN=1.99.1")
	w.lay(txtar.Parse([]byte(hamlet)), "a", "a")
	w.commit()
	w.origin.Cow("init")
	w.origin.Build("build", "--workspace", "--profile", "debug")
	w.origin.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	w.checkout.Cow("restore")
	checkPlan(t, w.checkout, nil, []string{"build", "--workspace"}, []string{"build", "--workspace", "--profile", "debug"})
	w.Write("b/liba/src/lib.rs", "pub fn value() -> u32 { 2 }\n")
	checkRan(t, w.checkout, []string{"app/app/bin", "liba/liba/lib"}, []string{"build", "--workspace", "--profile", "debug"})
}

// TestLayerOfCI: since cargo 1.99 members built in CI have other ids. What a layer of
// CI has of them is not promised.
func TestLayerOfCI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"), "RUSTUP_TOOLCHAIN=1.99.1")
	w.lay(txtar.Parse([]byte(hamlet)), "a", "a")
	w.commit()
	ci := w.origin.With("CI=true")
	ci.Cow("init")
	ci.Build("build", "--workspace")
	ci.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	w.restored = w.checkout.Cow("restore")
	b := w.checkout.Build("build", "--workspace")
	for u, fresh := range b.Fresh {
		if member := u.Package == "app" || u.Package == "liba" || u.Package == "mac" || u.Package == "scripted"; fresh == member {
			t.Errorf("%s: fresh is %t", u, fresh)
		}
	}
	kept := w.restored[len(w.restored)-1]
	if diff := cmp.Diff(float64(len(b.Fresh)-len(b.Ran())), kept["kept"]); diff != "" {
		t.Errorf("restored (-cargo's fresh ones +told): %s\n%v", diff, kept)
	}
}
