package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

const nobody = 65534

// A user without any right of the machine's compiles at the origin's path, too. The
// toolchain is shown to that user below the world, since root's home is closed.
func TestOtherUser(t *testing.T) {
	root := loopfs.Btrfs(t, loopfs.Size(4<<30))
	as := []string{"--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"}
	needs(t, "setpriv", append(slices.Clone(as), "unshare", "-Um", "true")...)
	toolchain := filepath.Join(root, "toolchain")
	fixture.ShowToolchain(t, toolchain)

	dir := filepath.Join(root, "w")
	t.Setenv("PATH", toolchain+"/bin:"+os.Getenv("PATH"))
	w := worldIn(t, dir, "HOME="+dir+"/home", "CARGO_HOME="+dir+"/home/.cargo")
	w.Write("home/.cargo/config.toml", "")
	w.origin("a")
	w.restoredWorktree("a", "b")
	w.Own("b", nobody)
	w.Own("home", nobody)
	build := func(env []string) map[string]reuse {
		t.Helper()
		start := fixture.Stamp(t, w.Path("stamp"))
		r := w.Must("b", env, "setpriv", append(slices.Clone(as), "cargo", "build", "--offline")...)
		t.Logf("%s", r.Stderr)
		return w.reused("b/target/debug", start)
	}
	w.editOne("b", "1")
	w.Own("b/many/src/m7.rs", nobody)
	if got := build(w.with()); got["many"].share() < 0.9 || !slices.Contains(w.taken("b/target"), "many") {
		t.Errorf("reused %v; compiled at the origin's path: %v; remembered %q", got, w.taken("b/target"), handoff.Unavailable(w.Path("b/target")))
	}
	if got := build(nil); len(got) > 0 {
		t.Errorf("built again without the wrapper: %v", got)
	}
	got := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout
	if want := w.clean("b", nil); got != want {
		t.Errorf("the program prints %q, that of a clean build %q", got, want)
	}
}
