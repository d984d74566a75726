package targets

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	tag   = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by cargo.\n"
	notes = `{"rustc_fingerprint":1,"outputs":{"2":{"success":true,"stdout":"___\nlib___.rlib\n"},"3":{"success":true,"stdout":"rustc 1.95.0 (5980 2026-04-14)\nbinary: rustc"}}}`
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a/Cargo.toml": "", "a/target/CACHEDIR.TAG": tag, "a/target/.rustc_info.json": notes, "a/target/debug/.cargo-lock": "",
		"a/target/debug/nested/CACHEDIR.TAG": tag, // a part of it
		"a/fuzz/Cargo.toml":                  "", "a/fuzz/target/CACHEDIR.TAG": tag,
		// The checkout is gone, and what was built in it lies elsewhere.
		"caches/one/CACHEDIR.TAG": tag, "caches/one/release/.fingerprint/x": "",
		"caches/one/release/app.d": "/nowhere/app/target/release/app: /nowhere/app/src/main.rs\n",
		// The checkout is there.
		"caches/two/.rustc_info.json": "{", "caches/two/x86_64-unknown-linux-gnu/debug/deps/x": "",
		"caches/two/x86_64-unknown-linux-gnu/debug/app.d": "app: " + dir + "/a/src/main.rs\n",
		// None of cargo's.
		"other/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n", "other/target/debug/deps/x": "",
		"a/.git/target/CACHEDIR.TAG": tag, "store/version": "cargo-cow store 1\n", "store/layers/1/CACHEDIR.TAG": tag,
	})
	if err := os.Symlink(dir+"/a/target", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := os.Chtimes(dir+"/a/target/debug/.cargo-lock", later, later); err != nil {
		t.Fatal(err)
	}
	found := map[string]Target{}
	if err := Find(t.Context(), dir, func(f Target) {
		rel, _ := filepath.Rel(dir, f.Path)
		found[rel] = f
	}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Target{
		"a/target":      {Project: dir + "/a", Compiler: "1.95.0"},
		"a/fuzz/target": {Project: dir + "/a/fuzz", Tool: "fuzz"},
		"caches/one":    {Project: "/nowhere/app/src", Gone: true},
		"caches/two":    {Project: dir + "/a"},
	} {
		got, ok := found[path]
		delete(found, path)
		used := got.Used
		got.Path, got.Used = "", time.Time{}
		if !ok || got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
		if used.IsZero() || path == "a/target" && !used.Equal(later) {
			t.Errorf("%s was used at %v", path, used)
		}
	}
	if len(found) > 0 {
		t.Errorf("also found: %v", found)
	}
	if err := Find(t.Context(), dir+"/missing", func(Target) {}); err == nil {
		t.Error("a directory that is not there: no error")
	}
}

// Nothing of its owner goes with a directory that was built in.
func TestSolely(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"usual/target/debug/.cargo-lock": "", "usual/target/notes": "",
		"cache/.rustc_info.json": notes, "cache/CACHEDIR.TAG": tag, "cache/x86_64-unknown-linux-gnu/release/deps/x": "", "cache/debug/.fingerprint/x": "", "cache/doc/x": "",
		"home/.rustc_info.json": notes, "home/CACHEDIR.TAG": tag, "home/debug/.cargo-lock": "", "home/letters/a": "",
		"file/.rustc_info.json": notes, "file/debug/.cargo-lock": "", "file/letter": "",
		"package/target/.rustc_info.json": notes, "package/target/debug/.cargo-lock": "", "package/target/Cargo.toml": "",
		"tree/target/CACHEDIR.TAG": tag, "tree/target/.git": "gitdir: x",
	})
	for path, want := range map[string]struct{ is, solely bool }{
		"usual/target": {false, true}, "cache": {true, true}, "home": {true, false}, "file": {true, false}, "package/target": {}, "tree/target": {}, "gone": {},
	} {
		if path := filepath.Join(dir, path); Is(path) != want.is || Solely(path) != want.solely {
			t.Errorf("%s: is %v, solely %v, want %+v", path, Is(path), Solely(path), want)
		}
	}
}
