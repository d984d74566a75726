package open

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/locate"
)

func TestNamedStore(t *testing.T) {
	dir := t.TempDir()
	config := t.TempDir()
	write(t, filepath.Join(config, "cargo-cow", "config.yaml"), "store: /user\n")
	s := session(t, dir, "XDG_CONFIG_HOME="+config, "CARGO_COW_STORE=env")
	s.opts.Store = "flag/"
	want := func(want string) {
		t.Helper()
		if got, err := s.findStore(filepath.Join(dir, "target"), nil); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	want(filepath.Join(dir, "flag"))
	s.opts.Store = ""
	want(filepath.Join(dir, "env"))
	s.environ = append(s.environ, "CARGO_COW_STORE=")
	want("/user")
	s = session(t, dir, "XDG_CONFIG_HOME=relative") // ignored, as the XDG specification says
	if q, err := s.question(filepath.Join(dir, "target"), nil); err != nil || q.Configured != "" {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestStoreParent(t *testing.T) {
	base := t.TempDir()
	build := filepath.Join(base, "a", "b", "target")
	if err := os.MkdirAll(filepath.Dir(build), 0o755); err != nil {
		t.Fatal(err)
	}
	top := storeParents(build)[0]
	if rel, err := filepath.Rel(top, build); err != nil || !filepath.IsLocal(rel) {
		t.Errorf("got %s, which is not above %s", top, build)
	}
	if fi, err := os.Stat(top); err != nil || fi.Mode().Perm()&0o002 != 0 {
		t.Errorf("got %s, which everybody may write to: %v, %v", top, fi.Mode(), err)
	}
	if !locate.SameMount(top, build) {
		t.Errorf("%s and %s are on different mounts", top, build)
	}
	if locate.SameMount("/proc/self", build) {
		t.Errorf("/proc and %s are on the same mount", build)
	}
}

func TestDefaultStore(t *testing.T) {
	// tmpfs cannot share data between files.
	dir, err := os.MkdirTemp("/dev/shm", "cargo-cow-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cache := t.TempDir()
	s := session(t, dir, "XDG_CACHE_HOME="+cache)
	if got, err := s.defaultStore(filepath.Join(dir, "target")); err != nil || got != filepath.Join(cache, "cargo-cow") {
		t.Errorf("where nothing can be shared: got %s, %v", got, err)
	}
	beside := filepath.Join(dir, ".cargo-cow-"+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := s.defaultStore(filepath.Join(dir, "target")); err != nil || got != beside {
		t.Errorf("where there is one: got %s, %v", got, err)
	}
}
