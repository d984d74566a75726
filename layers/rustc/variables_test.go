package rustc

import "testing"

func TestEnv(t *testing.T) {
	set := func(name, value string) func(s *scene) { return func(s *scene) { s.env[name] = value } }
	unset := func(name string) func(s *scene) { return func(s *scene) { delete(s.env, name) } }
	base := func(t *testing.T) *scene {
		s := newRealScene(t, map[string]string{"src/lib.rs": `
			pub const A: &str = env!("A"); pub const LONG: &str = env!("LONG"); pub const EMPTY: Option<&str> = option_env!("EMPTY");
			pub const B: Option<&str> = option_env!("B"); pub const UNSET: Option<&str> = option_env!("UNSET");
			#[cfg(test)] pub const T: &str = env!("T");`})
		for name, value := range map[string]string{"A": "1", "LONG": "a\nb\\n\rc\td=e #f", "EMPTY": "", "B": "2", "OTHER": "3"} {
			s.env[name] = value
		}
		return s
	}
	records(t, base, []change{
		{"other", set("A", "2"), "variable A"},
		{"longer", set("A", "1 "), "variable A"},
		{"optional", set("B", "3"), "variable B"},
		{"optional, unset", unset("B"), "variable B"},
		{"optional, empty", set("B", ""), "variable B"},
		{"set", set("UNSET", "1"), "variable UNSET"},
		{"set, empty", set("UNSET", ""), "variable UNSET"},
		{"empty, unset", unset("EMPTY"), "variable EMPTY"},
		{"empty, set", set("EMPTY", "1"), "variable EMPTY"},
		{"newline", set("LONG", "a\\nb\\n\rc\td=e #f"), "variable LONG"},
		{"return", set("LONG", "a\nb\\n\nc\td=e #f"), "variable LONG"},
		{"backslash", set("LONG", "a\nb\n\rc\td=e #f"), "variable LONG"},
		{"end", set("LONG", "a\nb\\n\rc\td=e #f\n"), "variable LONG"},
		{"nobody asked", set("OTHER", "4"), ""},
		{"new", set("NEW", "4"), ""},
		{"not compiled", set("T", "4"), ""},
		{"package", set("CARGO_PKG_VERSION", "9"), ""},
	})
	records(t, func(t *testing.T) *scene {
		s := newRealScene(t, map[string]string{"src/lib.rs": `pub const A: &str = concat!(env!("CARGO_PKG_NAME"), "x", env!("CARGO_PKG_VERSION"));`})
		return s
	}, []change{
		{"version", set("CARGO_PKG_VERSION", "9"), "variable CARGO_PKG_VERSION"},
		{"authors", set("CARGO_PKG_AUTHORS", "x"), ""},
	})
}

// A name with the sign that ends names is unset in the list, and looks set.
func TestEnvOddName(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": `pub const ODD: Option<&str> = option_env!("O=D");`})
	rec := s.mustRecord()
	if why := s.holds(rec); why != "variable O" {
		t.Errorf("in doubt a record does not hold: %q", why)
	}
}

// The directory of the build script's outputs moves with the checkout, unless something
// else than an include is made of it.
func TestOutDir(t *testing.T) {
	scenes := func(source string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene {
			s := newRealScene(t, map[string]string{"src/lib.rs": source, "target/debug/build/a-1/out/gen.rs": "pub fn g() {}"})
			s.env["OUT_DIR"] = s.root + "/target/debug/build/a-1/out"
			return s
		}
	}
	moved := func(s *scene) {
		s.write("target/debug/build/a-2/out/gen.rs", "pub fn g() {}")
		s.env["OUT_DIR"] = s.root + "/target/debug/build/a-2/out"
	}
	content := func(s *scene) { s.write(s.env["OUT_DIR"]+"/gen.rs", "pub fn h() {}") }
	unset := func(s *scene) { delete(s.env, "OUT_DIR") }
	const bound = "it names where it was made: target/debug/deps"
	for _, tt := range []struct {
		name, source, moved, unset string
		bound                      Portability
	}{
		{"included", `include!(concat!(env!("OUT_DIR"), "/gen.rs"));`, "", "variable OUT_DIR", Anywhere},
		{"included as text", `pub const T: &str = include_str!(concat!(env!("OUT_DIR"), "/gen.rs"));`, "", "variable OUT_DIR", Anywhere},
		{"embedded", `include!(concat!(env!("OUT_DIR"), "/gen.rs")); pub const D: &str = env!("OUT_DIR");`, bound, bound, SameOutDir},
		{"measured", `include!(concat!(env!("OUT_DIR"), "/gen.rs")); pub const D: usize = env!("OUT_DIR").len();`, bound, bound, SameOutDir},
		{"measured in a function", `pub fn f() -> usize { env!("OUT_DIR").len() }`, bound, bound, SameOutDir},
		{"by a macro", `macro_rules! m { ($n:literal) => { env!($n) } } include!(concat!(env!("OUT_DIR"), "/gen.rs"));
			pub const D: usize = m!("OUT_DIR").len();`, bound, bound, SameOutDir},
		{"optional", `pub const D: Option<&str> = option_env!("OUT_DIR");`, bound, bound, SameOutDir},
		{"not asked for", `pub fn f() {}`, "", "", Anywhere},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scenes(tt.source)(t)
			if rec := s.mustRecord(); rec.Portability != tt.bound {
				t.Errorf("bound %s, want %s", rec.Portability, tt.bound)
			}
			changes := []change{{"moved", moved, tt.moved}, {"unset", unset, tt.unset}}
			if tt.moved == "" && tt.unset != "" {
				changes = append(changes, change{"content", content, "file target/debug/build/a-1/out/gen.rs"})
			}
			records(t, scenes(tt.source), changes)
		})
	}
}

// A variable by which a script tells its crate of a file that it has written, as
// mime_guess has one, is judged as the directory itself is.
func TestBelowOutDir(t *testing.T) {
	scenes := func(source string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene {
			s := newRealScene(t, map[string]string{"src/lib.rs": source, "target/debug/build/a-1/out/gen.rs": "pub fn g() {}"})
			s.env["OUT_DIR"] = s.root + "/target/debug/build/a-1/out"
			s.env["GEN"], s.env["DIR"] = s.env["OUT_DIR"]+"/gen.rs", s.env["OUT_DIR"]
			return s
		}
	}
	moved := func(s *scene) {
		s.env["OUT_DIR"] = s.root + "/target/debug/build/a-2/out"
		s.env["GEN"], s.env["DIR"] = s.env["OUT_DIR"]+"/gen.rs", s.env["OUT_DIR"]
		s.write(s.env["GEN"], "pub fn g() {}")
	}
	changes := func(all, other string) []change {
		return []change{
			{"moved", moved, all},
			{"unset", func(s *scene) { delete(s.env, "GEN"); delete(s.env, "DIR") }, other},
			{"another file", func(s *scene) { s.env["GEN"], s.env["DIR"] = s.env["OUT_DIR"]+"/gem.rs", s.env["OUT_DIR"]+"/x" }, other},
			{"a longer name", func(s *scene) { s.env["GEN"], s.env["DIR"] = s.env["OUT_DIR"]+"er/gen.rs", s.env["OUT_DIR"]+"er" }, other},
			{"left behind", func(s *scene) {
				s.env["OUT_DIR"] = s.root + "/target/debug/build/a-2/out"
			}, ""},
		}
	}
	const bound = "it names where it was made: target/debug/deps"
	for _, tt := range []struct {
		name, source, moved, other, behind string
		bound                              Portability
	}{
		{"included", `include!(env!("GEN"));`, "", "variable GEN", "variable GEN", Anywhere},
		{"included as text", `pub const T: &str = include_str!(env!("GEN"));`, "", "variable GEN", "variable GEN", Anywhere},
		{"from a directory", `include!(concat!(env!("DIR"), "/gen.rs"));`, "", "variable DIR", "variable DIR", Anywhere},
		{"embedded", `include!(env!("GEN")); pub const D: &str = env!("GEN");`, bound, "variable GEN", bound, SameOutDir},
		{"measured", `include!(env!("GEN")); pub const D: usize = env!("GEN").len();`, bound, "variable GEN", bound, SameOutDir},
		{"one of two is measured", `include!(env!("GEN")); pub const D: usize = env!("DIR").len();`, bound, "variable DIR", bound, SameOutDir},
		{"optional", `pub const D: Option<&str> = option_env!("GEN");`, bound, "variable GEN", bound, SameOutDir},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scenes(tt.source)(t)
			if rec := s.mustRecord(); rec.Portability != tt.bound {
				t.Errorf("bound %s, want %s", rec.Portability, tt.bound)
			}
			list := changes(tt.moved, tt.other)
			list[len(list)-1].want = tt.behind
			if tt.moved == "" {
				list = append(list, change{"content", func(s *scene) { s.write(s.env["OUT_DIR"]+"/gen.rs", "pub fn h() {}") }, "file target/debug/build/a-1/out/gen.rs"})
			}
			records(t, scenes(tt.source), list)
		})
	}
	// What would be taken for a variable of that kind is none of a record's.
	s := newRealScene(t, map[string]string{"src/lib.rs": `pub const D: &str = env!("GEN");`})
	s.env["GEN"] = "{OUT_DIR}/gen.rs"
	if _, err := s.record(); err == nil {
		t.Error("recorded")
	}
}

// A macro of another crate that reads the directory is not to be seen in the
// sources of this one.
func TestOutDirElsewhere(t *testing.T) {
	s := newRealScene(t, map[string]string{
		"src/lib.rs": `#[macro_export] macro_rules! size { () => { env!("OUT_DIR").len() } }`,
		"src/b.rs":   `pub fn f() -> usize { a::size!() }`,
	})
	s.mustRecord()
	s.swap("lib_a", "lib_b")
	s.swap("src/lib.rs", "src/b.rs")
	s.add("--extern", "a="+s.out+"/liblib_a-4567.rmeta")
	s.env["OUT_DIR"] = s.root + "/out"
	rec := s.mustRecord()
	if rec.Portability != SameOutDir {
		t.Errorf("bound %s, want %s", rec.Portability, SameOutDir)
	}
	s.env["OUT_DIR"] = s.root + "/output"
	if why := s.holds(rec); why == "" {
		t.Error("holds for another directory")
	}
}
