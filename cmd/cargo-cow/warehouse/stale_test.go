package warehouse

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// project lays out an archive's files in a checkout; $W stands for the world.
func (w *world) project(root, archive string) {
	w.T.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		w.Write(root+"/"+f.Name, strings.ReplaceAll(string(f.Data), "$W", w.Dir))
	}
	w.Must(root, nil, "cargo", "generate-lockfile", "--offline", "--quiet")
}

const (
	appManifest = "-- Cargo.toml --\n[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"
	sysManifest = appManifest + `[dependencies]
sys = { path = "sys" }
-- src/main.rs --
fn main() { println!("{}", sys::one()); }
-- sys/Cargo.toml --
[package]
name = "sys"
version = "0.1.0"
edition = "2021"
-- native/one.c --
int one(void) { return 1; }
-- native/make --
cc -c -O0 -o $W/native/one.o "$1/one.c" && rm -f $W/native/libone.a && ar cr $W/native/libone.a $W/native/one.o
`
	macManifest = appManifest + `[dependencies]
mac = { path = "mac" }
-- src/main.rs --
fn main() { println!("{}", mac::it!()); }
-- mac/Cargo.toml --
[package]
name = "mac"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true
`
)

// seeing is a project whose macro writes out what an expression says.
func seeing(expression string) string {
	return macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { format!(\"{:?}\", format!(\"{:?}\", " + expression + ")).parse().unwrap() }\n"
}

func seen(*world, string) []string { return []string{"SEEN=1"} }

// What another checkout differs in must show in its program, however little of it
// the compiler tells of. Each row is one difference that some cache of compilations
// has missed, or could miss.
var stale = []struct {
	name, files string
	env         []string // of both
	edit        func(w *world, c string) (env []string)
	// bound: what the first checkout has compiled serves nowhere else.
	bound bool
}{
	{name: "source", files: appManifest + "-- src/main.rs --\nmod m;\nfn main() { println!(\"{}\", m::M); }\n-- src/m.rs --\npub const M: i32 = 1;\n",
		edit: func(w *world, c string) []string { w.Edit(c+"/src/m.rs", "1", "2"); return nil }},
	{name: "shadowing module", files: appManifest + "-- src/main.rs --\nmod m;\nfn main() { println!(\"{}\", m::M); }\n-- src/m.rs --\npub const M: i32 = 1;\n",
		edit: func(w *world, c string) []string { w.Write(c+"/src/m/mod.rs", "pub const M: i32 = 2;\n"); return nil }},
	{name: "module moved", files: appManifest + "-- src/main.rs --\nmod m;\nfn main() { println!(\"{}\", m::at()); }\n-- src/m.rs --\npub fn at() -> &'static str { file!() }\n",
		edit: func(w *world, c string) []string {
			w.Write(c+"/src/m/mod.rs", w.Read(c+"/src/m.rs"))
			w.Remove(c + "/src/m.rs")
			return nil
		}},
	{name: "included text", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{}\", include_str!(\"../../shared/text\")); }\n",
		edit: func(w *world, c string) []string { return nil }},
	{name: "variable set", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{:?}\", option_env!(\"APP_SEEN\")); }\n",
		edit: func(*world, string) []string { return []string{"APP_SEEN=1"} }},
	{name: "variable empty", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{:?}\", option_env!(\"APP_SEEN\")); }\n", env: []string{"APP_SEEN="},
		edit: func(w *world, _ string) []string { return []string{"APP_SEEN=a\\b\nc"} }},
	{name: "package's version", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{}\", env!(\"CARGO_PKG_DESCRIPTION\")); }\n",
		edit: func(w *world, c string) []string {
			w.Edit(c+"/Cargo.toml", "edition", "description = \"new\"\nedition")
			return nil
		}},
	{name: "directory of the package", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{}\", env!(\"CARGO_MANIFEST_DIR\")); }\n",
		edit: func(*world, string) []string { return nil }, bound: true},
	{name: "directory in a constant's length", files: appManifest + "-- src/main.rs --\nconst N: usize = env!(\"CARGO_MANIFEST_DIR\").len();\nfn main() { println!(\"{}\", N); }\n",
		edit: func(*world, string) []string { return nil }, bound: true},
	{name: "cfg", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{}\", cfg!(special)); }\n", env: []string{"RUSTFLAGS=--check-cfg=cfg(special)"},
		edit: func(*world, string) []string { return []string{"RUSTFLAGS=--check-cfg=cfg(special) --cfg special"} }},
	{name: "allowed cfgs", files: appManifest + "-- src/main.rs --\n#![deny(unexpected_cfgs)]\nfn main() { println!(\"{}\", cfg!(special)); }\n", env: []string{"RUSTFLAGS=--check-cfg=cfg(special)"},
		edit: func(*world, string) []string { return []string{"RUSTFLAGS="} }},
	{name: "profile", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{}\", cfg!(debug_assertions)); }\n",
		edit: func(*world, string) []string { return []string{"CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false"} }},
	{name: "script's value", files: appManifest + "-- build.rs --\nfn main() { println!(\"cargo::rustc-env=V={}\", std::fs::read_to_string(\"v\").unwrap()); }\n-- v --\n1\n-- src/main.rs --\nfn main() { println!(\"{}\", env!(\"V\")); }\n",
		edit: func(w *world, c string) []string { w.Write(c+"/v", "2\n"); return nil }},
	{name: "script's file", files: appManifest + "-- build.rs --\nfn main() { let o = std::env::var(\"OUT_DIR\").unwrap(); std::fs::copy(\"v\", o + \"/v.rs\").unwrap(); }\n-- v --\n1\n-- src/main.rs --\nfn main() { println!(\"{}\", include!(concat!(env!(\"OUT_DIR\"), \"/v.rs\"))); }\n",
		edit: func(w *world, c string) []string { w.Write(c+"/v", "2\n"); return nil }},
	{name: "script's directory embedded", files: appManifest + "-- build.rs --\nfn main() { let o = std::env::var(\"OUT_DIR\").unwrap(); std::fs::copy(\"v\", o + \"/v.rs\").unwrap(); }\n-- v --\n1\n-- src/main.rs --\nfn main() { println!(\"{} {}\", include!(concat!(env!(\"OUT_DIR\"), \"/v.rs\")), std::fs::exists(env!(\"OUT_DIR\")).unwrap()); }\n",
		edit: func(w *world, _ string) []string { w.Remove("a/target"); return nil }, bound: true},
	{name: "static library", files: sysManifest + "-- sys/build.rs --\nfn main() { println!(\"cargo::rustc-link-search=native=$W/native\\ncargo::rustc-link-lib=static=one\"); }\n-- sys/src/lib.rs --\nextern \"C\" { fn one2(); fn one() -> i32; }\npub fn one_() { unsafe { one2() } }\n",
		edit: nativeEdit},
	{name: "static library, whole", files: sysManifest + "-- sys/build.rs --\nfn main() { println!(\"cargo::rustc-link-search=native=$W/native\\ncargo::rustc-link-lib=static:+whole-archive=one\"); }\n", edit: nativeEdit},
	{name: "static library of an attribute", files: sysManifest + "-- sys/build.rs --\nfn main() { println!(\"cargo::rustc-link-search=native=$W/native\"); }\n", edit: nativeEdit},
	{name: "dynamic kind, archive found", files: sysManifest + "-- sys/build.rs --\nfn main() { println!(\"cargo::rustc-link-search=native=$W/native\\ncargo::rustc-link-lib=one\"); }\n", edit: nativeEdit},
	{name: "file of a linker's argument", files: appManifest + "-- build.rs --\nfn main() { println!(\"cargo::rustc-link-arg=-Wl,--defsym,odd=0\"); println!(\"cargo::rustc-link-arg=$W/native/one.o\"); }\n-- src/main.rs --\nextern \"C\" { fn one() -> i32; }\nfn main() { println!(\"{}\", unsafe { one() }); }\n" + "-- native/one.c --\nint one(void) { return 1; }\n-- native/make --\ncc -c -O0 -o $W/native/one.o \"$1/one.c\"\n",
		edit: nativeEdit},
	{name: "file that a script's variable names", files: appManifest + "-- build.rs --\nfn main() { let f = std::env::var(\"OUT_DIR\").unwrap() + \"/gen.rs\"; std::fs::copy(\"text\", &f).unwrap(); println!(\"cargo::rustc-env=GEN={f}\"); }\n-- src/main.rs --\nfn main() { println!(\"{}\", include!(env!(\"GEN\"))); }\n-- text --\n1\n",
		edit: func(w *world, c string) []string { w.Write(c+"/text", "2\n"); return nil }},
	{name: "file a macro reads", files: macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { std::fs::read_to_string(std::env::var(\"CARGO_MANIFEST_DIR\").unwrap() + \"/text\").unwrap().parse().unwrap() }\n-- text --\n1\n",
		edit: func(w *world, c string) []string { w.Write(c+"/text", "2\n"); return nil }},
	{name: "directory a macro lists", files: macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { std::fs::read_dir(std::env::var(\"CARGO_MANIFEST_DIR\").unwrap() + \"/texts\").unwrap().count().to_string().parse().unwrap() }\n-- texts/one --\n1\n",
		edit: func(w *world, c string) []string { w.Write(c+"/texts/two", "2\n"); return nil }},
	{name: "variable a macro reads", files: macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { format!(\"{:?}\", std::env::var(\"SEEN\").unwrap_or_default()).parse().unwrap() }\n",
		edit: func(*world, string) []string { return []string{"SEEN=1"} }},
	{name: "variable by a name put together", files: seeing(`std::env::var(format!("SE{}", "EN")).unwrap_or_default()`), edit: seen},
	{name: "variable by a name of the macro's own time", files: seeing(`std::env::var(concat!("S", "EEN")).unwrap_or_default()`), edit: seen},
	{name: "variable by a name in a file", files: seeing(`std::env::var(include_str!("name").trim()).unwrap_or_default()`) + "-- mac/src/name --\nSEEN\n", edit: seen},
	{name: "variable of all", files: seeing(`std::env::vars().filter(|(n, _)| n.starts_with("SEE")).count()`), edit: seen},
	{name: "variable through C", files: seeing(`{ extern "C" { fn getenv(n: *const u8) -> *const u8; } unsafe { getenv(b"SEEN\0".as_ptr()) }.is_null() }`), edit: seen},
	{name: "variable through a process", files: seeing(`String::from_utf8(std::process::Command::new("sh").args(["-c", "echo $SEEN"]).output().unwrap().stdout)`), edit: seen},
	{name: "variable through a macro of rules", files: seeing(`{ macro_rules! get { ($a:ident $b:ident $c:literal) => { std::$a::$b($c) } } get!(env var "SEEN") }.unwrap_or_default()`), edit: seen},
	{name: "variable through a library", files: strings.Replace(seeing(`look::read()`), "proc-macro = true\n", "proc-macro = true\n[dependencies]\nlook = { path = \"../look\" }\n", 1) +
		"-- look/Cargo.toml --\n[package]\nname = \"look\"\nversion = \"0.1.0\"\nedition = \"2021\"\n-- look/src/lib.rs --\nmod inner;\npub use inner::read;\n-- look/src/inner.rs --\npub fn read() -> String { std::env::var(\"SEEN\").unwrap_or_default() }\n", edit: seen},
	{name: "variable through generated code", files: seeing(`include!(concat!(env!("OUT_DIR"), "/x")).unwrap_or_default()`) +
		"-- mac/build.rs --\nfn main() { std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/x\", \"std::env::var(\\\"SEEN\\\")\").unwrap(); }\n", edit: seen},
	{name: "directory a macro embeds", files: macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { format!(\"{:?}\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap()).parse().unwrap() }\n",
		edit: func(*world, string) []string { return nil }, bound: true},
	{name: "macro itself", files: macManifest + "-- mac/src/lib.rs --\nuse proc_macro::*;\n#[proc_macro]\npub fn it(_: TokenStream) -> TokenStream { \"1\".parse().unwrap() }\n",
		edit: func(w *world, c string) []string { w.Edit(c+"/mac/src/lib.rs", `"1"`, `"2"`); return nil }},
	{name: "linker", files: appManifest + "-- src/main.rs --\nextern \"C\" { fn one() -> i32; }\nfn main() { println!(\"{}\", unsafe { one() }); }\n-- native/one.c --\nint one(void) { return 1; }\n-- native/make --\ncc -c -O0 -o $W/native/one.o \"$1/one.c\" && printf '#!/bin/sh\\nexec cc \"$@\" '$W/native/$2.o'\\n' > $W/native/linker && chmod +x $W/native/linker && cp $W/native/one.o $W/native/$2.o\n",
		env: []string{"CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=$W/native/linker"}, edit: nativeEdit},
	{name: "compiler's libraries", files: appManifest + "-- src/main.rs --\nfn main() { println!(\"{:?}\", option_env!(\"TOOL\")); }\n",
		edit: func(w *world, c string) []string {
			w.tool("tool2")
			w.Edit("tool2/bin/rustc", "exec ", "TOOL=2 exec ")
			return []string{"RUSTC=" + w.Path("tool2/bin/rustc")}
		}},
}

// nativeEdit makes the C library another one.
func nativeEdit(w *world, c string) []string {
	w.Edit(c+"/native/one.c", "return 1", "return 2")
	w.native(c)
	return nil
}

// native compiles what a project has in C, to where its scripts look for it.
func (w *world) native(root string) {
	w.T.Helper()
	if _, err := os.Stat(w.Path(root + "/native/make")); err != nil {
		return
	}
	if err := os.MkdirAll(w.Path("native"), 0o777); err != nil {
		w.T.Fatal(err)
	}
	w.Must(root, nil, "sh", w.Path(root+"/native/make"), w.Path(root+"/native"), filepath.Base(root))
}

func TestStale(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(newWorld(t).Dir)
	for _, tt := range stale {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := worldIn(t, filepath.Join(base, strings.NewReplacer(" ", "-", "'", "").Replace(tt.name)), tt.env...)
			for i, kv := range w.Env {
				w.Env[i] = strings.ReplaceAll(kv, "$W", w.Dir)
			}
			files := tt.files
			if strings.Contains(files, "name = \"sys\"") && !strings.Contains(files, "one2") {
				files += "-- sys/src/lib.rs --\nextern \"C\" { #[link_name = \"one\"] fn c_one() -> i32; }\npub fn one() -> i32 { unsafe { c_one() } }\n"
			}
			if strings.Contains(tt.name, "attribute") {
				files = strings.Replace(files, "extern \"C\" { #[link_name", "#[link(name = \"one\", kind = \"static\")]\nextern \"C\" { #[link_name", 1)
			}
			if tt.name == "static library" {
				files = files[:strings.Index(files, "-- sys/src/lib.rs --")] + "-- sys/src/lib.rs --\nextern \"C\" { #[link_name = \"one\"] fn c_one() -> i32; }\npub fn one() -> i32 { unsafe { c_one() } }\n"
			}
			w.Write("a/../shared/text", "of all")
			w.project("a", files)
			w.native("a")
			before := w.wrapped("a", nil)
			if want := w.clean("a", nil); before != want {
				t.Fatalf("in the first checkout: %q, a clean build prints %q", before, want)
			}
			// Another checkout that is the same is served.
			w.copy("a", "b")
			served := w.good("b", nil)
			if tt.bound == (len(served.compiled) == 0) {
				t.Errorf("in a second checkout %q are compiled; bound: %v\n%s", served.compiled, tt.bound, w.events())
			}
			w.copy("a", "c")
			env := tt.edit(w, "c")
			want := w.clean("c", env)
			if want == before && tt.name != "included text" && !tt.bound {
				t.Fatalf("the difference makes none: %q", want)
			}
			if got := w.wrapped("c", env); got != want {
				t.Errorf("%q, a clean build prints %q\n%s", got, want, w.events())
			}
		})
	}
}

// What one project has compiled serves another, and is told apart there as well.
func TestTwoProjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deps := "[dependencies]\nitoa = \"1\"\nsemver = \"1\"\n"
	w.Write("x/Cargo.toml", strings.TrimPrefix(appManifest, "-- Cargo.toml --\n")+deps)
	w.Write("x/src/main.rs", "fn main() { println!(\"{}\", itoa::Buffer::new().format(semver::Version::new(1, 2, 3).minor)); }\n")
	w.lock("x")
	w.Write("y/Cargo.toml", strings.Replace(w.Read("x/Cargo.toml"), "app", "other", 1))
	w.Write("y/src/main.rs", "fn main() { println!(\"{}\", semver::Version::new(1, 2, 3)); }\n")
	w.Write("y/Cargo.lock", strings.Replace(w.Read("x/Cargo.lock"), "\"app\"", "\"other\"", 1))
	w.good("x", nil)
	w.wantCompiled(w.good("y", nil), "other")
	if got := w.Must("y", nil, w.Path("y/target/debug/other")).Stdout; got != "1.2.3\n" {
		t.Errorf("prints %q", got)
	}
	w.Edit("y/Cargo.toml", "semver = \"1\"", "semver = { version = \"1\", default-features = false }")
	b := w.good("y", nil)
	w.wantCompiled(b, "other", "semver")
}

// A project that bakes its commit into the program watches HEAD, which is another
// file in each worktree: cargo runs its script, and takes all that depends on it to
// be dirty. What the script says decides.
func TestKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Remove("store")
	w.workspace("a")
	w.Write("a/low/build.rs", w.Read("a/low/build.rs")+`
#[used]
static GIT: fn() = git;
fn git() {
    let git = |args: &[&str]| String::from_utf8(std::process::Command::new("git").args(args).output().unwrap().stdout).unwrap().trim().to_string();
    println!("cargo::rerun-if-changed={}/HEAD", git(&["rev-parse", "--absolute-git-dir"]));
    println!("cargo::rustc-env=COMMIT={}", git(&["rev-parse", "HEAD"]));
}
`)
	w.Edit("a/low/build.rs", "fn main() {\n", "fn main() {\n    GIT();\n")
	w.Edit("a/low/src/inner.rs", "\"inner 1\"", "concat!(\"inner at \", env!(\"COMMIT\"))")
	w.lock("a")
	w.At("a").Repository()
	w.At("a").Cow("init")
	w.wantCompiled(w.good("a", nil), everything...)
	w.At("a").Cow("snapshot")

	// The same commit, on another branch.
	w.Must("a", nil, "git", "worktree", "add", "--quiet", "-b", "fix", w.Path("b"))
	w.At("b").Cow("restore")
	b := w.good("b", nil, "build", "--message-format=json")
	w.wantCompiled(b)
	if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
		t.Errorf("prints %q, clean %q", got, want)
	}
	// The first edit goes on from the origin's state.
	w.Edit("b/mid/src/lib.rs", "mid 1", "mid 2")
	w.wantCompiled(w.good("b", nil), "app", "mid")
	if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
		t.Errorf("after an edit prints %q, clean %q", got, want)
	}
	// What lies there is kept, though no layer has it, and is fresh then.
	for _, file := range []string{"low/input.txt", "mid/src/lib.rs"} {
		w.Must("b", nil, "touch", file)
	}
	w.wantCompiled(w.good("b", nil))
	for _, m := range fixture.Messages(w.good("b", nil, "build", "--message-format=json").Stdout) {
		if m.Reason == "compiler-artifact" && !m.Fresh {
			t.Errorf("%s is dirty after it was kept", m.Package())
		}
	}

	// Another commit: what reads the id, and what depends on that.
	w.Must("a", nil, "git", "worktree", "add", "--quiet", "-b", "next", w.Path("c"))
	w.Must("c", nil, "git", "commit", "--quiet", "--allow-empty", "--message=two")
	w.Must("c", nil, "git", "checkout", "--quiet", "--detach")
	w.At("c").Cow("restore")
	w.wantCompiled(w.good("c", nil), "app", "low", "mid")
	want := w.clean("c", nil)
	if got := w.Must("c", nil, w.Path("c/target/debug/app")).Stdout; got != want || !strings.Contains(got, strings.TrimSpace(w.Must("c", nil, "git", "rev-parse", "HEAD").Stdout)) {
		t.Errorf("prints %q, clean %q", got, want)
	}
	// And without the wrapper, by rebuilding.
	w.Must("a", nil, "git", "worktree", "add", "--quiet", "-b", "plain", w.Path("d"), "next")
	w.At("d").Cow("restore")
	if got := w.said("d", nil); got != want {
		t.Errorf("without the wrapper prints %q, clean %q", got, want)
	}
}

// What no macro can name makes nothing to be compiled: another terminal's, editor's or
// agent's variables.
func TestUnrelatedVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project("a", appManifest+`[dependencies]
none = { path = "none" }
named = { path = "named" }
-- src/main.rs --
fn main() { println!("{} {}", none::it!(), named::it!()); }
-- none/Cargo.toml --
[package]
name = "none"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true
-- none/src/lib.rs --
use proc_macro::*;
#[proc_macro]
pub fn it(_: TokenStream) -> TokenStream { "1".parse().unwrap() }
-- named/Cargo.toml --
[package]
name = "named"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true
-- named/src/lib.rs --
use proc_macro::*;
#[proc_macro]
pub fn it(_: TokenStream) -> TokenStream { format!("{:?}", std::env::var("SEEN").unwrap_or_default()).parse().unwrap() }
`)
	w.wrapped("a", nil)
	w.copy("a", "b")
	others := []string{"UNRELATED=1", "CURSOR_TRACE_ID=x", "CI=true", "GITHUB_ACTIONS=true", "RUST_BACKTRACE=1", "TERM=xterm-kitty", "EDITOR=vi"}
	if served := w.good("b", others); len(served.compiled) > 0 {
		t.Errorf("for variables that nobody names, %q are compiled\n%s", served.compiled, w.events())
	}
	w.copy("a", "c")
	if got := w.good("c", append(others, "SEEN=2")); !slices.Equal(got.compiled, []string{"app"}) {
		t.Errorf("for the one that is named, %q are compiled, want the one unit that uses the macro", got.compiled)
	}
}
