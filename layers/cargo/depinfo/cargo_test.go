package depinfo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// The package lies in a directory with a space and includes a file of its own
// with spaces, one outside of the package, and one that its script wrote.
var workspace = map[string]string{
	"my ws/Cargo.toml":     "[workspace]\nmembers = [\"app\"]\nresolver = \"2\"\n",
	"my ws/app/Cargo.toml": "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\ndescription = \"d\"\n",
	"my ws/app/build.rs": `fn main() {
	let out = std::env::var("OUT_DIR").unwrap();
	std::fs::write(out + "/gen.rs", "pub const G: u32 = 1;").unwrap();
	println!("cargo:rerun-if-changed=build.rs");
	println!("cargo:rustc-env=FROM_SCRIPT=1");
}
`,
	"my ws/app/src/lib.rs": `include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub const OWN: &str = include_str!("a  b\\c.txt");
pub const OUTSIDE: &str = include_str!("../../shared é.txt");
pub const SET: &str = env!("COW_SET");
pub const SCRIPT: &str = env!("FROM_SCRIPT");
pub const UNSET: Option<&str> = option_env!("COW_UNSET");
pub const DESC: &str = env!("CARGO_PKG_DESCRIPTION");
`,
	"my ws/app/src/main.rs":     "fn main() { println!(\"{}\", app::G) }\n",
	"my ws/app/src/a  b\\c.txt": "x",
	"my ws/shared é.txt":        "x",
}

const setValue = "one\ntwo\r\\n=x"

func TestFilesOfRealBuilds(t *testing.T) {
	for _, tc := range []struct {
		name, toolchain string
		args            []string
		checksums       bool
	}{
		{"stable", "", nil, false},
		{"nightly new layout, checksums", "nightly", []string{"-Zbuild-dir-new-layout", "-Zchecksum-freshness"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Log(cargotest.Require(t, tc.toolchain))
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			// cargo 1.97-nightly takes the escaped name in a checksum comment for
			// another file, so names have no spaces there.
			name := func(s string) string { return s }
			if tc.checksums {
				name = strings.NewReplacer("my ws", "ws", `a  b\\c`, "abc", `a  b\c`, "abc", "shared é", "shared").Replace
			}
			files := map[string]string{}
			for path, content := range workspace {
				files[name(path)] = name(content)
			}
			cargotest.Write(t, root, files)
			dir := filepath.Join(root, name("my ws"))
			cargotest.Run(t, dir, tc.toolchain, []string{"COW_SET=" + setValue}, append([]string{"build"}, tc.args...)...)

			checkBinary(t, dir, tc.checksums, name)
			checkMakefile(t, dir)
		})
	}
}

func checkBinary(t *testing.T, dir string, checksums bool, name func(string) string) {
	var lib *depinfo.Info
	for _, path := range find(t, dir, "dep-") {
		if strings.Contains(path, "/incremental/") {
			continue
		}
		data := read(t, path)
		info, err := depinfo.Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !bytes.Equal(info.Encode(), data) {
			t.Errorf("%s: is encoded differently", path)
		}
		if filepath.Base(path) == "dep-lib-app" {
			lib = info
		}
	}
	if lib == nil {
		t.Fatal("no dep-info of the library")
	}

	want := map[string]depinfo.Kind{
		"src/lib.rs":            depinfo.PackageRoot,
		name("src/a  b\\c.txt"): depinfo.PackageRoot,
	}
	for _, f := range lib.Files {
		if f.HasChecksum != checksums || checksums && !strings.HasPrefix(f.Checksum, "blake3=") {
			t.Errorf("%s: checksum %v %q", f.Path, f.HasChecksum, f.Checksum)
		}
		switch {
		case strings.HasPrefix(f.Path, "debug/build/") && strings.HasSuffix(f.Path, "/out/gen.rs") && f.Kind == depinfo.BuildRoot:
		case f.Path == dir+name("/app/src/../../shared é.txt"):
			if f.Kind != depinfo.BuildRoot {
				t.Errorf("%s: kind %d", f.Path, f.Kind)
			}
		default:
			if kind, ok := want[f.Path]; !ok || kind != f.Kind {
				t.Errorf("unexpected file %q of kind %d", f.Path, f.Kind)
			}
			delete(want, f.Path)
		}
	}
	if len(want) > 0 || len(lib.Files) != 4 {
		t.Errorf("missing files %v in %+v", want, lib.Files)
	}

	slices.SortFunc(lib.Env, func(a, b depinfo.Env) int { return strings.Compare(a.Name, b.Name) })
	if !slices.Equal(lib.Env, []depinfo.Env{
		{Name: "CARGO_PKG_DESCRIPTION", Value: "d", Set: true},
		{Name: "COW_SET", Value: setValue, Set: true},
		{Name: "COW_UNSET"},
	}) {
		t.Errorf("tracked variables: %+v", lib.Env)
	}
}

func checkMakefile(t *testing.T, dir string) {
	checked := 0
	for _, path := range find(t, dir, "") {
		if !strings.HasSuffix(path, ".d") {
			continue
		}
		r, err := depfile.Parse(read(t, path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, target := range r.Targets {
			if !strings.HasPrefix(target, dir+"/target/debug/") {
				t.Errorf("%s: target %q", path, target)
			}
		}
		for _, dep := range r.Deps {
			if !filepath.IsAbs(dep) {
				dep = filepath.Join(dir, dep)
			}
			if _, err := os.Stat(dep); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if len(r.Deps) == 0 || len(r.Targets) == 0 {
			t.Errorf("%s: %+v", path, r)
			continue
		}
		if r.Deps[0] != "app/src/lib.rs" {
			continue
		}
		checked++
		env := map[string]depfile.Env{}
		for _, e := range r.Env {
			env[e.Name] = e
		}
		if e := env["COW_SET"]; !e.Set || e.Value != setValue {
			t.Errorf("%s: COW_SET is %+v", path, e)
		}
		if e := env["OUT_DIR"]; !strings.HasPrefix(e.Value, dir+"/target/debug/build/") {
			t.Errorf("%s: OUT_DIR is %+v", path, e)
		}
		if e, ok := env["COW_UNSET"]; !ok || e.Set {
			t.Errorf("%s: COW_UNSET is %+v", path, e)
		}
	}
	if checked != 1 {
		t.Errorf("%d .d files of the library, want 1", checked)
	}
}

// find returns the files below target whose name has the prefix.
func find(t *testing.T, dir, prefix string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "target"), func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasPrefix(e.Name(), prefix) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
