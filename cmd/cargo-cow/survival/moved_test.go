package survival

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// movePoints are passed by a move to another file system: has it happened at each? The second of
// them is passed by one that renames, too.
var movePoints = map[string]bool{"move.copied": false, "move.noted": false, "move.published": true, "move.retired": true}

// A move of a store that dies has happened or not. Whoever comes next finds every layer, where the
// store was or where it went, and nothing half done is left after that. The move can be run again.
func TestMoveKilled(t *testing.T) {
	t.Parallel()
	for point, done := range movePoints {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			moveKilled(t, loopfs.Ext4(t), point, done)
		})
	}
	t.Run("renamed", func(t *testing.T) {
		t.Parallel()
		moveKilled(t, "", "move.noted", false)
	})
}

func moveKilled(t *testing.T, away, point string, done bool) {
	dir := loopfs.Btrfs(t, loopfs.Size(4<<30))
	w := newWorld(t, dir, "XDG_DATA_HOME="+filepath.Join(dir, "data")).sealed()
	if away == "" {
		away = w.Path("elsewhere")
	}
	p := w.origin
	p.cow("snapshot", "--label=first")
	p.Write("target/debug/incremental/more", "more")
	p.cow("snapshot", "--label=second")
	to := filepath.Join(away, "moved")
	r := p.with("CARGO_COW_CRASHPOINT="+point+"=kill").TryCow("store", "move", to)
	if r.Signal != syscall.SIGKILL {
		t.Fatalf("the command did not die at %s: %v", point, r)
	}
	whole := func(where string) {
		t.Helper()
		if got := p.listed(); !slices.Contains(got, "first") || !slices.Contains(got, "second") {
			t.Errorf("layers %q", got)
		}
		p.checks()
		p.restores("first")
		now := p.TryCow("store", "show").Line(t, "store")
		if now["store"] != where {
			t.Errorf("the store is at %v, want %s", now["store"], where)
		}
		for _, other := range []string{w.store, to} {
			if fixture.Exists(other) != (other == where) {
				t.Errorf("%s is there: %v", other, other != where)
			}
		}
		left, _ := os.ReadDir(away)
		for _, e := range left {
			if strings.HasPrefix(e.Name(), ".tmp-") {
				t.Errorf("%s is left", e.Name())
			}
		}
		if fixture.Exists(filepath.Join(where, "move")) {
			t.Error("the note of the move is left")
		}
	}
	if done {
		whole(to)
		return
	}
	whole(w.store)
	p.cow("store", "move", to)
	whole(to)
}

// Where the copying fails, all is as it was.
func TestMoveFailed(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t, loopfs.Size(4<<30))
	w := newWorld(t, dir, "XDG_DATA_HOME="+filepath.Join(dir, "data")).sealed()
	p := w.origin
	p.cow("snapshot", "--label=first")
	unchanged := func(away string) {
		t.Helper()
		p.checks()
		p.restores("first")
		left, err := os.ReadDir(away)
		for _, e := range left {
			if e.Name() != "lost+found" && e.Name() != "ballast" {
				t.Errorf("%s is left (%v)", e.Name(), err)
			}
		}
		if !fixture.Exists(filepath.Join(w.store, "version")) || fixture.Exists(filepath.Join(w.store, "move")) {
			t.Error("the store is not as it was")
		}
	}
	full := loopfs.Ext4(t, loopfs.Size(64<<20))
	fill(t, filepath.Join(full, "ballast"))
	fails(t, p.TryCow("store", "move", filepath.Join(full, "s")), 1, "no space left")
	unchanged(full)

	away := loopfs.Ext4(t)
	for _, point := range []string{"move.copied", "move.noted"} {
		fails(t, p.with("CARGO_COW_CRASHPOINT="+point+"=error").TryCow("store", "move", filepath.Join(away, "s")), 1, "injected fault")
		unchanged(away)
	}
	// Build directories on Btrfs could not be restored from another Btrfs.
	other := loopfs.Btrfs(t)
	fails(t, p.TryCow("store", "move", filepath.Join(other, "s")), 1, "is on another file system, and would have no store")
	unchanged(other)
}
