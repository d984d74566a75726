package rustc

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

func manifest(name string) string { return "[package]\nname = \"" + name + "\"\n" }

func locked(name, source string) string {
	text := "[[package]]\nname = \"" + name + "\"\nversion = \"0.1.0\"\n"
	if source != "" {
		text += "source = \"" + source + "\"\n"
	}
	return text
}
func readsAnything(name string) []Macro { return []Macro{{Name: name, Reach: rustsrc.Unread}} }

// impure is a package of a workspace that uses a macro which may read anything.
func impure(t *testing.T) *scene {
	s := newScene(t)
	s.env["CARGO_MANIFEST_DIR"] = s.root + "/crates/a"
	for name, text := range map[string]string{
		"Cargo.toml": "[workspace]", "migrations/1.sql": "create", "crates/a/Cargo.toml": "", "crates/a/src/lib.rs": "",
		"crates/a/templates/x.html": "<p>", "crates/a/nested/Cargo.toml": manifest("template"), "crates/a/nested/x": "",
		"crates/b/Cargo.toml": manifest("b"), "crates/b/x": "", "crates/c/Cargo.toml": manifest("c"), "crates/c/x": "",
		"Cargo.lock": "version = 4\n" + locked("a", "") + locked("b", "") + locked("c", "registry+x"), "crates/a/vendored/.git/HEAD": "", "crates/a/vendored/x": "", ".git/HEAD": "", "target/debug/x": "",
		"crates/a/target/.rustc_info.json": "", "crates/a/target/x": "",
	} {
		s.write(name, text)
	}
	s.swap("src/lib.rs", "crates/a/src/lib.rs")
	s.library("m-1", "macro")
	s.trailer("m-1", Trailer{Macros: readsAnything("m")}, "libm-1.rmeta")
	s.add("--extern", "m="+s.out+"/libm-1.rmeta")
	return s
}

func TestImpure(t *testing.T) {
	write := func(name, text string) func(s *scene) { return func(s *scene) { s.write(name, text) } }
	remove := func(name string) func(s *scene) { return func(s *scene) { s.remove(name) } }
	set := func(name, value string) func(s *scene) { return func(s *scene) { s.env[name] = value } }
	const own, beside = "files of the package", "files beside the packages"
	requests(t, impure, []change{
		{"variable", set("FOO", "1"), "environment FOO"},
		{"variable of cargo's", set("CARGO_PKG_VERSION", "9"), "environment CARGO_PKG_VERSION"},
		{"variable, empty", set("FOO", ""), "environment FOO"},
		{"variable gone", func(s *scene) { delete(s.env, "HOME") }, "environment HOME is gone"},
		{"path of programs", func(s *scene) { s.env["PATH"] += ":/elsewhere" }, ""},
		{"terminal", set("TERM", "xterm"), ""},
		{"program of the terminal", set("TERM_PROGRAM", "x"), ""},
		{"begins like the terminal", set("TERMINAL", "x"), "environment TERMINAL"},
		{"begins like a history", set("HISTORY_DEPTH", "3"), "environment HISTORY_DEPTH"},
		{"shell", set("OLDPWD", "/x"), ""},
		{"login", set("SSH_CLIENT", "x"), ""},
		{"jobserver", set("CARGO_MAKEFLAGS", "x"), ""},
		{"libraries", set("LD_LIBRARY_PATH", "x"), ""},
		{"underscore", set("_", "x"), ""},
		{"underscore at the front", set("_X", "x"), "environment _X"},

		{"file changed", write("crates/a/templates/x.html", "<b>"), own},
		{"file added", write("crates/a/templates/y.html", ""), own},
		{"file removed", remove("crates/a/templates/x.html"), own},
		{"file renamed", func(s *scene) { s.remove("crates/a/templates/x.html"); s.write("crates/a/templates/y.html", "<p>") }, own},
		{"directory added", func(s *scene) { s.write("crates/a/new/x", ""); s.remove("crates/a/new/x") }, own},
		{"hidden file", write("crates/a/.env", "A=1"), own},
		{"manifest", write("crates/a/Cargo.toml", "[package]"), own},
		{"source that is not compiled", write("crates/a/src/other.rs", ""), own},
		{"file is a link now", func(s *scene) {
			s.remove("crates/a/templates/x.html")
			s.write("migrations/x.html", "<p>")
			s.link("../../../migrations/x.html", "crates/a/templates/x.html")
		}, own},
		{"time", func(s *scene) { s.age("crates/a/templates/x.html") }, ""},

		{"beside the packages", write("migrations/1.sql", "alter"), beside},
		{"beside the packages, added", write("migrations/2.sql", ""), beside},
		{"root's manifest", write("Cargo.toml", "[workspace] "), beside},
		{"hidden, at the top", write(".env", "A=1"), beside},

		{"manifest in the package", write("crates/a/nested/x", "y"), own},
		{"other package", write("crates/b/x", "y"), ""},
		{"what has a manifest and is no package", write("crates/c/x", "y"), beside},
		{"documentation beside the packages", write("README.md", "y"), ""},
		{"build directory", write("target/debug/x", "y"), ""},
		{"build directory without a tag", write("crates/a/target/x", "y"), ""},
		{"repository", write(".git/HEAD", "y"), ""},
		{"checkout in the package", write("crates/a/vendored/x", "y"), ""},
		{"editor's copy", write("crates/a/templates/x.html~", ""), ""},
		{"editor's swap file", write("crates/a/templates/.x.html.swp", ""), ""},
		{"editor's lock", func(s *scene) { s.link("me@host.1", "crates/a/templates/.#x.html") }, ""},
		{"editor's test", write("crates/a/4913", ""), ""},
		{"looks like an editor's", write("crates/a/x.swp", ""), own},
	})
	requests(t, func(t *testing.T) *scene {
		s := impure(t)
		s.write(s.top+"/one", "1")
		s.write(s.top+"/two", "2")
		s.write(s.top+"/same", "1")
		s.link(s.top+"/one", "crates/a/link")
		s.link("nowhere", "crates/a/dangling")
		return s
	}, []change{
		{"link elsewhere", func(s *scene) { s.remove("crates/a/link"); s.link(s.top+"/two", "crates/a/link") }, own},
		{"link to the same content", func(s *scene) { s.remove("crates/a/link"); s.link(s.top+"/same", "crates/a/link") }, own},
		{"content behind a link", func(s *scene) { s.write(s.top+"/one", "3") }, own},
		{"link that leads somewhere now", write("crates/a/nowhere", ""), own},
		{"dangling link elsewhere", func(s *scene) { s.remove("crates/a/dangling"); s.link("elsewhere", "crates/a/dangling") }, own},
	})
}

// What a build script has written, and what links lead to.
func TestImpureFurther(t *testing.T) {
	write := func(name, text string) func(s *scene) { return func(s *scene) { s.write(name, text) } }
	const own, built = "files of the package", "files of the build script"
	requests(t, func(t *testing.T) *scene {
		s := impure(t)
		s.env["OUT_DIR"] = s.root + "/target/debug/build/a-1/out"
		s.write(s.env["OUT_DIR"]+"/schema.json", "{}")
		return s
	}, []change{
		{"content", func(s *scene) { s.write(s.env["OUT_DIR"]+"/schema.json", "[]") }, built},
		{"new file", func(s *scene) { s.write(s.env["OUT_DIR"]+"/deep/x", "") }, built},
		{"time", func(s *scene) { s.age(s.env["OUT_DIR"] + "/schema.json") }, ""},
		{"another directory", func(s *scene) {
			s.env["OUT_DIR"] = s.root + "/target/debug/build/a-2/out"
			s.write(s.env["OUT_DIR"]+"/schema.json", "{}")
		}, ""},
		{"of another package", write("target/debug/build/b-1/out/x", ""), ""},
	})
	requests(t, func(t *testing.T) *scene {
		s := impure(t)
		s.link("../../b/templates", "crates/a/templates/b")
		s.write("crates/b/templates/deep/y.html", "<p>")
		s.link("../b", "crates/a/whole")
		s.link("..", "crates/a/up")
		s.link(".", "crates/a/self")
		s.link("../../target", "crates/a/built")
		return s
	}, []change{
		{"in a directory behind a link", write("crates/b/templates/deep/y.html", "<b>"), own},
		{"new in a directory behind a link", write("crates/b/templates/z.html", ""), own},
		{"in a package behind a link", write("crates/b/x", "y"), own},
		{"in a build directory behind a link", write("target/debug/x", "y"), ""},
		{"link of a directory elsewhere", func(s *scene) {
			s.remove("crates/a/templates/b")
			s.link("../../b/templates/", "crates/a/templates/b")
		}, own},
	})
}

// Where no macro may read them, files and variables are nobody's.
func TestPure(t *testing.T) {
	pure := func(t *testing.T) *scene {
		s := impure(t)
		s.write(s.out+"/m-1.d", "")
		s.trailer("m-1", Trailer{}, "libm-1.rmeta")
		return s
	}
	requests(t, pure, []change{
		{"variable", func(s *scene) { s.env["FOO"] = "1" }, ""},
		{"file", func(s *scene) { s.write("crates/a/templates/x.html", "<b>") }, ""},
		{"beside", func(s *scene) { s.write("migrations/1.sql", "alter") }, ""},
		{"unmarked", func(s *scene) { s.remove(s.out + "/m-1.d") }, "environment CARGO_HOME"},
	})
}

// The directory a checkout lies in is no difference in a variable's value, as long
// as the value is no longer name.
func TestVariablesOfPlace(t *testing.T) {
	value := func(text string) string {
		u := &unit{Call: &Call{OutDir: "/b/target/debug/deps"}, Context: Context{Dir: "/b"}, outEnv: "/b/target/debug/build/x/out"}
		return u.portableText(text)
	}
	for text, want := range map[string]string{
		"/b": "{cwd}", "/b/x": "{cwd}/x", "/bb": "/bb", "/usr/bin:/b/bin:/b": "/usr/bin:{cwd}/bin:{cwd}",
		"-I/b/include -L'/b'": "-I{cwd}/include -L'{cwd}'", "/b-2": "/b-2", "/b/target/debug/deps": "{out-dir}",
		"/b/target/debug/build/x/out/f": "{OUT_DIR}/f", "": "", "x": "x",
	} {
		if got := value(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestBudget(t *testing.T) {
	s := impure(t)
	for i := range mostFiles + 1 {
		if i%1000 == 0 {
			s.write("data/"+strconv.Itoa(i/1000)+"/x", "")
		}
		name := s.path("data/" + strconv.Itoa(i/1000) + "/" + strconv.Itoa(i))
		if err := syscall.Mknod(name, syscall.S_IFREG|0o644, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.request(); err == nil || refusal(err) != "odd: "+errTooMany.Reason {
		t.Errorf("too many files: %v", err)
	}
	s = impure(t)
	s.write("crates/a/big", strings.Repeat("x", mostBytes+1))
	if _, err := s.request(); err == nil || refusal(err) != "odd: "+errTooMany.Reason {
		t.Errorf("too large a file: %v", err)
	}
	s.remove("crates/a/big")
	if err := syscall.Mkfifo(s.path("crates/a/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.mustRequest() // reading the pipe would not end
	delete(s.env, "CARGO_MANIFEST_DIR")
	if _, err := s.request(); err == nil || refusal(err) != "odd: not cargo's" {
		t.Errorf("no package: %v", err)
	}
}

// Which macros a unit hands on to those that depend on it.
func TestImpureAbove(t *testing.T) {
	above := func(s *scene) string {
		var names []string
		for _, m := range s.mustRequest().unit.trailer(rustsrc.Unread).Macros {
			if !m.Reach.Pure() {
				names = append(names, m.Name)
			}
		}
		return strings.Join(names, " ")
	}
	macro := func(s *scene, name, version string) {
		s.swap("lib", "proc-macro")
		s.gone("-L", "dependency="+s.out)
		s.env["CARGO_PKG_NAME"], s.env["CARGO_PKG_VERSION"] = name, version
	}
	inRegistry := func(t *testing.T, dir string) *scene {
		s := newScene(t)
		s.root = s.env["CARGO_HOME"] + "/registry/src/index/" + dir
		s.env["CARGO_MANIFEST_DIR"] = s.root
		s.write("src/lib.rs", "")
		return s
	}
	if got := above(impure(t)); got != "m" {
		t.Errorf("a library that may hand the macro on: %q", got)
	}
	s := impure(t)
	s.remove(s.out + "/m-1.d")
	if got := above(s); got != "of m" {
		t.Errorf("a library above one without a trailer: %q", got)
	}
	s = newScene(t)
	if got := above(s); got != "" {
		t.Errorf("a library without dependencies: %q", got)
	}
	macro(s, "serde_derive", "1.0.200")
	if got := above(s); got != "serde_derive" {
		t.Errorf("a macro of the workspace by a known name: %q", got)
	}
	s = inRegistry(t, "serde_derive-1.0.200")
	macro(s, "serde_derive", "1.0.200")
	if got := above(s); got != "" {
		t.Errorf("a macro that is known to be pure: %q", got)
	}
	s.env["CARGO_HOME"] = s.top + "/elsewhere"
	if got := above(s); got != "serde_derive" {
		t.Errorf("one of another home: %q", got)
	}
	for dir, version := range map[string]string{"serde_derive-1.0.201": "1.0.200", "serde_derive-99.0.0": "99.0.0", "sqlx-macros-0.8.0": "0.8.0"} {
		s = inRegistry(t, dir)
		name := dir[:strings.LastIndexByte(dir, '-')]
		macro(s, name, version)
		if got := above(s); got != name {
			t.Errorf("%s as %s: %q", dir, version, got)
		}
	}
	// What a macro is made of does not run where it is used.
	s = impure(t)
	s.root = s.env["CARGO_HOME"] + "/registry/src/index/serde_derive-1.0.200"
	s.env["CARGO_MANIFEST_DIR"] = s.root
	s.write("crates/a/src/lib.rs", "")
	s.trailer("m-1", Trailer{Key: someKey, Unit: "m-1", Request: someKey, Macros: readsAnything("m")}, "libm-1.rmeta")
	s.write(s.out+"/libm-1.rlib", "")
	s.write(s.out+"/m-1.d", "")
	s.trailer("m-1", Trailer{Key: someKey, Unit: "m-1", Request: someKey, Macros: readsAnything("m")}, "libm-1.rmeta", "libm-1.rlib")
	macro(s, "serde_derive", "1.0.200")
	if got := above(s); got != "" {
		t.Errorf("a pure macro that is made with another: %q", got)
	}
	if s.mustRequest().unit.macroReach().Pure() {
		t.Error("the other may read anything where the macro is compiled")
	}
}

// A real macro reads a variable and a file. Nothing tells, but what surrounds it.
func TestImpureCompiled(t *testing.T) {
	s := newRealScene(t, map[string]string{
		"Cargo.toml": "", "text.txt": "a",
		"src/m.rs": `#[proc_macro] pub fn read(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
			let text = std::fs::read_to_string("text.txt").unwrap() + &std::env::var("FOO").unwrap_or_default();
			format!("pub const T: &str = {text:?};").parse().unwrap() }`,
		"src/lib.rs": "m::read!();",
	})
	s.env["CARGO_MANIFEST_DIR"] = s.root
	s.useMacros("src/m.rs")
	rec := s.mustRecord()
	if why := s.holds(rec); why != "" {
		t.Fatalf("nothing has changed: %s", why)
	}
	for _, in := range rec.Inputs {
		if in.Name == "text.txt" {
			t.Error("the compiler lists what a macro reads: most of this is not needed any more")
		}
	}
	s.write("text.txt", "b")
	if why := s.holds(rec); why != "files of the package" {
		t.Errorf("file: %q", why)
	}
	s.write("text.txt", "a")
	s.env["FOO"] = "x"
	if why := s.holds(rec); why != "environment FOO" {
		t.Errorf("variable: %q", why)
	}
	delete(s.env, "FOO")
	if why := s.holds(rec); why != "" {
		t.Errorf("back again: %q", why)
	}
}
