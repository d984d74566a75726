package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
	sysroot, err := exec.Command("rustc", "--print=sysroot").Output()
	if err != nil {
		t.Fatal(err)
	}
	toolchain := filepath.Join(root, "toolchain")
	if err := os.Mkdir(toolchain, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(strings.TrimSpace(string(sysroot)), toolchain, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(toolchain, 0); err != nil {
			t.Errorf("unmount %s: %v", toolchain, err)
		}
	})

	dir := filepath.Join(root, "w")
	t.Setenv("PATH", toolchain+"/bin:"+os.Getenv("PATH"))
	w := worldIn(t, dir, "HOME="+dir+"/home", "CARGO_HOME="+dir+"/home/.cargo")
	w.Write("home/.cargo/config.toml", "")
	w.origin("a")
	w.place("a", "b")
	for _, name := range []string{"b", "home"} {
		err := filepath.WalkDir(w.Path(name), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, nobody, nobody)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	build := func(env []string) map[string]reuse {
		t.Helper()
		start := fixture.Stamp(t, w.Path("stamp"))
		r := w.Must("b", env, "setpriv", append(slices.Clone(as), "cargo", "build", "--offline")...)
		t.Logf("%s", r.Stderr)
		return w.reused("b/target/debug", start)
	}
	w.editOne("b", "1")
	if err := os.Lchown(w.Path("b/many/src/m7.rs"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
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
