package rustc

import "testing"

// A program's own source may ask for a library through another crate's macro. It
// has no metadata to tell. Archives that scripts have made are ingredients
// of what is linked, whoever asks for them.
func TestLibraryOfProgram(t *testing.T) {
	requests(t, func(t *testing.T) *scene {
		s := newScene(t).linking()
		s.write("target/debug/build/a-1/out/libz.a", "a")
		s.add("-L", "native="+s.root+"/target/debug/build/a-1/out")
		return s
	}, []change{{"content", func(s *scene) { s.write("target/debug/build/a-1/out/libz.a", "b") }, "library of a script libz.a"}})
}

// A directory with a manifest may be what a macro was written for, as a template of
// a package.
func TestTemplateOfPackage(t *testing.T) {
	requests(t, func(t *testing.T) *scene {
		s := impure(t)
		s.write("crates/a/templates/app/Cargo.toml", "[package]")
		return s
	}, []change{{"new file", func(s *scene) { s.write("crates/a/templates/app/main.rs", "") }, "files of the package"}})
}
