package soundness

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/hack/workspaces"
)

// TestExplainKeepsItsWord: in whole workspaces cargo rebuilds what explain said it
// would, unit by unit: in a new worktree without a difference, with each edit, on
// another commit, and with what was then built and sealed. Those on published crates
// are built where CARGO_COW_TEST_WORKSPACES names them: `make explain`.
func TestExplainKeepsItsWord(t *testing.T) {
	program(t)
	dir := btrfs(t)
	asked := append(strings.Fields(os.Getenv("CARGO_COW_TEST_WORKSPACES")), "small")
	for _, ws := range workspaces.All() {
		if !slices.Contains(asked, ws.Name) {
			continue
		}
		t.Run(ws.Name, func(t *testing.T) {
			w := newWorld(t, filepath.Join(dir, ws.Name))
			if err := ws.Write(w.origin.Dir); err != nil {
				t.Fatal(err)
			}
			w.commit()
			commands := [][]string{{"build", "--workspace"}, {"test", "--workspace", "--no-run"}}
			w.origin.Cow("init")
			for _, c := range commands {
				w.origin.mustBuild(c...)
			}
			w.origin.Cow("snapshot")
			if status := w.origin.Cow("status")[0]; status["strange"] != nil {
				t.Errorf("%v fingerprints are not reproduced", status["strange"])
			}

			w.origin.must("git", "worktree", "add", "--quiet", "--detach", w.place.Dir)
			w.keepsItsWord("without a difference", commands)
			for _, e := range ws.Edits {
				if err := e.Apply(w.place.Dir); err != nil {
					t.Fatal(err)
				}
				// Cargo would not see it.
				w.touch(time.Unix(1e9, 0), filepath.Join("b", e.File), filepath.Join("b", filepath.Dir(e.File)))
				w.keepsItsWord(e.Name, commands)
				w.place.must("git", "checkout", "--quiet", ".")
				w.place.must("git", "clean", "--quiet", "-fd")
			}
			w.place.must("git", "commit", "--quiet", "--allow-empty", "--message=another")
			w.keepsItsWord("another commit", commands)
			w.place.Cow("snapshot")
			w.place = w.at("c")
			w.origin.must("git", "worktree", "add", "--quiet", "--detach", w.place.Dir)
			w.keepsItsWord("the second layer", commands)
		})
	}
}

// keepsItsWord restores the place, asks explain, and builds.
func (w *world) keepsItsWord(what string, commands [][]string) {
	w.t.Helper()
	w.place.Cow("restore")
	plan := w.place.Cow("explain")
	all := &build{fresh: map[unit]bool{}}
	for _, c := range commands {
		b := w.place.mustBuild(c...)
		for u, fresh := range b.fresh {
			if seen, ok := all.fresh[u]; ok {
				fresh = fresh && seen
			}
			all.fresh[u] = fresh
		}
	}
	if diff := cmp.Diff(explained(w.t, plan, all), all.ran()); diff != "" {
		w.t.Errorf("%s (-explain +cargo):\n%s\n%s", what, diff, strings.Join(reasons(plan), "\n"))
	}
	own := slices.DeleteFunc(reasons(plan), func(r string) bool { return strings.Contains(r, ": dependency: ") })
	w.t.Logf("%s: cargo rebuilds %d of %d, for\n%s", what, len(all.ran()), len(all.fresh), strings.Join(own, "\n"))
}
