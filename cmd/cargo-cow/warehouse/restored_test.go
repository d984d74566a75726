package warehouse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// sealed builds the workspace with the wrapper in a checkout of git, and seals it.
func (w *world) sealed(root string, files ...string) {
	w.T.Helper()
	w.workspace(root)
	for i := 0; i < len(files); i += 2 {
		w.Write(root+"/"+files[i], files[i+1])
	}
	w.lock(root)
	a := w.At(root)
	a.Repository()
	a.Cow("init")
	w.good(root, nil)
	a.Cow("snapshot")
}

// restored makes a worktree and restores into it.
func (w *world) restored(root, name string, args ...string) {
	w.T.Helper()
	w.At(root).Worktree(name).Cow(append([]string{"restore"}, args...)...)
}

// Who has asked that nothing names the origin is served nothing from there either:
// debug information would.
func TestStrictPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Remove("store")
	w.sealed("a")
	names := func(dir string) bool {
		text := w.Read(dir + "/target/debug/app")
		return strings.Contains(text, w.Path("a")+"/") || strings.Contains(text, w.Path("a")+"\x00")
	}
	w.restored("a", "plain")
	w.restored("a", "b", "--strict")
	for _, dir := range []string{"plain", "b"} {
		w.good(dir, nil)
		w.Edit(dir+"/app/src/main.rs", "\"{} {}\"", "\"<{} {}>\"")
		w.good(dir, nil)
		if got, want := w.Must(dir, nil, w.Path(dir+"/target/debug/app")).Stdout, w.clean(dir, nil); got != want {
			t.Errorf("%s prints %q, clean %q", dir, got, want)
		}
	}
	if !names("plain") {
		t.Error("what is restored without --strict does not name the origin: this shows nothing")
	}
	if names("b") {
		t.Error("the program names the origin")
	}
	// It keeps what is its own.
	w.Must("b", nil, "touch", "low/src/lib.rs")
	w.wantCompiled(w.good("b", nil))
	// Once restored in the ordinary way, it is served again.
	w.At("b").Cow("restore")
	w.Write("b/app/src/main.rs", w.Read("plain/app/src/main.rs"))
	w.good("b", nil)
	if !names("b") {
		t.Error("after restore without --strict the program does not name the origin")
	}
}

// What was built in one checkout, and is in no layer, serves another that comes to the
// same sources.
func TestBuiltBeside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Remove("store")
	w.sealed("a")
	for _, dir := range []string{"b", "c"} {
		w.restored("a", dir)
		w.Edit(dir+"/mid/src/lib.rs", "mid 1", "mid 2")
	}
	w.wantCompiled(w.good("b", nil), "app", "mid")
	time.Sleep(50 * time.Millisecond) // what was written in this instant is not taken
	w.wantCompiled(w.good("c", nil))
	if got, want := w.Must("c", nil, w.Path("c/target/debug/app")).Stdout, w.clean("c", nil); got != want || !strings.Contains(got, "mid 2") {
		t.Errorf("prints %q, clean %q", got, want)
	}
	for _, m := range fixture.Messages(w.good("c", nil, "build", "--message-format=json").Stdout) {
		if m.Reason == "compiler-artifact" && !m.Fresh {
			t.Errorf("%s is dirty", m.Package())
		}
	}
	// It went on, and what it had made is no more.
	w.Edit("b/mid/src/lib.rs", "mid 2", "mid 3")
	w.good("b", nil)
	w.restored("a", "d")
	w.Edit("d/mid/src/lib.rs", "mid 1", "mid 2")
	w.wantCompiled(w.good("d", nil), "app", "mid")
	if got, want := w.Must("d", nil, w.Path("d/target/debug/app")).Stdout, w.clean("d", nil); got != want {
		t.Errorf("prints %q, clean %q", got, want)
	}
}

// A crate that is to be compiled where it lies is not served from elsewhere.
func TestCompiledInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Remove("store")
	w.sealed("a", ".cargo-cow.yaml", "compile_in_place: [low]\n")
	w.restored("a", "b")
	w.copy("a", "c")
	for _, dir := range []string{"c", "b"} {
		w.Edit(dir+"/low/src/inner.rs", "inner 1", "inner 2")
	}
	w.Remove("c/target")
	w.good("c", nil)
	b := w.good("b", nil)
	if !slices.Contains(b.compiled, "low") || slices.Contains(b.compiled, "semver") {
		t.Errorf("compiled %q\n%s", b.compiled, w.events())
	}
	if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
		t.Errorf("prints %q, clean %q", got, want)
	}
}
