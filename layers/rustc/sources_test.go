package rustc

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestSources(t *testing.T) {
	write := func(name, text string) func(s *scene) { return func(s *scene) { s.write(name, text) } }
	base := func(t *testing.T) *scene {
		return newRealScene(t, map[string]string{
			"src/lib.rs": `mod flat; mod deep; mod a { pub mod b; }
				#[path = "odd.inc"] pub mod odd;
				#[cfg(test)] mod tests;
				pub const TEXT: &str = include_str!("text.txt");
				pub const BYTES: &[u8] = include_bytes!("bytes.bin");
				include!("included.rs");
				#[doc = include_str!("../README.md")] pub fn f() -> &'static str { file!() }`,
			"src/flat.rs": "pub fn f() {}", "src/deep/mod.rs": "pub mod inner;", "src/deep/inner.rs": "", "src/a/b.rs": "", "src/odd.inc": "",
			"src/text.txt": "a", "src/bytes.bin": "\x00\xff", "src/included.rs": "pub fn g() {}", "README.md": "# a",
			"src/unused.rs": "", "src/name with space.txt": "",
		})
	}
	records(t, base, []change{
		{"crate root", write("src/lib.rs", "pub fn h() {}"), "file src/lib.rs"},
		{"module", write("src/flat.rs", "pub fn f() { }"), "file src/flat.rs"},
		{"module of a directory", write("src/deep/mod.rs", "pub mod inner; "), "file src/deep/mod.rs"},
		{"inner module", write("src/deep/inner.rs", " "), "file src/deep/inner.rs"},
		{"module below one without a file", write("src/a/b.rs", " "), "file src/a/b.rs"},
		{"module by a path", write("src/odd.inc", " "), "file src/odd.inc"},
		{"included text", write("src/text.txt", "b"), "file src/text.txt"},
		{"included bytes", write("src/bytes.bin", "\x00\xfe"), "file src/bytes.bin"},
		{"included source", write("src/included.rs", "pub fn g() { }"), "file src/included.rs"},
		{"included documentation", write("README.md", "# b"), "file src/../README.md"},
		{"gone", func(s *scene) { s.remove("src/text.txt") }, "file src/text.txt"},
		{"a directory now", func(s *scene) { s.remove("src/text.txt"); s.write("src/text.txt/x", "") }, "file src/text.txt"},
		{"link to other content", func(s *scene) {
			s.remove("src/text.txt")
			s.write("other.txt", "b")
			s.link("../other.txt", "src/text.txt")
		}, "file src/text.txt"},
		{"link to the same content", func(s *scene) {
			s.remove("src/text.txt")
			s.write("other.txt", "a")
			s.link("../other.txt", "src/text.txt")
		}, ""},
		{"time", func(s *scene) { s.age("src/lib.rs"); s.age("src/text.txt") }, ""},
		{"written again", write("src/flat.rs", "pub fn f() {}"), ""},
		{"rights", func(s *scene) {
			if err := os.Chmod(s.path("src/flat.rs"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ""},

		{"directory beside a file", write("src/flat/mod.rs", ""), "file src/flat/mod.rs"},
		{"file beside a directory", write("src/deep.rs", ""), "file src/deep.rs"},
		{"directory beside a file below", write("src/deep/inner/mod.rs", ""), "file src/deep/inner/mod.rs"},
		{"directory beside a file below a module without one", write("src/a/b/mod.rs", ""), "file src/a/b/mod.rs"},
		{"link to a module", func(s *scene) { s.link("../flat.rs", "src/flat/mod.rs") }, "file src/flat/mod.rs"},
		{"link to nothing", func(s *scene) { s.link("nowhere", "src/flat/mod.rs") }, ""},
		{"module that the configuration leaves out", write("src/tests.rs", "x"), ""},
		{"file that nobody reads", write("src/unused.rs", "x"), ""},
		{"new file", write("src/new.rs", "x"), ""},
	})
}

// A name with a space, with a backslash, and one that begins like what stands
// for a directory.
func TestNamesOfSources(t *testing.T) {
	base := func(t *testing.T) *scene {
		return newRealScene(t, map[string]string{
			"src/lib.rs": `pub const A: &str = include_str!("a b.txt"); pub const B: &str = include_str!("a\\b.txt");
				pub const C: &str = include_str!("a\\ b.txt"); pub const D: &str = include_str!("#d.txt");`,
			"src/a b.txt": "1", `src/a\b.txt`: "2", `src/a\ b.txt`: "3", "src/#d.txt": "4",
		})
	}
	records(t, base, []change{
		{"space", func(s *scene) { s.write("src/a b.txt", "5") }, "file src/a b.txt"},
		{"backslash", func(s *scene) { s.write(`src/a\b.txt`, "5") }, `file src/a\b.txt`},
		{"backslash and space", func(s *scene) { s.write(`src/a\ b.txt`, "5") }, `file src/a\ b.txt`},
		{"sign of a comment", func(s *scene) { s.write("src/#d.txt", "5") }, "file src/#d.txt"},
	})
	s := newRealScene(t, map[string]string{"{cwd}/lib.rs": ""})
	s.swap("src/lib.rs", "{cwd}/lib.rs")
	if _, err := s.record(); err == nil || refusal(err) != "odd: name of an input" {
		t.Errorf("a name like that of a place: %v", err)
	}
	s = newRealScene(t, map[string]string{"src/lib.rs": "#[path = \"a\nb.inc\"] pub mod x;", "src/a\nb.inc": "", "src/a": ""})
	if _, err := s.record(); err == nil || refusal(err) != "odd: name of an input" {
		t.Errorf("a name of two lines, of which the first names a file: %v", err)
	}
}

// What was written while the compiler ran may be other than what it read.
func TestBegan(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": `pub const A: &str = include_str!("a.txt");`, "src/a.txt": "a"})
	r := s.mustRequest()
	run, text, err := s.run()
	if err != nil {
		t.Fatal(text)
	}
	if _, err := r.Record(run); err != nil {
		t.Fatalf("nothing has changed: %v", err)
	}
	for _, back := range []bool{false, true} {
		s.write("src/a.txt", "b")
		if back {
			s.age("src/a.txt") // with an old time
		}
		if _, err := r.Record(run); err == nil || refusal(err) != "odd: input changed meanwhile" {
			t.Errorf("a file has changed, its time set back: %v; %v", back, err)
		}
	}
	run.Began = time.Now()
	if _, err := r.Record(run); err != nil {
		t.Errorf("it has changed before: %v", err)
	}
	s.remove("src/a.txt")
	if _, err := r.Record(run); err == nil || refusal(err) != "odd: input that cannot be read" {
		t.Errorf("it is gone: %v", err)
	}
}

// Names are part of it: the same content under another one is something else.
func TestSourcesByName(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": "mod a;", "src/a.rs": ""})
	first := s.mustRecord()
	s.remove("src/a.rs")
	s.write("src/a/mod.rs", "")
	if why := s.holds(first); why != "file src/a.rs" {
		t.Errorf("renamed: %q", why)
	}
	if second := s.mustRecord(); second.Key == first.Key {
		t.Error("two records have one key")
	} else if why := s.holds(second); why != "" {
		t.Errorf("the second does not hold: %s", why)
	}
}

// The assembler reads files that nothing lists.
func TestAssembler(t *testing.T) {
	for source, odd := range map[string]bool{
		`std::arch::global_asm!(r#".incbin "blob.bin""#);`: true,
		`std::arch::global_asm!(".include \"macros.s\"");`: true,
		`std::arch::global_asm!(include_str!("boot.s"));`:  true,
		`std::arch::global_asm!("nop");`:                   false,
		`pub struct A; impl A { pub fn include(&self, _: &str) {} } pub fn f(a: &A) { a.include("x"); a.include ("y") }`: false,
	} {
		s := newRealScene(t, map[string]string{"src/lib.rs": source, "src/boot.s": ".incbin \"blob.bin\"", "blob.bin": "a", "macros.s": "nop"})
		s.swap("--emit=dep-info,metadata", "--emit=dep-info,metadata,link")
		_, err := s.record()
		if (err != nil) != odd || odd && refusal(err) != "odd: assembler that reads files" {
			t.Errorf("%s: %v", source, err)
		}
		if list, _ := os.ReadFile(s.out + "/lib_a-4567.d"); strings.Contains(string(list), "blob.bin") || strings.Contains(string(list), "macros.s") {
			t.Error("the compiler lists what the assembler reads: this is not needed any more")
		}
	}
}
