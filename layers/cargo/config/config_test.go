package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, top string, environ ...string) *Config {
	t.Helper()
	c, err := Load(filepath.Join(top, "a/b"), filepath.Join(top, "home"), environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestFilesInOrder(t *testing.T) {
	top := write(t, map[string]string{
		"a/b/.cargo/config.toml": "include = [\"x.toml\"]\n",
		"a/b/.cargo/x.toml":      "",
		"a/.cargo/config":        "",
		"home/config.toml":       "",
	})
	var want []string
	for _, f := range []string{"a/b/.cargo/config.toml", "a/b/.cargo/x.toml", "a/.cargo/config", "home/config.toml"} {
		want = append(want, filepath.Join(top, f))
	}
	got := slices.DeleteFunc(load(t, top).Files, func(f string) bool { return !strings.HasPrefix(f, top) })
	check(t, "Files", got, want)
}

// Cargo's home is often the .cargo directory above everything.
func TestHomeIsReadOnce(t *testing.T) {
	top := write(t, map[string]string{
		".cargo/config.toml": "[build]\nrustflags = [\"x\"]\n",
		"a/b/x":              "",
	})
	c, err := Load(filepath.Join(top, "a/b"), filepath.Join(top, ".cargo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "Build", c.Rustflags.Build, []string{"x"})
}

func TestPathsAndPrograms(t *testing.T) {
	top := write(t, map[string]string{
		"a/b/.cargo/config.toml": "[build]\nrustc = \"tools/rustc\"\ntarget = [\"x86_64-unknown-linux-gnu\", \"t.json\"]\n",
		"a/.cargo/config.toml": "[build]\ntarget-dir = \"../out\"\nbuild-dir = \"{workspace-root}/b\"\nrustc-wrapper = \"wrap\"\n" +
			"[target.x86_64-unknown-linux-gnu]\nlinker = \"./ld\"\n[target.'cfg(unix)']\nlinker = \"clang\"\n",
	})
	c := load(t, top)
	check(t, "Rustc", c.Rustc, filepath.Join(top, "a/b/tools/rustc"))
	check(t, "RustcWrapper", c.RustcWrapper, "wrap")
	check(t, "TargetDir", c.TargetDir, filepath.Join(top, "out"))
	check(t, "BuildDir", c.BuildDir, filepath.Join(top, "a/{workspace-root}/b"))
	check(t, "Targets", c.Targets, []string{"x86_64-unknown-linux-gnu", filepath.Join(top, "a/b/t.json")})
	check(t, "Linkers", c.Linkers, map[string]string{"x86_64-unknown-linux-gnu": filepath.Join(top, "a/ld"), "cfg(unix)": "clang"})

	c = load(t, top, "RUSTC=r", "RUSTC_WRAPPER=", "RUSTC_WORKSPACE_WRAPPER=w/w", "CARGO_BUILD_TARGET_DIR=no", "CARGO_TARGET_DIR=t",
		"CARGO_BUILD_BUILD_DIR=/bd", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=mold", "CARGO_TARGET_AARCH64_X_LINKER=lld")
	check(t, "Rustc", c.Rustc, "r")
	check(t, "RustcWrapper", c.RustcWrapper, "")
	check(t, "RustcWorkspaceWrapper", c.RustcWorkspaceWrapper, filepath.Join(top, "a/b/w/w"))
	check(t, "TargetDir", c.TargetDir, filepath.Join(top, "a/b/t"))
	check(t, "BuildDir", c.BuildDir, "/bd")
	check(t, "Linkers", c.Linkers, map[string]string{"x86_64-unknown-linux-gnu": "mold", "cfg(unix)": "clang", "CARGO_TARGET_AARCH64_X_LINKER": "lld"})
	check(t, "Targets", load(t, top, "CARGO_BUILD_TARGET=z").Targets, []string{"x86_64-unknown-linux-gnu", filepath.Join(top, "a/b/t.json"), "z"})
}

func TestRustflags(t *testing.T) {
	top := write(t, map[string]string{
		"a/b/.cargo/config.toml": "[build]\nrustflags = \"-A  b\"\n[target.t-x]\nrustflags = [\"one two\"]\n[target.'cfg(all())']\nrustflags = []\n",
	})
	c := load(t, top, "CARGO_BUILD_RUSTFLAGS=c", "CARGO_TARGET_T_X_RUSTFLAGS=three four", "CARGO_TARGET_Q_RUSTFLAGS=q")
	check(t, "Rustflags", c.Rustflags, Rustflags{
		Build:  []string{"-A", "b", "c"},
		Target: map[string][]string{"t-x": {"one two", "three", "four"}, "CARGO_TARGET_Q_RUSTFLAGS": {"q"}},
	})
	c = load(t, top, "RUSTFLAGS= -g  -C x ")
	check(t, "Env", c.Rustflags.Env, []string{"-g", "-C", "x"})
	c = load(t, top, "RUSTFLAGS=-g", "CARGO_ENCODED_RUSTFLAGS=a b\x1fc")
	check(t, "Env", c.Rustflags.Env, []string{"a b", "c"})
	c = load(t, top, "CARGO_ENCODED_RUSTFLAGS=")
	check(t, "Env", c.Rustflags, Rustflags{FromEnv: true, Build: c.Rustflags.Build, Target: c.Rustflags.Target})
}

func TestErrorsNameTheFile(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"syntax":        {"[build]\n\nrustflags = [\n", "a/b/.cargo/config.toml:"},
		"wrong type":    {"[build]\nrustc = 1\n", "a/b/.cargo/config.toml: key build.rustc is not a string"},
		"no table":      {"build = 1\n", "key build is not a table"},
		"list item":     {"[build]\nrustflags = [\"a\", 1]\n", "key build.rustflags[1] is not a string"},
		"env":           {"[env]\nA = 1\n", "key env.A is not a string"},
		"no list":       {"include = \"x.toml\"\n", "key include is not a list"},
		"cycle":         {"include = [\"config.toml\"]\n", "includes itself"},
		"absent":        {"include = [\"absent.toml\"]\n", "absent.toml"},
		"no toml file":  {"include = [\"x\"]\n", "key include[0] is not the path of a .toml file"},
		"other kind":    {"[profile]\ndev = 1\n", "a/.cargo/config.toml: key profile.dev is not a plain value"},
		"not a table 2": {"profile = [1]\n", "a/.cargo/config.toml: key profile is not a list as in"},
	} {
		top := write(t, map[string]string{"a/b/.cargo/config.toml": tc.content, "a/.cargo/config.toml": "[profile.dev]\ndebug = 1\n"})
		_, err := Load(filepath.Join(top, "a/b"), filepath.Join(top, "home"), nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tc.want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("include = [{ path = \"config.toml\" }]\n"))
	f.Add([]byte("[build]\nrustflags = \"a b\"\ntarget = [\"x\"]\n[env]\nA = { value = \"b\", relative = true }\n[target.x]\nlinker = \"y\"\n"))
	f.Add([]byte("profile.dev.package.\"*\" = [1, 2.5, 2020-01-01]\nunstable = {}\n"))
	f.Add([]byte("profile.a.inherits = \"b\"\nprofile.b.inherits = \"a\"\nprofile.a.trim-paths = [[], {}]\nprofile.dev.debug = [{x = 1}]\n"))
	f.Add([]byte("paths = [\"a\"]\n[source.a]\ndirectory = \"b\"\n[host]\nlinker = \"c\"\n[target.a.b]\nrustc-cfg = [\"d\"]\n"))
	dir := f.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".cargo"), 0o777); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, ".cargo/config.toml"), data, 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := Load(dir, filepath.Join(dir, "home"), nil)
		if err != nil {
			return
		}
		scope := Scope{Root: dir, Host: "x", Unstable: true}
		for range 3 { // maps have another order each time
			again, err := Load(dir, filepath.Join(dir, "home"), nil)
			if err != nil || !slices.Equal(again.Settings(scope), c.Settings(scope)) || !slices.Equal(again.ResolvedProfiles(nil), c.ResolvedProfiles(nil)) {
				t.Fatalf("two loads differ: %v", err)
			}
		}
	})
}
