package warehouse

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// everything is what a cold build of the workspace compiles.
var everything = []string{"app", "build_script_build", "indoc", "itoa", "low", "mac", "mid", "semver"}

// What was compiled in one checkout is not compiled in another: no unit of the
// workspace is, nor of what it depends on, and the outputs share their content.
func TestFreshCheckout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.lock("a")
	w.copy("a", "b/deep")
	w.wantCompiled(w.good("a", nil), everything...)
	want := w.clean("b/deep", nil)
	b := w.good("b/deep", nil, "build", "--message-format=json")
	w.wantCompiled(b)
	if got := w.Must("b/deep", nil, w.Path("b/deep/target/debug/app")).Stdout; got != want {
		t.Errorf("prints %q, a clean build prints %q", got, want)
	}
	// Cargo takes up what was served as its own.
	for _, m := range fixture.Messages(w.good("b/deep", nil, "build", "--message-format=json").Stdout) {
		if m.Reason == "compiler-artifact" && !m.Fresh {
			t.Errorf("%s is dirty afterwards", m.Package())
		}
	}
	for _, pattern := range []string{"deps/*.rlib", "deps/*.rmeta", "deps/*.so", "deps/app-*[0-9a-f]", "build/*/build_script_build-*[0-9a-f]"} {
		outputs, err := filepath.Glob(w.Path("b/deep/target/debug/" + pattern))
		if err != nil || len(outputs) == 0 {
			t.Fatalf("%s: %d outputs, %v", pattern, len(outputs), err)
		}
		for _, path := range outputs {
			wantShared(t, path)
		}
	}
	// Plain cargo has nothing to do in it.
	before := len(w.list())
	w.Must("b/deep", nil, "cargo", "build", "--offline")
	if compiled := w.list()[before:]; len(compiled) > 0 {
		t.Errorf("without the wrapper %q are compiled", compiled)
	}
}

func wantShared(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	usage, err := reflink.FileUsage(f)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > reflink.InlineMax && usage.Exclusive > 0 {
		t.Errorf("%s: %d bytes of its own", path, usage.Exclusive)
	}
}

// The same units serve all that cargo does with them, each in its own way.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.lock("a")
	w.copy("a", "b")
	for _, args := range [][]string{
		{"check"}, {"clippy"}, {"build", "--release"}, {"test", "--no-run"}, {"build", "--features", "app/loud"},
		{"build", "--config", "build.target-dir='elsewhere'"},
	} {
		name := strings.Join(args, " ")
		first := w.good("a", nil, args...)
		before := w.Read("store/warehouse/events")
		second := w.good("b", nil, args...)
		events := w.Read("store/warehouse/events")[len(before):]
		// Clippy's driver compiles by itself, and is no compiler of ours.
		if len(first.compiled) == 0 && name != "clippy" || !strings.Contains(events, "\thit\t") {
			t.Errorf("%s: nothing compiled in the first place, or served in the second:\n%s", name, events)
		}
		if len(second.compiled) > 0 || strings.Contains(events, "\tmissed\t") {
			t.Errorf("%s: compiled again: %q\n%s", name, second.compiled, events)
		}
	}
	w.Must("b", nil, "cargo", "test", "--offline")
	if a, b := w.Must("b", nil, w.Path("b/elsewhere/debug/app")).Stdout, w.clean("b", nil); a != b {
		t.Errorf("prints %q, clean %q", a, b)
	}
}

// Cargo of other versions lays its directories out in another way.
func TestOneDirectoryPerUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.lock("a")
	w.copy("a", "b")
	args := []string{"+nightly", "build", "-Zbuild-dir-new-layout"}
	w.Env = slices.DeleteFunc(w.Env, func(kv string) bool { return strings.HasPrefix(kv, "RUSTC=") })
	w.good("a", nil, args...)
	before := strings.Count(w.Read("store/warehouse/events"), "\thit\t")
	w.good("b", nil, args...)
	if hits := strings.Count(w.Read("store/warehouse/events"), "\thit\t") - before; hits != len(everything) {
		t.Errorf("%d hits, want %d\n%s", hits, len(everything), w.events())
	}
	if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
		t.Errorf("prints %q, clean %q", got, want)
	}
}

// Where a file system cannot share, files are copied; all else is the same.
func TestOtherFileSystems(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"xfs": loopfs.XFS(t, loopfs.Size(4<<30)), "ext4": loopfs.Ext4(t, loopfs.Size(4<<30))} {
		t.Run(name, func(t *testing.T) {
			w := worldIn(t, filepath.Join(dir, "w"))
			w.workspace("a")
			w.lock("a")
			w.copy("a", "b")
			w.wantCompiled(w.good("a", nil), everything...)
			w.wantCompiled(w.good("b", nil))
			if copied := strings.Contains(w.Read("store/warehouse/events"), "\ttrue\t"); copied != (name == "ext4") {
				t.Errorf("copied: %v", copied)
			}
			usage, err := reflink.TreeUsage(context.Background(), w.Path("b/target/debug/deps"))
			if err != nil {
				t.Fatal(err)
			}
			if name == "xfs" && usage.Exclusive > usage.Shared/10 {
				t.Errorf("%d bytes are not shared, %d are", usage.Exclusive, usage.Shared)
			}
			if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
				t.Errorf("prints %q, clean %q", got, want)
			}
		})
	}
}

// A warning is shown as if the crate had been compiled here.
func TestMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, dir := range []string{"a", "b"} {
		w.workspace(dir)
		w.Edit(dir+"/low/src/inner.rs", "pub const", "fn unused() {}\npub const")
		w.Edit(dir+"/low/build.rs", `"pub const GEN`, `"pub fn gen() {{ let unused = 1; }} pub const GEN`)
	}
	w.lock("a")
	w.lock("b")
	w.good("a", nil)
	b := w.good("b", nil)
	w.wantCompiled(b)
	elsewhere := w.Run("b", []string{"CARGO_TARGET_DIR=" + w.Path("b/target2")}, "cargo", "build", "--offline")
	want := strings.ReplaceAll(elsewhere.Stderr, "target2", "target")
	tail := func(s string) []string { // what cargo itself tells differs
		var lines []string
		for line := range strings.Lines(s) {
			// A cargo of another test may have the package cache.
			if !strings.Contains(line, "Compiling") && !strings.Contains(line, "Finished") && !strings.Contains(line, "Blocking") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	if !strings.Contains(b.Stderr, "unused") || !slices.Equal(tail(b.Stderr), tail(want)) {
		t.Errorf("said\n%s\nwant\n%s", b.Stderr, want)
	}
	if strings.Contains(b.Stderr, w.Path("a")) {
		t.Errorf("names the other checkout:\n%s", b.Stderr)
	}
	// Another width is another text.
	w.Remove("b/target")
	again := w.good("b", []string{"CARGO_TERM_COLOR=always"}, "build", "--message-format=short")
	if len(again.compiled) == 0 || slices.Contains(again.compiled, "itoa") {
		t.Errorf("compiled %q; want what has warnings, and what is not affected served", again.compiled)
	}
}
