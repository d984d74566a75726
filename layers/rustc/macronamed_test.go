package rustc

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
)

// named is a package whose macro reads what its argument names.
func named(t *testing.T, macro, argument string) *scene {
	t.Helper()
	s := newRealScene(t, map[string]string{
		"Cargo.toml": "[workspace]", "Cargo.lock": locked("a", "") + locked("b", "") + locked("m", ""),
		"a/Cargo.toml": manifest("a"), "a/src/lib.rs": "m::read!(" + argument + ");",
		"b/Cargo.toml": manifest("b"), "b/data/x.txt": "1", "b/src/lib.rs": "",
		"m/Cargo.toml": manifest("m"), "m/src/lib.rs": `#[proc_macro] pub fn read(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
			let dir = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
			let name = input.to_string().trim_matches('"').to_string();
			let _ = (&dir, &name);
			let text: String = { ` + macro + ` };
			format!("pub const T: &str = {text:?};").parse().unwrap() }`,
	})
	s.env["CARGO_MANIFEST_DIR"] = s.root + "/m"
	s.useMacros("m/src/lib.rs")
	s.env["CARGO_MANIFEST_DIR"] = s.root + "/a"
	s.swap("src/lib.rs", "a/src/lib.rs")
	return s
}

const readNamed = `std::fs::read_to_string(dir.join(name)).unwrap_or_default()`

// A macro reads files of another package, of which nothing tells but texts.
func TestNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		macro, argument, change, why string
	}{
		"argument":           {readNamed, `"../b/data/x.txt"`, "b/data/x.txt", "file b/data/x.txt"},
		"missing":            {readNamed, `"../b/data/y.txt"`, "b/data/y.txt", "directory b/data"},
		"missing beside":     {readNamed, `"../c.txt"`, "c.txt", "files beside the packages"},
		"from the root":      {`std::fs::read_to_string(name).unwrap()`, `"b/data/x.txt"`, "b/data/x.txt", "file b/data/x.txt"},
		"macro's own":        {`std::fs::read_to_string(dir.join("../b/data/x.txt")).unwrap()`, "", "b/data/x.txt", "file b/data/x.txt"},
		"macro's own, parts": {`std::fs::read_to_string(dir.parent().unwrap().join("b").join("data").join("x.txt")).unwrap()`, "", "b/data/x.txt", "directory b"},
		"directory":          {`std::fs::read_dir(dir.join(name)).unwrap().count().to_string()`, `"../b/data"`, "b/data/y.txt", "directory b/data"},
		"everything": {`std::fs::read_dir(dir.parent().unwrap()).unwrap().map(|e| std::fs::read_dir(e.unwrap().path().join("data")).map_or(0, |d| d.count())).sum::<usize>().to_string()`,
			"", "b/data/y.txt", "directory "},
		"nothing named": {`String::new()`, `"x.txt"`, "b/data/x.txt", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := named(t, tt.macro, tt.argument)
			rec := s.mustRecord()
			if why := s.holds(rec); why != "" {
				t.Fatalf("nothing has changed: %s", why)
			}
			s.write(tt.change, "2")
			why := strings.ReplaceAll(s.holds(rec), s.root+"/", "")
			if !strings.HasPrefix(why, tt.why) || (why == "") != (tt.why == "") {
				t.Errorf("differs in %q, want %q", why, tt.why)
			}
		})
	}
}

// What lies beside a workspace belongs to no package of it, not even to one in its
// root.
func TestOwnerOf(t *testing.T) {
	s := impure(t)
	packages := extent.PackagesOf(s.root)
	for path, want := range map[string]string{
		"": "", "crates": "", "crates/b/src/x": "crates/b", "crates/b": "crates/b", "crates/c/x": "", "migrations": "",
	} {
		if got := ownerOf(filepath.Join(s.root, path), s.root, packages); got != filepath.Join(s.root, want) {
			t.Errorf("%s belongs to %s, want %s", path, got, want)
		}
	}
	for _, outside := range []string{s.top, s.root + "-other/x", s.root + "/../x"} {
		if got := ownerOf(filepath.Clean(outside), s.root, packages); got != "" {
			t.Errorf("%s belongs to %s", outside, got)
		}
	}
}
