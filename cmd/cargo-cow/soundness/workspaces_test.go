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

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// TestExplainKeepsItsWord: in whole workspaces cargo rebuilds what explain said it
// would, unit by unit: in a new worktree without a difference, with each edit, on
// another commit, and with what was then built and sealed. Those on published crates
// are built where CARGO_COW_TEST_WORKSPACES names them: `make explain`.
func TestExplainKeepsItsWord(t *testing.T) {
	t.Parallel()
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
				w.origin.Build(c...)
			}
			w.origin.Cow("snapshot")
			if status := w.origin.Cow("status")[0]; status["strange"] != nil {
				t.Errorf("%v fingerprints are not reproduced", status["strange"])
			}

			w.origin.Worktree(w.checkout.Dir)
			w.keepsItsWord("without a difference", commands)
			for _, e := range ws.Edits {
				if err := e.Apply(w.checkout.Dir); err != nil {
					t.Fatal(err)
				}
				// Cargo would not see it.
				w.touch(time.Unix(1e9, 0), filepath.Join("b", e.File), filepath.Join("b", filepath.Dir(e.File)))
				w.keepsItsWord(e.Name, commands)
				w.checkout.Must("git", "checkout", "--quiet", ".")
				w.checkout.Must("git", "clean", "--quiet", "-fd")
			}
			w.checkout.Must("git", "commit", "--quiet", "--allow-empty", "--message=another")
			w.keepsItsWord("another commit", commands)
			w.checkout.Cow("snapshot")
			w.checkout = w.At("c")
			w.origin.Worktree(w.checkout.Dir)
			w.keepsItsWord("the second layer", commands)
		})
	}
}

// keepsItsWord restores the checkout, asks explain, and builds.
func (w *world) keepsItsWord(what string, commands [][]string) {
	w.T.Helper()
	w.checkout.Cow("restore")
	plan := w.checkout.Cow("explain")
	all := &fixture.Build{Fresh: map[fixture.Unit]bool{}}
	for _, c := range commands {
		b := w.checkout.Build(c...)
		for u, fresh := range b.Fresh {
			if seen, ok := all.Fresh[u]; ok {
				fresh = fresh && seen
			}
			all.Fresh[u] = fresh
		}
	}
	if diff := cmp.Diff(explained(w.T, plan, all), all.Ran()); diff != "" {
		w.T.Errorf("%s (-explain +cargo):\n%s\n%s", what, diff, strings.Join(reasons(plan), "\n"))
	}
	own := slices.DeleteFunc(reasons(plan), func(r string) bool { return strings.Contains(r, ": dependency: ") })
	w.T.Logf("%s: cargo rebuilds %d of %d, for\n%s", what, len(all.Ran()), len(all.Fresh), strings.Join(own, "\n"))
}
