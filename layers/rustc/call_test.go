package rustc

import (
	"slices"
	"strings"
	"testing"
)

// usual is how cargo 1.95 calls rustc for a library of the workspace.
func usual(extra ...string) []string {
	return append(strings.Split("/bin/rustc --crate-name lib_a --edition=2021 a/src/lib.rs --error-format=json "+
		"--json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib --emit=dep-info,metadata,link "+
		"-C embed-bitcode=no -C debuginfo=2 --check-cfg cfg(docsrs,test) -C metadata=0123 -C extra-filename=-4567 "+
		"--out-dir /b/target/debug/deps -C incremental=/b/target/debug/incremental -L dependency=/b/target/debug/deps "+
		"--extern c=/b/target/debug/deps/libc-89.rmeta", " "), extra...)
}

func without(argv []string, gone ...string) []string {
	return slices.DeleteFunc(slices.Clone(argv), func(a string) bool { return slices.Contains(gone, a) })
}

func TestParse(t *testing.T) {
	c, err := Parse(usual())
	if err != nil {
		t.Fatal("cargo's own call is not understood")
	}
	if c.Crate != "lib_a" || c.Extra != "-4567" || c.Input != "a/src/lib.rs" || c.OutDir != "/b/target/debug/deps" ||
		c.Incremental != "/b/target/debug/incremental" || c.Options != 1 || c.PathBound {
		t.Errorf("understood as %+v", c)
	}
	driver := append([]string{"/toolchain/bin/clippy-driver"}, usual()...)
	if c, err := Parse(driver); err != nil || c.Options != 2 || c.Crate != "lib_a" {
		t.Errorf("clippy's call: %+v, %v", c, err)
	}
	for name, argv := range map[string][]string{
		"attached":    append(without(usual(), "-C", "incremental=/b/target/debug/incremental"), "-Cincremental=/b/i"),
		"long":        append(without(usual(), "-C", "incremental=/b/target/debug/incremental"), "--codegen", "incremental=/b/i"),
		"long, joint": append(without(usual(), "-C", "incremental=/b/target/debug/incremental"), "--codegen=incremental=/b/i"),
		"lints":       usual("-Dwarnings", "--warn=clippy::all", "-A", "dead_code", "--cap-lints", "warn"),
		"native":      usual("-L", "native=/x/y", "-L/x/y", "-l", "static=z", "-lz"),
		"no debug":    usual("-Cinstrument-coverage=off", "-Csplit-debuginfo=packed", "-Crpath=no"),
	} {
		if argv = slices.DeleteFunc(argv, func(a string) bool { return a == "" }); name == "attached" || strings.HasPrefix(name, "long") {
			argv = repair(argv)
		}
		if c, err := Parse(argv); err != nil || c.PathBound {
			t.Errorf("%s: %q is not understood", name, argv)
		}
	}
	for name, argv := range map[string][]string{
		"unstable debug": usual("-C", "split-debuginfo=unpacked"),
		"underscore":     usual("-Csplit_debuginfo=unpacked"),
		"coverage":       usual("-Cinstrument-coverage"),
		"coverage on":    usual("--codegen", "instrument-coverage=yes"),
		"runpath":        usual("-C", "rpath"),
		"versions":       usual("-C", "link-arg=-Wl,--version-script=x.map"),
	} {
		if c, err := Parse(argv); err != nil || !c.PathBound {
			t.Errorf("%s: found by its path later: %v", name, err)
		}
	}
	for name, argv := range map[string][]string{
		"argument file that is gone": usual("@/x/args"),
		"standard input":             usual("-"),
		"two inputs":                 usual("b.rs"),
		"unknown option":             usual("--frobnicate"),
		"unknown letter":             usual("-Y", "x"),
		"output":                     usual("-o", "/x"),
		"value missing":              usual("-C"),
		"two directories":            usual("--out-dir=/x"),
		"two states":                 usual("-Cincremental=/x"),
		"path of an emit":            usual("--emit=dep-info=/x"),
		"print":                      usual("--print=cfg"),
		"no list":                    append(without(usual(), "--emit=dep-info,metadata,link"), "--emit=link"),
		"relative out":               append(without(usual(), "--out-dir", "/b/target/debug/deps"), "--out-dir=target/debug/deps"),
		"another driver":             append([]string{"/bin/miri"}, usual()...),
		"nothing":                    {"/bin/rustc"},
		"question":                   {"/bin/rustc", "-vV"},
		"remap of nothing":           usual("--remap-path-prefix=x"),
	} {
		if c, err := Parse(argv); err == nil {
			t.Errorf("%s: understood as %+v", name, c)
		}
	}
}

// repair puts back the -C that without took from other options.
func repair(argv []string) []string {
	var whole []string
	for _, a := range argv {
		if key, _, ok := strings.Cut(a, "="); ok && slices.Contains([]string{"embed-bitcode", "debuginfo", "metadata", "extra-filename"}, key) {
			whole = append(whole, "-C")
		}
		whole = append(whole, a)
	}
	return whole
}

// Only positions are moved, and all of them.
func TestMoved(t *testing.T) {
	argv := usual("--cfg", `root="/b/x"`, "-Cmetadata=/b", "--remap-path-prefix=/b=/b", "-L/b/native", "-L", "/b/plain",
		"-Lnative=/b/k", "--extern=priv:d=/b/d=e.so", "--extern", "proc_macro", "--extern", "noprelude:f=/bb/f.rlib", "-Clink-arg=/b/script")
	c, err := Parse(argv)
	if err != nil {
		t.Fatal("not understood")
	}
	got := c.Moved(func(path string) string {
		if rest, ok := strings.CutPrefix(path, "/b"); ok && (rest == "" || rest[0] == '/') {
			return "/a" + rest
		}
		return path
	})
	want := slices.Clone(argv)
	for i, a := range want {
		for _, moved := range [][2]string{
			{"/b/target/debug/deps", "/a/target/debug/deps"},
			{"incremental=/b/target/debug/incremental", "incremental=/a/target/debug/incremental"},
			{"dependency=/b/target/debug/deps", "dependency=/a/target/debug/deps"},
			{"c=/b/target/debug/deps/libc-89.rmeta", "c=/a/target/debug/deps/libc-89.rmeta"},
			{"--remap-path-prefix=/b=/b", "--remap-path-prefix=/a=/b"},
			{"-L/b/native", "-L/a/native"}, {"/b/plain", "/a/plain"}, {"-Lnative=/b/k", "-Lnative=/a/k"},
			{"--extern=priv:d=/b/d=e.so", "--extern=priv:d=/a/d=e.so"},
		} {
			if a == moved[0] {
				want[i] = moved[1]
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("moved\n%q\nwant\n%q", got, want)
	}
}

// Whatever the command line is, what is understood can be moved nowhere without
// a change.
func FuzzParse(f *testing.F) {
	f.Add(strings.Join(usual(), "\x00"))
	f.Add(strings.Join(usual("--remap-path-prefix==", "-L=", "--extern=a="), "\x00"))
	f.Fuzz(func(t *testing.T, line string) {
		argv := strings.Split(line, "\x00")
		c, err := Parse(argv)
		if err != nil {
			return
		}
		if got := c.Moved(func(path string) string { return path }); !slices.Equal(got, argv) {
			t.Errorf("%q became %q", argv, got)
		}
	})
}
