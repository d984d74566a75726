package rustc

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// elsewhere is the same checkout in another directory.
func (s *scene) elsewhere(root string) *scene {
	s.t.Helper()
	if out, err := exec.Command("cp", "-a", s.root, root).CombinedOutput(); err != nil {
		s.t.Fatalf("%s", out)
	}
	e := *s
	e.root = root
	move := func(text string) string { return replacePath(text, s.root, root) }
	e.out = move(s.out)
	e.argv, e.env = nil, map[string]string{}
	for _, a := range s.argv {
		// A position stands behind a sign that is no end of a path.
		key, value, ok := strings.Cut(a, "=")
		if ok {
			a = key + "=" + move(value)
		}
		e.argv = append(e.argv, move(a))
	}
	for name, value := range s.env {
		e.env[name] = move(value)
	}
	return &e
}

func TestPlaces(t *testing.T) {
	const named = "it names where it was made"
	for _, tt := range []struct {
		name, source string
		change       func(s *scene)
		bound        Portability
		elsewhere    string // why it does not hold in another checkout
		outElsewhere string // nor in another build directory of the same
	}{
		{"nothing", `pub fn f() -> u8 { 1 }`, nil, Anywhere, "", ""},
		{"panics", `pub fn f(v: Vec<u8>) -> u8 { assert!(v.len() > 3, "few"); v[2] }`, nil, Anywhere, "", ""},
		{"its own name", `pub fn f() -> &'static str { file!() }`, nil, Anywhere, "", ""},
		{"included text", `pub const T: &str = include_str!("../text.txt");`, nil, Anywhere, "", ""},
		{"debug information", `pub fn f() -> u8 { 1 }`, func(s *scene) { s.add("-C", "debuginfo=2", "-C", "embed-bitcode=no") }, Anywhere, "", ""},
		{"debug information in bitcode", `pub fn f() -> u8 { 1 }`, func(s *scene) { s.add("-C", "debuginfo=2") }, SameOutDir, named, named},
		{"messages", `fn f() -> u8 { 1 }`, nil, Anywhere, "", ""},
		{"variable in a constant", `pub const D: &str = env!("CARGO_MANIFEST_DIR");`, nil, SameOutDir, named, named},
		{"variable in a function", `pub fn f() -> &'static str { env!("CARGO_MANIFEST_DIR") }`, nil, SameOutDir, named, named},
		{"variable that is measured", `pub const N: usize = env!("CARGO_MANIFEST_DIR").len();`, nil, SameOutDir, named, named},
		{"included by a variable", `pub const T: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/text.txt"));`, nil, Anywhere,
			"variable CARGO_MANIFEST_DIR", ""},
		{"build directory", `pub const D: &str = env!("DIR");`, func(s *scene) { s.env["DIR"] = s.out + "/x" }, SameOutDir, named, named},
		{"absolute crate root", `pub fn f() -> &'static str { file!() }`, func(s *scene) { s.swap("src/lib.rs", s.root+"/src/lib.rs") }, SameDir, named, ""},
		{"coverage", `pub fn f() -> u8 { 1 }`, func(s *scene) { s.add("-C", "instrument-coverage") }, SameOutDir, named, named},
		{"no coverage", `pub fn f() -> u8 { 1 }`, func(s *scene) { s.add("-Cinstrument-coverage=no") }, Anywhere, "", ""},
		{"runpath", `pub fn f() -> u8 { 1 }`, func(s *scene) { s.add("-Crpath") }, SameOutDir, named, named},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newRealScene(t, map[string]string{"src/lib.rs": tt.source, "text.txt": ""})
			s.swap("--emit=dep-info,metadata", "--emit=dep-info,metadata,link")
			if tt.change != nil {
				tt.change(s)
			}
			rec := s.mustRecord()
			if rec.Portability != tt.bound {
				t.Errorf("bound %s, want %s", rec.Portability, tt.bound)
			}
			check := func(where string, e *scene, want string) {
				if why := e.holds(rec); want == "" && why != "" || want != "" && !strings.HasPrefix(why, want) {
					t.Errorf("%s: %q, want %q", where, why, want)
				}
			}
			check("here", s, "")
			check("in another checkout", s.elsewhere(s.top+"/other"), tt.elsewhere)
			other := *s
			other.argv = append([]string{}, s.argv...)
			other.out = s.top + "/target/debug/deps"
			other.swap(s.out, other.out)
			check("in another build directory", &other, tt.outElsewhere)
		})
	}
}

// A file of the other checkout that differs is seen there.
func TestPlacesDiffer(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": `pub const T: &str = include_str!("../text.txt");`, "text.txt": "a"})
	rec := s.mustRecord()
	e := s.elsewhere(s.top + "/other")
	e.write("text.txt", "b")
	if why := e.holds(rec); why != "file src/../text.txt" {
		t.Errorf("other content: %q", why)
	}
	// And the record's own checkout is not asked.
	e.write("text.txt", "a")
	s.remove("text.txt")
	if why := e.holds(rec); why != "" {
		t.Errorf("the place it was made in is gone: %q", why)
	}
}

// A macro may put the working directory into what it makes.
func TestPlacesOfMacros(t *testing.T) {
	s := newRealScene(t, map[string]string{
		"src/m.rs": `use proc_macro::TokenStream;
			#[proc_macro] pub fn here(_: TokenStream) -> TokenStream { format!("{:?}", std::env::current_dir().unwrap()).parse().unwrap() }
			#[proc_macro] pub fn file(_: TokenStream) -> TokenStream {
				let path = std::env::current_dir().unwrap().join("text.txt");
				format!("({path:?}, include_str!({path:?}))").parse().unwrap() }
			#[proc_macro] pub fn one(_: TokenStream) -> TokenStream { "1".parse().unwrap() }`,
		"src/lib.rs": "", "text.txt": "",
	})
	s.useMacros("src/m.rs")
	s.swap("--emit=dep-info,metadata", "--emit=dep-info,metadata,link")
	for source, want := range map[string]Portability{
		`pub const D: &str = m::here!();`:                           SameOutDir,
		`pub fn f() -> &'static str { m::here!() }`:                 SameOutDir,
		`pub fn f(x: &str) -> bool { x == m::here!() }`:             SameOutDir,
		`pub fn f() -> (&'static str, &'static str) { m::file!() }`: SameOutDir,
		`pub fn f(v: Vec<u8>) -> u8 { m::one!() + v[3] }`:           Anywhere,
		`pub const N: u8 = m::one!();`:                              Anywhere,
		`pub fn f() -> &'static str { m::one!(); file!() }`:         Anywhere,
	} {
		s.write("src/lib.rs", source)
		rec := s.mustRecord()
		if rec.Portability != want {
			t.Errorf("%s is bound %s, want %s", source, rec.Portability, want)
		}
		e := s.elsewhere(s.top + "/other")
		if why := e.holds(rec); (why == "") != (want == Anywhere) {
			t.Errorf("%s elsewhere: %q", source, why)
		}
		if err := os.RemoveAll(e.root); err != nil {
			t.Fatal(err)
		}
	}
}

// One may put the build script's directory there, and ask for it unseen.
func TestOutDirOfMacros(t *testing.T) {
	s := newRealScene(t, map[string]string{
		"src/m.rs": `#[proc_macro] pub fn out(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
			format!("{:?}", std::env::var("OUT_DIR").unwrap()).parse().unwrap() }`,
		"src/lib.rs": "pub const D: &str = m::out!();",
	})
	s.useMacros("src/m.rs")
	s.env["OUT_DIR"] = s.top + "/build/a-1/out"
	s.write(s.env["OUT_DIR"]+"/x", "")
	rec := s.mustRecord()
	if rec.Portability != SameOutDir {
		t.Errorf("bound %s, want %s", rec.Portability, SameOutDir)
	}
	s.env["OUT_DIR"] = s.top + "/build/a-2/out"
	s.write(s.env["OUT_DIR"]+"/x", "")
	if why := s.holds(rec); !strings.HasPrefix(why, "it names where it was made") {
		t.Errorf("another directory of the same content: %q", why)
	}
}

// Packages that cargo has unpacked have one place, which their files name; the build
// directory is of no matter.
func TestPlacesOfRegistry(t *testing.T) {
	for _, kind := range []string{"/registry/src/index/a-1.0.0", "/git/checkouts/a-0/1234567"} {
		s := newRealScene(t, nil)
		s.root = s.env["CARGO_HOME"] + kind
		s.env["CARGO_MANIFEST_DIR"] = s.root
		s.write("src/lib.rs", `pub fn f() -> &'static str { concat!(env!("CARGO_MANIFEST_DIR"), file!()) }`)
		s.swap("src/lib.rs", s.root+"/src/lib.rs")
		rec := s.mustRecord()
		if rec.Portability != SameDir {
			t.Errorf("%s: bound %s", kind, rec.Portability)
		}
		other := *s
		other.argv = append([]string{}, s.argv...)
		other.out = s.top + "/target/debug/deps"
		other.swap(s.out, other.out)
		if why := other.holds(rec); why != "" {
			t.Errorf("%s: in another build directory: %s", kind, why)
		}
		e := s.elsewhere(s.root + "-2")
		if why := e.holds(rec); why == "" {
			t.Errorf("%s: holds in another directory", kind)
		}
		s.write("src/lib.rs", "")
		if why := s.holds(rec); why != "file "+s.root+"/src/lib.rs" && why != "file src/lib.rs" {
			t.Errorf("%s: one that was edited: %q", kind, why)
		}
	}
}

// Messages, lists and directories are told by the names of where they are used.
func TestNamesElsewhere(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": `include!(concat!(env!("OUT_DIR"), "/gen.rs"));`, "target/debug/build/a-1/out/gen.rs": "fn g() {}"})
	s.env["OUT_DIR"] = s.root + "/target/debug/build/a-1/out"
	rec := s.mustRecord()
	e := s.elsewhere(s.top + "/other")
	if why := e.holds(rec); why != "" {
		t.Fatal(why)
	}
	r := e.mustRequest()
	list := r.DepFile(rec)
	if strings.Contains(list, s.root+"/") || !strings.Contains(list, e.out+"/lib_a-4567.d: src/lib.rs") ||
		!strings.Contains(list, "# env-dep:OUT_DIR="+e.env["OUT_DIR"]) || strings.Contains(list, "{") {
		t.Errorf("the list is\n%s", list)
	}
	for path, want := range map[string]string{
		s.root: e.root, s.root + "/src/lib.rs": e.root + "/src/lib.rs", s.out + "/x": e.out + "/x", s.env["OUT_DIR"] + "/gen.rs": e.env["OUT_DIR"] + "/gen.rs",
		"src/lib.rs": "src/lib.rs", "/usr/lib": "/usr/lib", s.root + "2": s.root + "2",
	} {
		if got := r.Localize(rec, path); got != want {
			t.Errorf("%s is %s here, want %s", path, got, want)
		}
	}
	if dirs := rec.Roots(); len(dirs) != 3 || len(dirs[0]) < len(dirs[1]) || len(dirs[1]) < len(dirs[2]) {
		t.Errorf("places %q", dirs)
	}
}
