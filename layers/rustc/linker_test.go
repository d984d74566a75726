package rustc

import (
	"os"
	"strings"
	"testing"
)

func TestLinker(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newScene(t).linking()
		for _, name := range []string{"cc", "ld", "mine", "ld.mold", "mold"} {
			s.write(s.top+"/path/"+name, name)
		}
		s.write("tools/link.sh", "#!/bin/sh")
		return s
	}
	with := func(args ...string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene { s := base(t); s.add(args...); return s }
	}
	newer := func(name string) func(s *scene) { return func(s *scene) { s.age(s.top + "/path/" + name) } }
	set := func(name, value string) func(s *scene) { return func(s *scene) { s.env[name] = value } }
	requests(t, base, []change{
		{"default", newer("cc"), "linker cc"},
		{"what it calls", newer("ld"), "linker ld"},
		{"another", func(s *scene) { s.add("-C", "linker=mine") }, "linker mine"},
		{"another in the path", func(s *scene) { s.env["PATH"] = "/usr/bin" }, "linker cc"},
		{"program of no use", newer("mold"), ""},
		{"LIBRARY_PATH", set("LIBRARY_PATH", "/x"), "variable LIBRARY_PATH"},
		{"LD_RUN_PATH", set("LD_RUN_PATH", "/x"), "variable LD_RUN_PATH"},
		{"options of clang's", set("CCC_OVERRIDE_OPTIONS", "x"), "variable CCC_OVERRIDE_OPTIONS"},
		{"Nix's", set("NIX_LDFLAGS", "-L/x"), "variable NIX_LDFLAGS"},
		{"FOO", set("FOO", "/x"), ""},
	})
	requests(t, with("-C", "linker=mine"), []change{
		{"by its name", newer("mine"), "linker mine"},
		{"by its path", func(s *scene) { s.swap("linker=mine", "linker=../path/mine") }, "linker ../path/mine"},
	})
	requests(t, with("-Clinker=tools/link.sh"), []change{
		{"content of the project's own", func(s *scene) { s.write("tools/link.sh", "#!/bin/sh -e") }, "linker tools/link.sh"},
		{"time of the project's own", func(s *scene) { s.age("tools/link.sh") }, ""},
	})
	requests(t, func(t *testing.T) *scene {
		s := with("-Clinker=tools/link.sh")(t)
		s.write("tools/link.sh", "#!/bin/sh\nexec cc \"$@\" tools/more.o\n")
		s.write("tools/more.o", "")
		return s
	}, []change{{"what the project's own adds", func(s *scene) { s.write("tools/more.o", "x") }, "file tools/more.o"}})
	for _, args := range [][]string{
		{"-C", "link-arg=-fuse-ld=mold"}, {"-Clink-args=-s -fuse-ld=mold"}, {"-Clink_args=-fuse-ld=mold -Wl,-s"},
		{"--codegen", "link-arg=-fuse-ld=mold"},
	} {
		t.Run(args[len(args)-1], func(t *testing.T) {
			requests(t, with(args...), []change{
				{"the one it takes", newer("ld.mold"), "linker ld.mold"},
				{"by its own name", newer("mold"), "linker mold"},
			})
		})
	}
	requests(t, func(t *testing.T) *scene {
		s := base(t)
		s.add("-C", "link-arg=--ld-path=../path/mold")
		return s
	}, []change{{"by its path", func(s *scene) { s.write(s.top+"/path/mold", "newer") }, "file ../path/mold"}})
	// A library is not linked.
	requests(t, newScene, []change{
		{"linker", func(s *scene) { s.add("-C", "linker=mine") }, ""},
		{"LIBRARY_PATH", set("LIBRARY_PATH", "/x"), ""},
	})
}

// A linker's scripts and other files, in all ways to name them.
func TestLinkArgs(t *testing.T) {
	for _, args := range [][]string{
		{"-C", "link-arg=-Tlink.x"}, {"-C", "link-arg=-T", "-C", "link-arg=link.x"}, {"-Clink-args=-s -T link.x"}, {"-C", "link-arg=-Wl,-T,link.x"},
		{"-C", "link-arg=-Wl,-Tlink.x"}, {"-C", "link-arg=-Wl,--script=link.x"}, {"-C", "link-arg=--version-script=link.x"},
		{"-C", "link-arg=-Wl,--version-script,link.x"}, {"-C", "link-arg=-Wl,--version-script=link.x"}, {"--codegen=link_arg=-Tlink.x"},
		{"-C", "link-arg=link.x"}, {"-C", "link-arg=-Wl,--dynamic-list=link.x"}, {"-C", "link-arg=-Wl,--defsym=a=1,-Tlink.x"},
		{"-C", "profile-use=link.x"}, {"-C", "llvm-args=-profile-file=link.x"}, {"-Cllvm-args=-a -b=link.x"}, {"-C", "link-arg=-specs=link.x"},
	} {
		name := strings.Join(args, " ")
		t.Run(name, func(t *testing.T) {
			base := func(t *testing.T) *scene {
				s := newScene(t).linking()
				s.write("link.x", "SECTIONS {}")
				s.add(args...)
				return s
			}
			requests(t, base, []change{
				{"content", func(s *scene) { s.write("link.x", "SECTIONS { }") }, "file link.x"},
				{"time", func(s *scene) { s.age("link.x") }, ""},
				{"gone", func(s *scene) { s.remove("link.x") }, "file link.x is gone"},
				{"another file", func(s *scene) { s.write("other.x", "") }, ""},
			})
			// Names with spaces and signs, by their whole paths.
			odd := func(t *testing.T) *scene {
				s := newScene(t).linking()
				s.write(s.top+"/My Dir/a=b/link.x", "SECTIONS {}")
				for i, a := range args {
					args := strings.ReplaceAll(a, "link.x", s.top+"/My Dir/a=b/link.x")
					s.add(args)
					_ = i
				}
				return s
			}
			if strings.Contains(name, "link-args") || strings.Contains(name, "llvm-args") || strings.Contains(name, "defsym") {
				return // parted at spaces by the compiler as well; no such name
			}
			s := odd(t)
			was := s.mustRequest()
			s.write(s.top+"/My Dir/a=b/link.x", "SECTIONS { }")
			if got := s.against(was); got != "file "+s.top+"/My Dir/a=b/link.x" {
				t.Errorf("content of a file whose name has signs: %q", got)
			}
		})
	}
}

// Scripts are looked for where libraries are, and include others.
func TestLinkScripts(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newScene(t).linking()
		s.write("out/link.x", "INCLUDE memory.x\nSECTIONS { .text : { *(.text) } }\nINPUT(-lextra \"blob.o\")")
		s.write("out/memory.x", "MEMORY { RAM : ORIGIN = 0, LENGTH = 1K }\nINCLUDE deeper.x")
		s.write("out/deeper.x", "")
		s.write("out/blob.o", "\x7fELF\x00 other.x")
		s.write("out/libextra.a", "")
		s.write("other.x", "")
		s.add("-C", "link-arg=-Tlink.x", "-L", s.root+"/out")
		return s
	}
	write := func(name string) func(s *scene) { return func(s *scene) { s.write(name, "other") } }
	requests(t, base, []change{
		{"script", write("out/link.x"), "file link.x"},
		{"included", write("out/memory.x"), "file memory.x"},
		{"included by that", write("out/deeper.x"), "file deeper.x"},
		{"object", write("out/blob.o"), "file blob.o"},
		{"library", write("out/libextra.a"), "library extra"},
		{"in the working directory", write("memory.x"), "file memory.x"},
		{"not included", write("out/x.x"), ""},
		{"named in an object", write("other.x"), ""},
		{"directories", func(s *scene) { s.write("out/link.x", "SEARCH_DIR(/x)") }, "odd: argument"},
		{"time", func(s *scene) { s.age("out/memory.x") }, ""},
	})
	requests(t, func(t *testing.T) *scene {
		s := base(t)
		s.write("out/deeper.x", "INCLUDE memory.x INCLUDE deeper.x")
		return s
	}, []change{{"in a ring", write("out/memory.x"), "file memory.x"}})
	requests(t, func(t *testing.T) *scene {
		s := newScene(t).linking()
		s.write("scripts/link.x", "INPUT(near.o)")
		s.write("scripts/near.o", "")
		s.add("-C", "link-arg=-Tscripts/link.x")
		return s
	}, []change{{"beside a script", write("scripts/near.o"), "file near.o"}})
}

// Libraries and directories that only arguments of the linker name.
func TestLinkArgLibraries(t *testing.T) {
	write := func(name string) func(s *scene) { return func(s *scene) { s.write(name, "other") } }
	for _, args := range [][]string{
		{"-C", "link-arg=-Llibs", "-C", "link-arg=-lfoo"}, {"-Clink-args=-Llibs -lfoo"}, {"-Clink-args=-L libs -l foo"},
		{"-C", "link-arg=-Wl,-Llibs,-lfoo"}, {"-C", "link-arg=-Wl,--library-path=libs,--library=foo"}, {"-L", "native=libs", "-C", "link-arg=-lfoo"},
		{"-C", "link-arg=-Llibs", "-C", "link-arg=-l:libfoo.a"}, {"-C", "link-arg=libs/libfoo.a"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			base := func(t *testing.T) *scene {
				s := newScene(t).linking()
				s.write("libs/libfoo.a", "")
				s.add(args...)
				return s
			}
			name := "library foo"
			if strings.Contains(strings.Join(args, " "), "foo.a") {
				name = "file " + args[len(args)-1][len("link-arg="):]
				if strings.Contains(name, ":") {
					name = "library libfoo.a"
				}
			}
			requests(t, base, []change{
				{"content", write("libs/libfoo.a"), name},
				{"another library", write("libs/libbar.a"), ""},
			})
		})
	}
	requests(t, func(t *testing.T) *scene {
		s := newScene(t).linking()
		s.write("bin/ld", "")
		s.add("-C", "link-arg=-Bbin")
		return s
	}, []change{{"linker in a directory", write("bin/ld"), "directory bin"}})
	requests(t, func(t *testing.T) *scene {
		s := newScene(t).linking()
		s.env["LIBRARY_PATH"] = s.root + "/libs"
		s.add("-l", "foo")
		return s
	}, []change{{"library in LIBRARY_PATH", write("libs/libfoo.a"), "library foo"}})
}

// Other systems' programs are more than one file.
func TestLinkedElsewhere(t *testing.T) {
	for _, target := range []string{"x86_64-pc-windows-gnu", "aarch64-apple-darwin", "wasm32-unknown-emscripten", "x86_64-unknown-uefi", "wasm32-unknown-unknown"} {
		want := "odd: target that is linked in another way"
		if target == "wasm32-unknown-unknown" {
			want = ""
		}
		add := func(s *scene) *scene {
			s.write(s.tools+"/lib/rustlib/"+target+"/lib/libstd-1.rlib", "")
			s.add("--target", target)
			return s
		}
		if _, err := add(newScene(t)).request(); err != nil {
			t.Errorf("library for %s: %v", target, err)
		}
		if _, err := add(newScene(t).linking()).request(); (err == nil) != (want == "") || err != nil && refusal(err) != want {
			t.Errorf("program for %s: %v", target, err)
		}
	}
}

// What the linker would write beside the program, or look at elsewhere.
func TestLinkArgsRefused(t *testing.T) {
	var changes []change
	for _, value := range []string{
		"link-arg=-Wl,-Map=x.map", "link-arg=-Wl,-Map,x.map", "link-arg=-Map=x.map", "link-args=-s -Wl,--Map=x.map", "link-arg=-save-temps",
		"link-arg=-Wl,--out-implib,x", "link-arg=-Wl,--dependency-file=x", "link-arg=--sysroot=/x", "llvm-args=-info-output-file=x",
	} {
		changes = append(changes, change{value, func(s *scene) { s.add("-C", value) }, "odd: argument"})
	}
	requests(t, newScene, changes)
	requests(t, func(t *testing.T) *scene { return newScene(t).linking() }, []change{
		{"archive that names its members", func(s *scene) {
			s.write("libs/libfoo.a", "!<thin>\nobject.o/")
			s.add("-L", "native="+s.root+"/libs", "-lstatic=foo")
		}, "odd: archive of names"},
	})
	s := newRealScene(t, map[string]string{"src/lib.rs": `#[link(name = "z", kind = "static", modifiers = "-bundle")] extern "C" {}`})
	s.write("libs/libz.a", "!<thin>\n")
	s.add("-L", "native="+s.root+"/libs")
	if _, err := s.record(); err == nil || refusal(err) != "odd: archive of names" {
		t.Errorf("recorded: %v", err)
	}
}

// Real linkers do look there.
func TestLinkScriptCompiled(t *testing.T) {
	s := newRealScene(t, map[string]string{
		"src/lib.rs": `extern "C" { static answer: u8; } fn main() { println!("{:p}", unsafe { &raw const answer }); }`,
		"out/a.x":    "INCLUDE b.x", "out/b.x": "answer = 0x1000;",
	}).linking()
	s.add("-C", "link-arg=-Wl,-T,a.x", "-C", "link-arg=-no-pie", "-C", "relocation-model=static", "-L", "native="+s.root+"/out", "-C", "link-arg=-Wl,--noinhibit-exec")
	s.env["PATH"] = os.Getenv("PATH")
	first, err := s.request()
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := s.run(); err != nil {
		t.Fatalf("the linker takes no such script: %v\n%s", err, text)
	}
	s.write("out/b.x", "answer = 0x2000;")
	if got := s.against(first); got != "file b.x" {
		t.Errorf("the request differs in %q", got)
	}
}
