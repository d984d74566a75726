package rustc

import (
	"fmt"
	"testing"
)

// archive is one with a single member.
func archive(content string) string {
	pad := ""
	if len(content)%2 == 1 {
		pad = "\n"
	}
	return fmt.Sprintf("!<arch>\n%-16s%-12d%-6d%-6d%-8o%-10d`\n%s%s", "member.txt/", 0, 0, 0, 0o644, len(content), content, pad)
}

// What a library takes in is looked for when it has been compiled; what a program
// links, before.
func TestNatives(t *testing.T) {
	write := func(name, text string) func(s *scene) { return func(s *scene) { s.write(name, text) } }
	compile := func(source string, args ...string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene {
			s := newRealScene(t, map[string]string{"src/lib.rs": source, "b/libz.a": archive("z"), "a/notes": ""})
			s.swap("--emit=dep-info,metadata", "--emit=dep-info,metadata,link")
			s.add("-L", "native="+s.root+"/a", "-L", "native="+s.root+"/b")
			s.add(args...)
			return s
		}
	}
	const attribute = `#[link(name = "z", kind = "static")] extern "C" {}`
	for _, tt := range []struct {
		name string
		base func(t *testing.T) *scene
	}{
		{"argument", compile("", "-l", "static=z")},
		{"attached argument", compile("", "-lstatic=z")},
		{"modified argument", compile("", "-l", "static:+whole-archive=z")},
		{"renamed", compile(`#[link(name = "foo")] extern "C" {}`, "-l", "static=foo:z")},
		{"behind a shared one", func(t *testing.T) *scene {
			s := compile(attribute)(t)
			s.write("0/libz.so", "shared")
			s.add("-L", "native="+s.root+"/0")
			s.gone("-L", "native="+s.root+"/b")
			s.add("-L", "native="+s.root+"/b")
			return s
		}},
		{"whole name", compile("", "-l", "static:+verbatim=libz.a")},
		{"attribute", compile(attribute)},
		{"conditional attribute", compile(`#[cfg_attr(unix, link(name = "z", kind = "static"))] extern "C" {}`)},
		{"attribute that is left out", compile(`#[cfg(not(unix))] ` + attribute)},
		{"attribute of a module", func(t *testing.T) *scene {
			s := compile("mod sys;")(t)
			s.write("src/sys.rs", attribute)
			return s
		}},
		{"attribute in a macro", compile(`macro_rules! m { () => { ` + attribute + ` } } m!();`)},
		{"all directories", func(t *testing.T) *scene {
			s := compile(attribute)(t)
			s.swap("native="+s.root+"/b", s.root+"/b")
			return s
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := "library z"
			if tt.name == "whole name" {
				name = "library libz.a"
			}
			if tt.name == "attribute that is left out" {
				records(t, tt.base, []change{{"content", write("b/libz.a", archive("y")), name}})
				return
			}
			records(t, tt.base, []change{
				{"content", write("b/libz.a", archive("y")), name},
				{"content of another size", write("b/libz.a", archive("yy")), name},
				{"in an earlier directory", write("a/libz.a", archive("y")), name},
				{"time", func(s *scene) { s.age("b/libz.a") }, ""},
				{"gone", func(s *scene) { s.remove("b/libz.a") }, name},
				{"another library", write("b/liby.a", archive("y")), ""},
			})
		})
	}
	t.Run("plain", func(t *testing.T) {
		records(t, compile("", "-l", "z"), []change{
			{"content", write("b/libz.a", archive("y")), "library z"},
			{"shared", write("b/libz.so", "x"), "library z"},
			{"shared, in an earlier directory", write("a/libz.so", "x"), "library z"},
		})
	})
	t.Run("none", func(t *testing.T) {
		records(t, compile(`pub fn link(name: &str) -> &str { name }`), []change{
			{"content", write("b/libz.a", archive("y")), ""},
			{"directories", func(s *scene) { s.gone("-L", "native="+s.root+"/a") }, ""},
		})
	})
	t.Run("asked for by another crate's macro", func(t *testing.T) {
		s := compile(`#[macro_export] macro_rules! m { ($n:literal) => { #[link(name = $n, kind = "static")] extern "C" {} } }`)(t)
		// It is no name of a library here.
		if _, err := s.record(); err == nil || refusal(err) != "odd: library without a plain name" {
			t.Errorf("recorded: %v", err)
		}
		records(t, func(t *testing.T) *scene {
			u := compile(`a::m!("z");`)(t)
			u.write("src/a.rs", `#[macro_export] macro_rules! m { ($n:literal) => { #[link(name = $n, kind = "static")] extern "C" {} } }`)
			a := *u
			a.argv = append([]string{}, u.argv...)
			a.swap("lib_a", "a")
			a.swap("src/lib.rs", "src/a.rs")
			if _, text, err := a.run(); err != nil {
				t.Fatal(text)
			}
			u.add("--extern", "a="+u.out+"/liba-4567.rmeta")
			u.write("Cargo.toml", "")
			return u
		}, []change{
			// The other crate has no trailer: all that lies here counts, but for a library
			// elsewhere.
			{"content", func(s *scene) {
				s.write(s.top+"/c/libz.a", archive("y"))
				s.swap("native="+s.root+"/b", "native="+s.top+"/c")
			}, "library z"},
		})
	})
	t.Run("name that is computed", func(t *testing.T) {
		s := compile(`macro_rules! m { ($n:literal) => { #[link(name = $n, kind = "static")] extern "C" {} } } m!("z");`)(t)
		if _, err := s.record(); err == nil || refusal(err) != "odd: library without a plain name" {
			t.Errorf("recorded: %v", err)
		}
	})
}

func TestNativesLinked(t *testing.T) {
	write := func(name, text string) func(s *scene) { return func(s *scene) { s.write(name, text) } }
	base := func(kind string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene {
			s := newScene(t).linking()
			s.write("b/libz.a", "a")
			s.write("b/libz.so", "so")
			s.add("-L", "native="+s.root+"/a", "-L", "native="+s.root+"/b", "-l", kind+"z")
			return s
		}
	}
	const name = "library z"
	for kind, read := range map[string]string{"static=": "b/libz.a", "static:-bundle=": "b/libz.a", "": "b/libz.so", "dylib=": "b/libz.so"} {
		t.Run(kind, func(t *testing.T) {
			requests(t, base(kind), []change{
				{"content", write(read, "other"), name},
				{"static, in an earlier directory", write("a/libz.a", "other"), name},
				{"time", func(s *scene) { s.age(read) }, ""},
				{"gone", func(s *scene) { s.remove(read) }, name},
				{"another library", write("a/liby.a", ""), ""},
				{"directories that move", func(s *scene) {
					s.write(s.top+"/c/libz.a", "a")
					s.write(s.top+"/c/libz.so", "so")
					s.swap("native="+s.root+"/b", "native="+s.top+"/c")
				}, ""},
			})
		})
	}
	// A library made for another system.
	for _, file := range []string{"libz.dll.a", "z.lib", "libz.dylib", "libz.tbd", "z"} {
		requests(t, func(t *testing.T) *scene {
			s := newScene(t).linking()
			s.write("b/"+file, "a")
			s.add("-L", "native="+s.root+"/b", "-l", "z")
			return s
		}, []change{{file, write("b/"+file, "other"), name}})
	}
	order := func(t *testing.T) *scene {
		s := base("static=")(t)
		s.write("a/libz.a", "first")
		return s
	}
	requests(t, order, []change{{"order of directories", func(s *scene) {
		s.gone("-L", "native="+s.root+"/a")
		s.add("-L", "native="+s.root+"/a")
	}, name}})
	// A system's own is told by its time: reading it would cost more than linking.
	system := func(t *testing.T) *scene { s := newScene(t).linking(); s.add("-l", "c"); return s }
	requests(t, system, []change{
		{"before the system's", func(s *scene) {
			s.write("b/libc.so", "x")
			s.add("-L", "native="+s.root+"/b")
		}, "library c"},
		{"no directory of native ones", func(s *scene) {
			s.write("b/libc.so", "x")
			s.add("-L", "dependency="+s.root+"/b")
		}, ""},
	})
}
