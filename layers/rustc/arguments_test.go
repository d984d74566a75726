package rustc

import (
	"os"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	add := func(args ...string) func(s *scene) { return func(s *scene) { s.add(args...) } }
	swap := func(old, new string) func(s *scene) { return func(s *scene) { s.swap(old, new) } }
	var changes []change
	same := func(name string, do func(s *scene)) { changes = append(changes, change{name, do, ""}) }
	other := func(name string, do func(s *scene)) { changes = append(changes, change{name, do, "argument"}) }

	other("cfg", add("--cfg", `feature="x"`))
	other("check-cfg", swap("cfg(docsrs,test)", "cfg(docsrs,test,loom)"))
	other("edition", swap("--edition=2021", "--edition=2024"))
	other("second crate type", add("--crate-type", "rlib"))
	other("kinds of output", swap("--emit=dep-info,metadata,link", "--emit=dep-info,metadata"))
	other("test", add("--test"))
	other("letter", add("-O"))
	other("verbose", add("-v"))
	other("cap", add("--cap-lints", "allow"))
	other("lint", add("-D", "warnings"))
	other("level of a lint", add("--force-warn", "unused"))
	other("target", add("--target", triple))
	other("symbols", swap("metadata=0123", "metadata=0124"))
	other("names of outputs", swap("extra-filename=-4567", "extra-filename=-4568"))
	other("option of nightly", add("-Zthreads=2"))
	other("variable that is set", add("--env-set", "A=b"))
	other("prefix of paths", add("--remap-path-prefix=/a=/b"))
	other("scope of prefixes", add("--remap-path-scope=macro"))
	other("incremental", add("-C", "incremental=/b/incremental"))
	other("native library", add("-l", "z"))
	for key := range harmlessCodegen {
		switch key {
		case "metadata", "extra-filename":
			continue
		case "split-debuginfo":
			other(key, add("-C", key+"=off"))
			continue
		}
		other("-C "+key, add("-C", key+"=1"))
	}
	other("value of -C", swap("opt-level=0", "opt-level=3"))
	other("value of -C, of another spelling", add("--codegen=opt_level=3"))

	base := func(t *testing.T) *scene { s := newScene(t); s.add("--cfg", "a", "--cfg", "b"); return s }
	same("attached", func(s *scene) { s.gone("--cfg", "b"); s.add("--cfg=b") })
	same("attached letter", func(s *scene) { s.join("-C", "opt-level=0", "-Copt-level=0") })
	same("long", func(s *scene) { s.join("-C", "opt-level=0", "--codegen=opt-level=0") })
	same("underscore", swap("extra-filename=-4567", "extra_filename=-4567"))
	same("crate root at the end", func(s *scene) { s.gone("src/lib.rs"); s.add("src/lib.rs") })
	changes = append(changes, change{"order", func(s *scene) { s.gone("--cfg", "a"); s.add("--cfg", "a") }, "order of ingredients"})
	changes = append(changes, change{"crate root", swap("src/lib.rs", "src/other.rs"), "crate root"})
	changes = append(changes, change{"crate root by its absolute name", func(s *scene) { s.swap("src/lib.rs", s.root+"/src/lib.rs") }, "crate root"})

	// Positions and what only decides how messages look.
	same("directory of outputs", func(s *scene) {
		s.swap(s.out, s.top+"/other/debug/deps")
		s.swap("dependency="+s.out, "dependency="+s.top+"/other/debug/deps")
	})
	same("where dependencies are", add("-L", "dependency=/nowhere"))
	same("where native libraries are", add("-L", "native=/nowhere"))
	same("width", add("--diagnostic-width=80"))
	same("color", add("--color=always"))
	same("form of messages", swap("--error-format=json", "--error-format=short"))
	same("contents of messages", swap("--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--json=artifacts"))
	requests(t, base, changes)
}

// Where the incremental state lies is a position, that there is one is not.
func TestIncremental(t *testing.T) {
	base := func(t *testing.T) *scene { s := newScene(t); s.add("-C", "incremental=/b/incremental"); return s }
	requests(t, base, []change{
		{"elsewhere", func(s *scene) { s.swap("incremental=/b/incremental", "incremental=/c/d") }, ""},
		{"attached", func(s *scene) { s.gone("-C", "incremental=/b/incremental"); s.add("-Cincremental=/b/incremental") }, ""},
		{"none", func(s *scene) { s.gone("-C", "incremental=/b/incremental") }, "argument is gone"},
	})
}

// A value is never taken for that of its neighbour.
func TestArgumentsApart(t *testing.T) {
	seen := map[string]string{}
	for _, args := range [][]string{
		{"--cfg", "a", "--cfg", "b"}, {"--cfg", "a--cfg", "--cfg", "b"}, {"--cfg", "a\x01--cfg=b"}, {"--cfg", "ab"}, {"--cfg=a=b"}, {"--cfg", "=ab"},
		{"--check-cfg", "a", "--cfg", "b"}, {"-A", "a", "-D", "b"}, {"-A", "a-D", "-W", "b"}, {"-C", "target-cpu=a"}, {"-C", "tune-cpu=a"},
		{"-Ctarget-feature=a"}, {"-Ctarget-feature=+a"}, {"-C", "target-feature=a", "-C", "target-feature=b"}, {"-Ctarget-feature=b", "-Ctarget-feature=a"},
	} {
		s := newScene(t)
		s.add(args...)
		// The compiler is another one in each scene.
		var own []Ingredient
		for _, i := range s.mustRequest().Ingredients {
			if i.Name == "argument" {
				own = append(own, i)
			}
		}
		digest := digestOf(own)
		if other, ok := seen[digest]; ok {
			t.Errorf("%q and %s make one request", args, other)
		}
		seen[digest] = strings.Join(args, " ")
	}
}

// Messages are shown as they were asked for. Without any it does not matter how.
func TestShown(t *testing.T) {
	shown := func(want string) []change {
		return []change{
			{"width", func(s *scene) { s.add("--diagnostic-width=20") }, want},
			{"color", func(s *scene) {
				s.swap("--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--json=artifacts,future-incompat")
			}, want},
			{"form", func(s *scene) {
				s.swap("--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--json=diagnostic-short,artifacts,future-incompat")
			}, want},
		}
	}
	t.Run("none", func(t *testing.T) {
		records(t, func(t *testing.T) *scene { return newRealScene(t, map[string]string{"src/lib.rs": "pub fn f() {}\n"}) }, shown(""))
	})
	t.Run("some", func(t *testing.T) {
		records(t, func(t *testing.T) *scene { return newRealScene(t, map[string]string{"src/lib.rs": "fn f() {}\n"}) },
			append(shown("its messages were shown in another way"), change{"nothing", func(s *scene) { s.age("src/lib.rs") }, ""}))
	})
}

// What is refused, and how it is called where refusals are counted.
func TestRefused(t *testing.T) {
	add := func(args ...string) func(s *scene) { return func(s *scene) { s.add(args...) } }
	swap := func(old, new string) func(s *scene) { return func(s *scene) { s.swap(old, new) } }
	changes := []change{
		{"output", add("-o", "/x"), "foreign"},
		{"standard input", add("-"), "foreign"},
		{"question", add("--print=cfg"), "foreign"},
		{"path of an output", swap("--emit=dep-info,metadata,link", "--emit=dep-info,link=/x"), "foreign"},
		{"no list of inputs", swap("--emit=dep-info,metadata,link", "--emit=metadata,link"), "foreign"},
		{"no crate root", func(s *scene) { s.gone("src/lib.rs") }, "foreign"},
		{"two crate roots", add("src/main.rs"), "foreign"},
		{"empty crate root", add(""), "foreign"},
		{"no metadata", func(s *scene) { s.gone("-C", "metadata=0123") }, "foreign"},
		{"two targets", add("--target=a", "--target=b"), "foreign"},
		{"target without a name", add("--target="), "foreign"},

		{"sysroot", add("--sysroot", "/x"), "odd: argument"},
		{"unknown -C", add("-C", "frobnicate=1"), "odd: argument"},
		{"plugin of the linker", add("-C", "linker-plugin-lto"), "odd: argument"},
		{"profile that is written", add("-C", "profile-generate"), "odd: argument"},
		{"temporary files", add("-C", "save-temps"), "odd: argument"},
		{"remarks", add("-C", "remark=all"), "odd: argument"},
		{"passes", add("-C", "passes=x"), "odd: argument"},
		{"debug information beside", add("-C", "split-debuginfo=packed"), "odd: argument"},
		{"debug information beside, unpacked", add("-Csplit_debuginfo=unpacked"), "odd: argument"},
		{"unknown -Z", add("-Z", "self-profile"), "odd: argument"},
		{"plugin", add("-Zcodegen-backend=/x.so"), "odd: argument"},
		{"shared library of Rust", add("--crate-type", "dylib"), "odd: crate type"},
		{"several, one of them unknown", add("--crate-type", "rlib,dylib"), "odd: crate type"},
		{"assembler", swap("--emit=dep-info,metadata,link", "--emit=dep-info,asm"), "odd: kind of output"},
		{"bitcode", swap("--emit=dep-info,metadata,link", "--emit=dep-info,metadata,llvm-bc"), "odd: kind of output"},
		{"crate to be searched for", add("--extern", "serde"), "odd: crate to be searched for"},
		{"crate that is gone", add("--extern", "serde=/nowhere/libserde.rmeta"), "odd: crate that cannot be read"},
		{"no notice of outputs", swap("--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--json=diagnostic-short"), "odd: not cargo's"},
		{"crate of no name", swap("lib_a", "lib/a"), "odd: not cargo's"},
		{"metadata of no digest", swap("metadata=0123", "metadata=../x"), "odd: not cargo's"},
		{"outputs in a directory of their own", swap("extra-filename=-4567", "extra-filename=/x"), "odd: not cargo's"},
		{"path with brackets", func(s *scene) { s.swap(s.out, s.top+"/{cwd}/x") }, "odd: path"},
		{"OUT_DIR with brackets", func(s *scene) { s.env["OUT_DIR"] = "/x{y}" }, "odd: path"},
		{"relative OUT_DIR", func(s *scene) { s.env["OUT_DIR"] = "x" }, "odd: path"},
		{"compiler that is gone", func(s *scene) { s.remove(s.tools + "/bin/rustc") }, "odd: compiler that does not show what it runs"},
		{"compiler without its libraries", func(s *scene) { s.remove(s.tools + "/lib/rustlib") }, "odd: compiler that does not show what it runs"},
		{"target that is not installed", add("--target", "riscv64gc-unknown-none-elf"), "odd: compiler outside of a toolchain"},
		{"target that is a file and gone", add("--target", "x.json"), "odd: target"},
		{"directory of crates", func(s *scene) { s.write("lib/libx.rlib", ""); s.add("-L", "lib") }, "odd: directory of crates"},
		{"directory of crates, by its kind", func(s *scene) { s.write("lib/libx.rmeta", ""); s.add("-Lcrate=" + s.root + "/lib") }, "odd: directory of crates"},
		{"directory that may hold crates", add("-L", "all=/nowhere"), "odd: directory of crates"},
		{"file of arguments of the linker", add("-C", "link-arg=@x"), "odd: argument"},
		{"file of arguments of the linker, passed on", add("-Clink-args=-s -Wl,@x"), "odd: argument"},
	}
	requests(t, newScene, changes)
	requests(t, newScene, []change{
		{"directory without crates", func(s *scene) { s.write("lib/notes.txt", ""); s.add("-L", "lib") }, ""},
	})
}

// An output that is not where it belongs makes no record.
func TestRefusedOutputs(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": "pub fn f() {}\n"})
	r := s.mustRequest()
	run, text, err := s.run()
	if err != nil {
		t.Fatal(text)
	}
	good := run.Files
	s.write("target/debug/deps/other", "")
	s.write("lib_a", "")
	for name, files := range map[string][]Artifact{
		"no outputs":                 nil,
		"output elsewhere":           append(good[:len(good):len(good)], Artifact{s.root + "/lib_a", "link"}),
		"output that cannot be read": append(good[:len(good):len(good)], Artifact{s.out + "/lib_a-x", "link"}),
	} {
		run.Files = files
		if _, err := r.Record(run); err == nil || refusal(err) != "odd: "+name {
			t.Errorf("%s: %v", name, err)
		}
	}
	run.Files = []Artifact{{s.out + "/other", "link"}}
	if _, err := r.Record(run); err == nil || refusal(err) != "odd: output elsewhere" {
		t.Errorf("output of another crate: %v", err)
	}
	if err := os.Remove(r.unit.DepFile()); err != nil {
		t.Fatal(err)
	}
	run.Files = good
	if _, err := r.Record(run); err == nil || refusal(err) != "odd: no list of inputs" {
		t.Errorf("without list: %v", err)
	}
}
