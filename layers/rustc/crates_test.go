package rustc

import (
	"os"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// library puts a library into the build directory, without a trailer.
func (s *scene) library(name, content string) string {
	path := s.out + "/lib" + name + ".rmeta"
	s.write(path, content)
	s.write(s.out+"/"+name+".d", path+": src/lib.rs\n\nsrc/lib.rs:\n")
	return path
}

// trailer notes of a unit's outputs what is given.
func (s *scene) trailer(name string, m Trailer, outputs ...string) {
	s.t.Helper()
	kinds := map[string]string{".rmeta": "metadata", ".rlib": "link", ".so": "link"}
	for _, output := range outputs {
		path := s.out + "/" + output
		digest, size, err := Digest(path)
		if err != nil {
			s.t.Fatal(err)
		}
		m.Files = append(m.Files, File{output, kinds[path[strings.LastIndexByte(path, '.'):]], digest, size, 0o644})
	}
	text, _ := os.ReadFile(s.out + "/" + name + ".d")
	if len(text) == 0 {
		text = []byte("x: y\n")
	}
	s.write(s.out+"/"+name+".d", m.AppendTo(string(text)))
}

var someKey = strings.Repeat("0", 2*digest.Size)

func TestExterns(t *testing.T) {
	for name, marked := range map[string]bool{"marked": true, "unmarked": false} {
		t.Run(name, func(t *testing.T) {
			base := func(t *testing.T) *scene {
				s := newScene(t)
				s.write("Cargo.toml", "")
				s.add("--extern", "serde="+s.library("serde-1", "meta"))
				if marked {
					s.trailer("serde-1", Trailer{}, "libserde-1.rmeta")
				}
				return s
			}
			lib := func(s *scene) string { return "serde=" + s.out + "/libserde-1.rmeta" }
			gone := "crate serde"
			changes := []change{
				{"content of another size", func(s *scene) { s.library("serde-1", "other content") }, "crate serde"},
				{"time", func(s *scene) { s.age(s.out + "/libserde-1.rmeta") }, ""},
				{"path", func(s *scene) {
					if err := os.Rename(s.out, s.out+"2"); err != nil {
						t.Fatal(err)
					}
					s.swap(lib(s), "serde="+s.out+"2/libserde-1.rmeta")
				}, ""},
				{"name of the crate", func(s *scene) { s.swap(lib(s), "serd="+lib(s)[6:]) }, "crate serd"},
				{"private", func(s *scene) { s.swap(lib(s), "priv:"+lib(s)) }, "crate priv:serde"},
				{"no prelude", func(s *scene) { s.swap(lib(s), "noprelude:"+lib(s)) }, "crate noprelude:serde"},
				{"attached", func(s *scene) { s.join("--extern", lib(s), "--extern="+lib(s)) }, ""},
				{"twice", func(s *scene) { s.add("--extern", lib(s)) }, "order of ingredients"},
				{"none", func(s *scene) { s.gone("--extern", lib(s)) }, gone + " is gone"},
				{"another", func(s *scene) { s.add("--extern", "proc_macro") }, "crate proc_macro"},
			}
			requests(t, base, changes)
		})
	}
	base := func(t *testing.T) *scene {
		s := newScene(t)
		s.add("--extern", "a="+s.library("a-1", "meta"), "--extern", "b="+s.library("b-1", "beta"))
		s.trailer("a-1", Trailer{}, "liba-1.rmeta")
		s.trailer("b-1", Trailer{}, "libb-1.rmeta")
		return s
	}
	requests(t, base, []change{
		{"exchanged", func(s *scene) {
			s.swap("a="+s.out+"/liba-1.rmeta", "x")
			s.swap("b="+s.out+"/libb-1.rmeta", "b="+s.out+"/liba-1.rmeta")
			s.swap("x", "a="+s.out+"/libb-1.rmeta")
		}, "crate a"},
		{"order", func(s *scene) {
			s.gone("--extern", "a="+s.out+"/liba-1.rmeta")
			s.add("--extern", "a="+s.out+"/liba-1.rmeta")
		}, "order of ingredients"},
		{"file that is no dependency", func(s *scene) { s.library("c-1", "x") }, ""},
	})
}

// A trailer is believed only of what it can be true of.
func TestTrailerBelieved(t *testing.T) {
	s := newScene(t)
	path := s.library("a-1", "meta")
	s.trailer("a-1", Trailer{}, "liba-1.rmeta")
	m, err := ReadTrailer(path)
	if err != nil || m.Digest(path) == "" {
		t.Fatalf("trailer: %+v, %v", m, err)
	}
	s.write(path, "metadata")
	if m.Digest(path) != "" {
		t.Error("believed of a file of another size")
	}
	s.remove(path)
	if m.Digest(path) != "" {
		t.Error("believed of nothing")
	}
	if m.Digest(s.out+"/liba-2.rmeta") != "" {
		t.Error("believed of another file")
	}
	// The compiler writes its list anew: the trailer is gone with the outputs it told of.
	s.library("a-1", "beta")
	if m, err := ReadTrailer(path); err == nil {
		t.Errorf("trailer of an older output: %+v", m)
	}
	was := m
	for name, text := range map[string]string{
		"torn":          "x: y\n#cow file \"liba-1.rmeta\" \"metadata\"",
		"unknown line":  "x: y\n#cow file \"a\" \"link\" \"" + someKey + "\" \"1\" \"644\"\n#cow frobnicate \"a\"\n",
		"unquoted":      "x: y\n#cow file a link " + someKey + " 1 644\n",
		"no files":      "x: y\n#cow dep \"a\"\n",
		"name of a way": "x: y\n#cow file \"../a\" \"link\" \"" + someKey + "\" \"1\" \"644\"\n",
		"no digest":     "x: y\n#cow file \"a\" \"link\" \"0\" \"1\" \"644\"\n",
		"negative":      "x: y\n#cow file \"a\" \"link\" \"" + someKey + "\" \"-1\" \"644\"\n",
		"two keys":      was.AppendTo("x: y\n") + strings.Repeat("#cow unit \""+someKey+"\" \"a-1\" \""+someKey+"\"\n", 2),
	} {
		if m, err := ParseTrailer(text); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// What is linked are all libraries below, whatever the direct ones say.
func TestLinkedUnits(t *testing.T) {
	key := Trailer{Key: someKey, Unit: "x-1", Request: someKey}
	// deep <- middle <- the crate; macro.so <- middle
	base := func(t *testing.T) *scene {
		s := newScene(t)
		for _, name := range []string{"deep-1", "middle-1"} {
			s.library(name, name)
			s.write(s.out+"/lib"+name+".rlib", name)
		}
		s.write(s.out+"/libmacro-1.so", "macro")
		m := key
		s.trailer("deep-1", m, "libdeep-1.rmeta", "libdeep-1.rlib")
		s.trailer("macro-1", m, "libmacro-1.so")
		s.write(s.out+"/libshared-1.so", "shared")
		m.Deps = []string{"libdeep-1.rmeta", "libmacro-1.so", "libshared-1.so"}
		s.trailer("middle-1", m, "libmiddle-1.rmeta", "libmiddle-1.rlib")
		s.add("--extern", "middle="+s.out+"/libmiddle-1.rlib")
		return s
	}
	deeper := func(s *scene) {
		s.write(s.out+"/libdeep-1.rlib", "deep-2")
		s.write(s.out+"/deep-1.d", "")
		s.trailer("deep-1", key, "libdeep-1.rmeta", "libdeep-1.rlib")
	}
	requests(t, base, []change{
		{"library: two levels below", deeper, ""},
		{"library: below without a trailer", func(s *scene) { s.remove(s.out + "/deep-1.d") }, ""},
	})
	links := func(t *testing.T) *scene { return base(t).linking() }
	requests(t, links, []change{
		{"two levels below", deeper, "all crates below"},
		{"metadata two levels below", func(s *scene) {
			s.write(s.out+"/libdeep-1.rmeta", "deep-2")
			s.write(s.out+"/deep-1.d", "")
			s.trailer("deep-1", key, "libdeep-1.rmeta", "libdeep-1.rlib")
		}, ""},
		{"without a trailer", func(s *scene) { s.remove(s.out + "/deep-1.d") }, "odd: dependency without record"},
		{"being compiled", func(s *scene) {
			s.write(s.out+"/deep-1.d", "")
			s.trailer("deep-1", Trailer{}, "libdeep-1.rmeta")
		}, "odd: dependency without record"},
		{"checked only", func(s *scene) {
			s.write(s.out+"/deep-1.d", "")
			s.trailer("deep-1", key, "libdeep-1.rmeta")
		}, "odd: dependency that cannot be linked"},
		{"of another size", func(s *scene) { s.write(s.out+"/libdeep-1.rlib", "torn") }, "odd: dependency that cannot be linked"},
		{"gone", func(s *scene) { s.remove(s.out + "/libdeep-1.rlib") }, "odd: dependency that cannot be linked"},
		{"macro", func(s *scene) { s.write(s.out+"/libmacro-1.so", "other") }, ""},
		{"shared library", func(s *scene) { s.write(s.out+"/libshared-1.so", "other") }, "all crates below"},
		{"shared library that is gone", func(s *scene) { s.remove(s.out + "/libshared-1.so") }, "odd: dependency that cannot be linked"},
		{"library beside", func(s *scene) { s.library("other-1", "") }, ""},
	})
	requests(t, links, []change{
		{"library that one below asks for", func(s *scene) {
			m := key
			m.Natives = []Native{{Kind: "static", Name: "z"}}
			s.write(s.out+"/deep-1.d", "")
			s.trailer("deep-1", m, "libdeep-1.rmeta", "libdeep-1.rlib")
		}, "library z"},
	})
}

// The compiler's own word for it: what changed two levels below changes a program.
func TestLinkedUnitsCompiled(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/deep.rs": "pub fn f() -> u8 { 1 }", "src/middle.rs": "pub fn f() -> u8 { deep::f() }",
		"src/main.rs": "fn main() { println!(\"{}\", middle::f()) }"})
	s.swap("--emit=dep-info,metadata", "--emit=dep-info,metadata,link")
	unit := func(name string, externs ...string) *scene {
		u := *s
		u.argv = append(append([]string{}, s.argv...), externs...)
		u.swap("lib_a", name)
		u.swap("src/lib.rs", "src/"+name+".rs")
		if name == "main" {
			u.linking()
		}
		return &u
	}
	deep := unit("deep")
	middle := unit("middle", "--extern", "deep="+s.out+"/libdeep-4567.rmeta")
	main := unit("main", "--extern", "middle="+s.out+"/libmiddle-4567.rlib")
	deep.mustRecord()
	was := middle.mustRecord()
	program := main.mustRecord()
	if why := main.holds(program); why != "" {
		t.Fatalf("nothing has changed: %s", why)
	}
	// Another body, of which the metadata above tell nothing but its digest.
	s.write("src/deep.rs", "pub fn f() -> u8 { 2 }")
	deep.mustRecord()
	if why := middle.holds(was); why != "crate deep" {
		t.Errorf("library above: %q", why)
	}
	middle.mustRecord()
	if why := main.holds(program); why != "crate middle" && why != "all crates below" {
		t.Errorf("program: %q", why)
	}
}
