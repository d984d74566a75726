package rustc

import (
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
)

// Cargo that is not rustup's calls the compiler by its name, and the kernel looks for
// it.
func TestCompilerByName(t *testing.T) {
	base := func(t *testing.T) *scene {
		s := newScene(t)
		s.env["PATH"] = s.top + "/none:" + s.tools + "/bin:/usr/bin:/bin"
		s.argv[0] = "rustc"
		return s
	}
	other := func(s *scene, tools string) {
		for _, name := range []string{"lib/librustc_driver-1.so", "lib/rustlib/" + triple + "/lib/libstd-1.rlib"} {
			s.write(tools+"/"+name, name)
		}
		s.write(tools+"/bin/rustc", rustctest.LinkedWith("librustc_driver-1.so"))
	}
	requests(t, base, []change{
		{"by its path", func(s *scene) { s.argv[0] = s.tools + "/bin/rustc" }, ""},
		{"another one earlier", func(s *scene) { other(s, s.top+"/new"); s.env["PATH"] = s.top + "/new/bin:" + s.env["PATH"] }, "compiler"},
		{"another one later", func(s *scene) { other(s, s.top+"/new"); s.env["PATH"] += ":" + s.top + "/new/bin" }, ""},
		{"what is not run earlier", func(s *scene) { s.write(s.top+"/none/rustc/x", "") }, ""},
		{"link to it earlier", func(s *scene) { s.link(s.tools+"/bin/rustc", s.top+"/none/rustc") }, ""},
		{"relative directory", func(s *scene) { other(s, s.root+"/new"); s.env["PATH"] = "new/bin:" + s.env["PATH"] }, "compiler"},
		{"the directory itself", func(s *scene) {
			other(s, s.top+"/new")
			s.link(s.top+"/new/bin/rustc", "rustc")
			s.env["PATH"] = ":" + s.env["PATH"]
		}, "compiler"},
		{"relative path", func(s *scene) { s.argv[0] = "../tools/bin/rustc" }, ""},
		{"nowhere", func(s *scene) { s.env["PATH"] = s.top + "/none" }, "odd: compiler that is not found"},
		{"another version", func(s *scene) { s.age(s.tools + "/bin/rustc") }, "compiler"},
		{"libraries of another time", func(s *scene) { s.age(s.tools + "/lib/librustc_driver-1.so") }, "compiler's libraries"},
	})
	driver := func(t *testing.T) *scene {
		s := base(t)
		s.argv = append([]string{"clippy-driver"}, s.argv...)
		return s
	}
	requests(t, driver, []change{
		{"driver", func(s *scene) { s.age(s.tools + "/bin/clippy-driver") }, "driver"},
		{"driver's script", func(s *scene) { s.write(s.top+"/none/clippy-driver", "#!/bin/sh\n") }, "odd: driver outside of a toolchain"},
		{"driver of another toolchain", func(s *scene) {
			other(s, s.top+"/new")
			s.write(s.top+"/new/bin/clippy-driver", rustctest.LinkedWith("librustc_driver-1.so"))
			s.env["PATH"] = s.env["PATH"] + ":" + s.top + "/new/bin"
			s.remove(s.tools + "/bin/clippy-driver")
		}, "driver"},
	})
}

// What runs the compiler is part of it, with all that it makes of a call.
func TestCompilerBehind(t *testing.T) {
	script := func(text string) func(t *testing.T) *scene {
		return func(t *testing.T) *scene {
			s := newRealScene(t, map[string]string{"src/lib.rs": ""})
			s.write(s.top+"/linked/flags", "-Copt-level=1")
			s.write(s.top+"/linked/bin/rustc", "#!/bin/sh\n"+strings.ReplaceAll(text, "REAL", s.tools+"/bin/rustc"))
			// A farm of links: all but the program is the toolchain's.
			s.link(s.tools+"/lib", s.top+"/linked/lib")
			s.argv[0] = s.top + "/linked/bin/rustc"
			return s
		}
	}
	const executing, starting = "exec REAL \"$@\" $FLAGS $(cat ${0%/*}/../flags)\n", "REAL \"$@\"\nexit $?\n"
	const behind = "compiler behind it"
	records(t, script(executing), []change{
		{"nothing", func(*scene) {}, ""},
		{"script", func(s *scene) {
			s.write(s.argv[0], "#!/bin/sh\nexec "+s.tools+"/bin/rustc \"$@\" -Copt-level=1 # another\n")
		}, "compiler"},
		{"file that it reads", func(s *scene) { s.write(s.top+"/linked/flags", "-Copt-level=2") }, behind},
		{"variable that it reads", func(s *scene) { s.env["FLAGS"] = "--cfg=flagged" }, behind},
		{"variable that it does not read", func(s *scene) { s.env["OTHER"] = "--cfg=flagged" }, ""},
		{"without it", func(s *scene) { s.argv[0] = s.tools + "/bin/rustc" }, "compiler"},
	})
	records(t, script("export RUSTC_BOOTSTRAP=$SWITCH\n"+starting), []change{
		{"nothing", func(*scene) {}, ""},
		{"variable that it sets", func(s *scene) { s.env["SWITCH"] = "1" }, behind},
	})
	for name, text := range map[string]string{"runs nothing": "exit 0\n", "runs another thing": "echo \"$@\"\n"} {
		s := script(text)(t)
		if _, err := s.request(); err == nil || refusal(err) != "odd: compiler that does not show what it runs" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
