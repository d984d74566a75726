package rustc

import (
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// compiledMacro has a macro compiled that is made of src and of a library, and gives
// the scene of a crate that uses it.
func compiledMacro(t *testing.T, src, library string) *scene {
	t.Helper()
	s := newRealScene(t, map[string]string{
		"Cargo.toml": "", "text.txt": "a", "src/made.rs": library, "src/lib.rs": "m::read!();",
		"src/m.rs": "use proc_macro::TokenStream;\n#[proc_macro] pub fn read(_: TokenStream) -> TokenStream { " + src + "; TokenStream::new() }",
	})
	s.env["CARGO_MANIFEST_DIR"] = s.root
	call := func(crate, kind, emit string, further ...string) {
		c := *s
		c.argv = slices.Clone(s.argv)
		c.swap("lib", kind)
		c.swap("lib_a", crate)
		c.swap("src/lib.rs", "src/"+crate+".rs")
		c.swap("--emit=dep-info,metadata", "--emit="+emit)
		c.argv = append(c.argv, further...)
		c.mustRecord()
	}
	call("made", "lib", "dep-info,metadata,link")
	call("m", "proc-macro", "dep-info,link", "--extern", "proc_macro", "--extern", "made="+s.out+"/libmade-4567.rlib")
	s.add("--extern", "m="+s.out+"/libm-4567.so")
	return s
}

// What a macro gets at, and all it is made of, is what counts for those that use it.
func TestReach(t *testing.T) {
	set := func(name string) func(s *scene) { return func(s *scene) { s.env[name] = "1" } }
	text := func(s *scene) { s.write("text.txt", "b") }
	for _, macro := range []struct{ name, src, library, foo, bar, term, text string }{
		{"nothing", "made::f()", "pub fn f() {}", "", "", "", ""},
		{"variable", "std::env::var(\"FOO\")", "", "environment FOO", "", "", ""},
		{"variable of a terminal", "std::env::var(\"TERM\")", "", "", "", "environment TERM", ""},
		{"variable of a library", "made::f()", "pub fn f() { let _ = std::env::var_os(\"BAR\"); }", "", "environment BAR", "", ""},
		{"variables", "made::f()", "pub fn f() { let _ = std::env::vars(); }", "environment FOO", "environment BAR", "", ""},
		{"files", "std::fs::read(\"text.txt\")", "", "", "", "", "files of the package"},
		{"files of a library", "made::f(\"x\".as_ref())", "pub fn f(p: &std::path::Path) { p.exists(); }", "", "", "", "files of the package"},
		{"anything", "made::f()", "pub fn f() { let _ = std::process::Command::new(\"true\"); }", "environment FOO", "environment BAR", "", "files of the package"},
	} {
		t.Run(macro.name, func(t *testing.T) {
			fresh := func(t *testing.T) *scene { return compiledMacro(t, "let _ = "+macro.src, macro.library) }
			records(t, fresh, []change{
				{"named variable", set("FOO"), macro.foo},
				{"another variable", set("BAR"), macro.bar},
				{"terminal", set("TERM"), macro.term},
				{"file", text, macro.text},
			})
		})
	}
}

// A record that another rule has read is read anew, and not for less than it is.
func TestReachOfOldRecord(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": "pub fn f() { let _ = std::env::var(\"FOO\"); }"})
	rec := s.mustRecord()
	text := rec.Text()
	if !strings.Contains(text, `code "`+rustsrc.ReachRule+`" "variable FOO"`) {
		t.Fatalf("the record has no reach:\n%s", text)
	}
	rec.Reach = rustsrc.ParseReach([]string{"0"})
	if got := rec.Trailer(s.mustRequest()).Reach; !slices.Equal(got.Variables, []string{"FOO"}) || got.Any != "" {
		t.Errorf("read anew it gets at %+v", got)
	}
	s.write("src/lib.rs", "")
	s.remove("src/lib.rs")
	if got := rec.Trailer(s.mustRequest()).Reach; got.Any == "" {
		t.Errorf("without its source it gets at %+v", got)
	}
}
