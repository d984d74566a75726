package rustc

import (
	"os"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
)

func TestCompiler(t *testing.T) {
	lib := "lib/rustlib/" + triple
	edit := func(name string) func(s *scene) {
		return func(s *scene) { s.write(s.tools+"/"+name, "another version") }
	}
	touch := func(name string) func(s *scene) { return func(s *scene) { s.age(s.tools + "/" + name) } }
	host := "compiler's " + triple
	requests(t, newScene, []change{
		{"program of another size", func(s *scene) { s.write(s.tools+"/bin/rustc", rustctest.LinkedWith("librustc_driver-1.so")+" ") }, "compiler"},
		{"program of another time", touch("bin/rustc"), "compiler"},
		{"program elsewhere", func(s *scene) {
			if err := os.Rename(s.tools, s.top+"/moved"); err != nil {
				t.Fatal(err)
			}
			s.swap(s.tools+"/bin/rustc", s.top+"/moved/bin/rustc")
		}, "compiler"},
		{"by another name", func(s *scene) {
			s.link(s.tools, s.top+"/alias")
			s.swap(s.tools+"/bin/rustc", s.top+"/alias/bin/rustc")
		}, ""},
		{"driver library", edit("lib/librustc_driver-1.so"), "compiler's libraries"},
		{"driver library of another time", touch("lib/librustc_driver-1.so"), "compiler's libraries"},
		{"LLVM", touch("lib/libLLVM.so.1"), "compiler's libraries"},
		{"LLVM beside", edit("lib/libLLVM-1.so"), "compiler's libraries"},
		{"LLVM of a distribution", edit("lib/x86_64-linux-gnu/libLLVM-1.so"), "compiler's libraries"},
		{"LLVM of another distribution", edit("lib64/libLLVM-1.so"), "compiler's libraries"},
		{"no library of the compiler's", edit("lib/libfoo.so"), ""},
		{"standard library", touch(lib + "/lib/libstd-1.rlib"), "standard library " + triple},
		{"crate beside the standard library", edit(lib + "/lib/libcore-1.rlib"), "standard library " + triple},
		{"standard library of some target", touch("lib/rustlib/other/lib/libstd-2.rlib"), "standard library other"},
		{"backend", edit(lib + "/codegen-backends/librustc_codegen_cranelift.so"), host + "/codegen-backends"},
		{"linker of the toolchain", edit(lib + "/bin/rust-lld"), host + "/bin"},
		{"linker behind that of the toolchain", edit(lib + "/bin/gcc-ld/ld.lld"), host + "/bin/gcc-ld"},
		{"sources", edit("lib/rustlib/src/rust/library/std/src/lib.rs"), "compiler's sources"},
		{"documentation", edit("share/doc/README"), ""},
		{"cargo", edit("bin/cargo"), ""},
	})
	targeted := func(t *testing.T) *scene { s := newScene(t); s.add("--target", triple); return s }
	requests(t, targeted, []change{
		{"standard library of the target", touch(lib + "/lib/libstd-1.rlib"), "standard library " + triple},
		{"standard library of another target", touch("lib/rustlib/other/lib/libstd-2.rlib"), ""},
		{"target that is installed", edit("lib/rustlib/new/lib/libstd-3.rlib"), ""},
	})
}

// Another wrapper may write what it likes.
func TestWrapper(t *testing.T) {
	wrapped := func(t *testing.T) *scene {
		s := newScene(t)
		s.write("other", "wrapper")
		s.wrapper = s.root + "/other"
		return s
	}
	requests(t, newScene, []change{
		{"wrapper", func(s *scene) { s.wrapper = "/bin/sh" }, "wrapper"},
	})
	requests(t, wrapped, []change{
		{"none", func(s *scene) { s.wrapper = "" }, "wrapper is gone"},
		{"another version", func(s *scene) { s.write("other", "another version") }, "wrapper"},
		{"build script", func(s *scene) { s.swap("lib_a", "build_script_main") }, "odd: build script by another wrapper"},
	})
}

func TestDriver(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newScene(t)
		s.env["CARGO_MANIFEST_DIR"] = s.root + "/crates/a"
		s.write("crates/a/Cargo.toml", "")
		s.argv = append([]string{s.tools + "/bin/clippy-driver"}, s.argv...)
		return s
	}
	write := func(name string) func(s *scene) { return func(s *scene) { s.write(name, "msrv = \"1.60\"\n") } }
	set := func(name, value string) func(s *scene) { return func(s *scene) { s.env[name] = value } }
	const settings = "driver's settings"
	requests(t, base, []change{
		{"other program", func(s *scene) { s.age(s.tools + "/bin/clippy-driver") }, "driver"},
		{"none", func(s *scene) { s.argv = s.argv[1:] }, "driver is gone"},
		{"other compiler", func(s *scene) { s.age(s.tools + "/bin/rustc") }, "compiler"},
		{"unknown", func(s *scene) { s.argv[0] = s.tools + "/bin/miri" }, "foreign"},
		{"arguments", set("CLIPPY_ARGS", "--no-deps"), settings},
		{"settings in the package", write("crates/a/clippy.toml"), settings},
		{"hidden settings", write("crates/a/.clippy.toml"), settings},
		{"settings above it", write("crates/clippy.toml"), settings},
		{"settings of the workspace", write("clippy.toml"), settings},
		{"settings above the workspace", func(s *scene) { s.write(s.top+"/clippy.toml", "x") }, settings},
		{"settings of another package", write("crates/b/clippy.toml"), ""},
		{"directory of settings", func(s *scene) { s.write("conf/clippy.toml", "x"); s.env["CLIPPY_CONF_DIR"] = s.root + "/conf" }, settings},
		{"empty directory of settings", func(s *scene) { s.env["CLIPPY_CONF_DIR"] = s.root + "/src" }, ""},
		{"relative directory of settings", func(s *scene) { s.write("conf/clippy.toml", "x"); s.env["CLIPPY_CONF_DIR"] = "conf" }, settings},
		{"directory of settings behind a link", func(s *scene) {
			s.write(s.top+"/conf/clippy.toml", "x")
			s.write(s.top+"/conf/deep/x", "")
			s.link(s.top+"/conf/deep", "conf")
			s.env["CLIPPY_CONF_DIR"] = s.root + "/conf"
		}, settings},
		{"oldest compiler", set("CARGO_PKG_RUST_VERSION", "1.60"), settings},
		{"package that was asked for", set("CARGO_PRIMARY_PACKAGE", "1"), settings},
		{"links in messages", set("CLIPPY_DISABLE_DOCS_LINKS", "1"), settings},
		{"sysroot", set("SYSROOT", "/x"), settings},
		{"manifest", func(s *scene) { s.write("crates/a/Cargo.toml", "[lints]") }, settings},
		{"workspace's manifest", func(s *scene) { s.write("Cargo.toml", "[lints]") }, settings},
		{"other variable", set("FOO", "1"), ""},
	})
	with := func(t *testing.T) *scene {
		s := base(t)
		s.write("crates/a/clippy.toml", "a")
		s.write("crates/clippy.toml", "b")
		return s
	}
	requests(t, with, []change{
		{"content", func(s *scene) { s.write("crates/a/clippy.toml", "c") }, settings},
		{"gone", func(s *scene) { s.remove("crates/a/clippy.toml") }, settings},
		{"time", func(s *scene) { s.age("crates/a/clippy.toml") }, ""},
	})
	// Without the driver they are nobody's.
	requests(t, newScene, []change{
		{"settings", write("clippy.toml"), ""},
		{"arguments", set("CLIPPY_ARGS", "--no-deps"), ""},
	})
}

// The real one lists its settings where there are some, and nothing of the rest.
func TestDriverCompiled(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newRealScene(t, map[string]string{
			"src/lib.rs": "pub fn f(a: u8, b: u8) -> Option<u8> { let c = Some(a); c.and_then(|x| x.checked_add(b)).is_some().then(|| 1) }",
			"Cargo.toml": "[package]\nname = \"lib-a\"\n",
		})
		driver := s.tools + "/bin/clippy-driver"
		if !exists(driver) {
			loopfs.Unavailable(t, "no clippy-driver")
		}
		s.argv = append([]string{driver}, s.argv...)
		s.env["CARGO_PRIMARY_PACKAGE"] = "1"
		return s
	}
	records(t, base, []change{
		{"settings", func(s *scene) { s.write("clippy.toml", "too-many-arguments-threshold = 1\n") }, "driver's settings"},
		{"oldest compiler", func(s *scene) { s.env["CARGO_PKG_RUST_VERSION"] = "1.40" }, "driver's settings"},
		{"package that was not asked for", func(s *scene) { delete(s.env, "CARGO_PRIMARY_PACKAGE") }, "driver's settings"},
		{"source", func(s *scene) { s.write("src/lib.rs", "") }, "file src/lib.rs"},
		{"nothing", func(s *scene) { s.age("src/lib.rs") }, ""},
	})
}

// What rustc itself looks at in the environment, and what of it nobody does.
func TestVariables(t *testing.T) {
	set := func(name, value string) func(s *scene) { return func(s *scene) { s.env[name] = value } }
	var changes []change
	for _, name := range compilerVariables {
		changes = append(changes, change{name, set(name, "1"), "variable " + name}, change{name + ", empty", set(name, ""), "variable " + name})
	}
	for _, name := range []string{"FOO", "CARGO_PRIMARY_PACKAGE", "LD_LIBRARY_PATH", "TERM", "LANG", "RUSTFLAGS", "LIBRARY_PATH", "CARGO_MAKEFLAGS"} {
		changes = append(changes, change{name, set(name, "1"), ""})
	}
	requests(t, newScene, changes)
	requests(t, func(t *testing.T) *scene { s := newScene(t); s.env["RUSTC_BOOTSTRAP"] = "1"; return s }, []change{
		{"other value", set("RUSTC_BOOTSTRAP", "lib_a"), "variable RUSTC_BOOTSTRAP"},
		{"none", func(s *scene) { delete(s.env, "RUSTC_BOOTSTRAP") }, "variable RUSTC_BOOTSTRAP is gone"},
	})
}

func TestTarget(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newScene(t)
		s.write("targets/mine.json", "{}")
		s.add("--target", "targets/mine.json")
		return s
	}
	requests(t, base, []change{
		{"content", func(s *scene) { s.write("targets/mine.json", "{ }") }, "target specification"},
		{"time", func(s *scene) { s.age("targets/mine.json") }, ""},
		{"other file of that content", func(s *scene) {
			s.write("targets/second.json", "{}")
			s.swap("targets/mine.json", "targets/second.json")
		}, "argument"},
		{"its standard library", func(s *scene) { s.write(s.tools+"/lib/rustlib/mine/lib/libcore.rlib", "") }, "standard library mine"},
		{"gone", func(s *scene) { s.remove("targets/mine.json") }, "odd: target"},
	})
	named := func(t *testing.T) *scene {
		s := newScene(t)
		s.add("--target", triple)
		s.env["RUST_TARGET_PATH"] = s.root + "/targets"
		return s
	}
	requests(t, named, []change{
		{"specifications elsewhere", func(s *scene) { s.env["RUST_TARGET_PATH"] = s.root + "/other" }, "variable RUST_TARGET_PATH"},
		{"specification by its name", func(s *scene) { s.write("targets/"+triple+".json", "{}") }, "odd: target"},
		{"another specification", func(s *scene) { s.write("targets/mine.json", "{}") }, ""},
		{"specification in the second of two directories", func(s *scene) {
			s.env["RUST_TARGET_PATH"] = "/nowhere:targets"
			s.write("targets/"+triple+".json", "{}")
		}, "odd: target"},
	})
}

func TestProcessor(t *testing.T) {
	for _, args := range [][]string{{"-C", "target-cpu=native"}, {"-Ctarget_cpu=native"}, {"--codegen", "tune-cpu=native"}} {
		s := newScene(t)
		was := s.mustRequest()
		s.add(args...)
		if got := s.against(was); got != "argument" || ingredient(s.mustRequest(), "processor") != processor() {
			t.Errorf("%q: differs in %q, processor %q", args, got, ingredient(s.mustRequest(), "processor"))
		}
	}
	s := newScene(t)
	s.add("-C", "target-cpu=x86-64-v3")
	if ingredient(s.mustRequest(), "processor") != "" {
		t.Error("a processor that is named is that processor everywhere")
	}
	if len(processor()) != 2*digest.Size {
		t.Errorf("this processor is %q", processor())
	}
}

// ingredient is the first value of that name.
func ingredient(r *Request, name string) string {
	for _, i := range r.Ingredients {
		if i.Name == name {
			return i.Value
		}
	}
	return ""
}
