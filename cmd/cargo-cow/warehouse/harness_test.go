// Package warehouse holds no code. Its tests drive cargo with the wrapper and show
// that what is served from the warehouse is what a clean build makes, and that it
// is served: what was compiled is counted by a compiler that keeps a list. Each test
// has directories and a store of its own; they need cargo and root, for file systems
// of their own.
package warehouse

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// A world holds checkouts, a store, and a compiler that lists what it compiles.
type world struct{ fixture.World }

func newWorld(t testing.TB) *world {
	t.Helper()
	return worldIn(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(8<<30)), "w"))
}

func worldIn(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	w := &world{fixture.NewWorld(t, dir, "CARGO_INCREMENTAL=1", "CARGO_PROFILE_DEV_DEBUG=line-tables-only")}
	w.tool("tool")
	w.Env = slices.Concat(w.Env, []string{"RUSTC=" + w.Path("tool/bin/rustc")}, env)
	w.Write("store/version", "cargo-cow store 1\n")
	return w
}

// tool makes a toolchain whose compiler notes the crates that it compiles, and then
// is the one that is installed.
func (w *world) tool(name string) {
	w.T.Helper()
	root := fixture.Sysroot(w.T)
	w.Script(name+"/bin/rustc", fmt.Sprintf(`case " $* " in *" -C metadata="*)
	crate=
	for a; do [ "$before" = --crate-name ] && crate=$a; before=$a; done
	echo "$crate" >> %s;;
esac
exec %s/bin/rustc "$@"
`, w.Path("compiled"), root))
	// Links to its parts: one that is added here is one that is added.
	for _, dir := range []string{"lib", "lib/rustlib"} {
		entries, err := os.ReadDir(root + "/" + dir)
		if err != nil {
			w.T.Fatal(err)
		}
		if err := os.MkdirAll(w.Path(name+"/"+dir), 0o777); err != nil {
			w.T.Fatal(err)
		}
		for _, e := range entries {
			if dir == "lib" && e.Name() == "rustlib" {
				continue
			}
			if err := os.Symlink(root+"/"+dir+"/"+e.Name(), w.Path(name+"/"+dir+"/"+e.Name())); err != nil {
				w.T.Fatal(err)
			}
		}
	}
}

// A build is what one run of cargo has done.
type build struct {
	fixture.Result
	compiled []string // crates, in order
}

// build runs cargo with the wrapper.
func (w *world) build(dir string, env []string, args ...string) build {
	w.T.Helper()
	before := w.list()
	if len(args) == 0 {
		args = []string{"build"}
	}
	env = append([]string{"RUSTC_WRAPPER=" + fixture.Wrapper(w.T)}, env...)
	r := w.Run(dir, env, "cargo", append(args, "--offline")...)
	compiled := w.list()[len(before):]
	slices.Sort(compiled)
	return build{r, compiled}
}

// good is build of what must build.
func (w *world) good(dir string, env []string, args ...string) build {
	w.T.Helper()
	b := w.build(dir, env, args...)
	if b.Code != 0 {
		w.T.Fatalf("cargo %q in %s: %v", args, dir, b.Result)
	}
	return b
}

// wantCompiled fails unless a build has compiled these crates and no others.
func (w *world) wantCompiled(b build, crates ...string) {
	w.T.Helper()
	if !slices.Equal(b.compiled, crates) {
		w.T.Errorf("compiled %q, want %q; events:\n%s", b.compiled, crates, w.events())
	}
}

func (w *world) list() []string {
	text, err := os.ReadFile(w.Path("compiled"))
	if err != nil && !os.IsNotExist(err) {
		w.T.Fatal(err)
	}
	return strings.Fields(string(text))
}

// mostEvents bounds what a failure tells.
const mostEvents = 12

// events is what the wrapper said of its last calls, for the messages of failures.
func (w *world) events() string {
	text, _ := os.ReadFile(w.Path("store/warehouse/events"))
	lines := strings.SplitAfter(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-mostEvents):], "")
}

// clean builds from nothing and without the wrapper, and returns what the program
// prints, or why cargo failed: the first error's line.
func (w *world) clean(dir string, env []string, args ...string) string {
	w.T.Helper()
	elsewhere := w.Path("clean-" + strings.ReplaceAll(dir, "/", "-"))
	defer os.RemoveAll(elsewhere)
	env = append(slices.Clone(env), "CARGO_TARGET_DIR="+elsewhere, "RUSTC_WRAPPER=", "CARGO_INCREMENTAL=0", "CARGO_PROFILE_DEV_DEBUG=0")
	return w.said(dir, env, args...)
}

// said runs the program by cargo and returns the same.
func (w *world) said(dir string, env []string, args ...string) string {
	w.T.Helper()
	r := w.Run(dir, env, "cargo", append([]string{"run", "--quiet", "--offline"}, args...)...)
	return outcome(r)
}

// outcome is what a program has printed, or the first error.
func outcome(r fixture.Result) string {
	if r.Code == 0 {
		return r.Stdout
	}
	for line := range strings.Lines(r.Stderr) {
		if strings.HasPrefix(line, "error") {
			return line
		}
	}
	return r.String()
}

// wrapped is said with the wrapper.
func (w *world) wrapped(dir string, env []string, args ...string) string {
	w.T.Helper()
	return w.said(dir, append([]string{"RUSTC_WRAPPER=" + fixture.Wrapper(w.T)}, env...), args...)
}

// workspace lays out a workspace of every kind of unit: a program with a test, two
// libraries, a procedural macro of its own, a build script that generates source,
// and published crates, one of them a macro that reads nothing.
func (w *world) workspace(root string) {
	w.T.Helper()
	manifest := func(name, more string) {
		w.Write(root+"/"+name+"/Cargo.toml", fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n%s", name, more))
	}
	w.Write(root+"/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"mid\", \"low\", \"mac\"]\n")
	w.Write(root+"/.gitignore", "target\n")
	manifest("mac", "[lib]\nproc-macro = true\n")
	w.Write(root+"/mac/src/lib.rs", "use proc_macro::TokenStream;\n#[proc_macro]\npub fn seven(_: TokenStream) -> TokenStream { \"7u64\".parse().unwrap() }\n")
	manifest("low", "[features]\nloud = []\n[dependencies]\nitoa = \"1\"\nsemver = \"1\"\n")
	w.Write(root+"/low/build.rs", `use std::{env, fs};
fn main() {
    println!("cargo::rerun-if-changed=input.txt");
    println!("cargo::rerun-if-env-changed=LOW_TAG");
    let out = env::var("OUT_DIR").unwrap();
    fs::write(out + "/gen.rs", format!("pub const GEN: &str = {:?};", fs::read_to_string("input.txt").unwrap().trim())).unwrap();
    println!("cargo::rustc-env=LOW_TAG_SEEN={}", env::var("LOW_TAG").unwrap_or("none".into()));
}
`)
	w.Write(root+"/low/input.txt", "input 1\n")
	w.Write(root+"/low/src/lib.rs", `include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub mod inner;
pub fn low() -> String {
    let loud = if cfg!(feature = "loud") { "loud" } else { "quiet" };
    format!("{} {} {} {} {}", GEN, env!("LOW_TAG_SEEN"), inner::INNER, loud, itoa::Buffer::new().format(semver::Version::new(1, 2, 3).minor))
}
`)
	w.Write(root+"/low/src/inner.rs", "pub const INNER: &str = \"inner 1\";\n")
	manifest("mid", "[features]\nloud = [\"low/loud\"]\n[dependencies]\nlow = { path = \"../low\" }\nmac = { path = \"../mac\" }\nindoc = \"2\"\n")
	w.Write(root+"/mid/src/lib.rs", "pub fn mid() -> String { format!(\"{} {} {}\", low::low(), mac::seven!(), indoc::indoc!(\"\n    mid 1\n    \").trim()) }\n")
	manifest("app", "[features]\nloud = [\"mid/loud\"]\n[dependencies]\nmid = { path = \"../mid\" }\n")
	w.Write(root+"/app/src/main.rs", "fn main() { println!(\"{} {}\", mid::mid(), option_env!(\"APP_TAG\").unwrap_or(\"no tag\")); }\n#[test]\nfn some() { assert!(!mid::mid().is_empty()); }\n")
}

// lock resolves the dependencies of a checkout once; the registry is asked.
func (w *world) lock(root string) {
	w.T.Helper()
	w.Must(root, nil, "cargo", "fetch", "--quiet")
}

// copy makes a second checkout of the sources.
func (w *world) copy(from, to string) {
	w.T.Helper()
	err := os.CopyFS(w.Path(to), sources{os.DirFS(w.Path(from))})
	if err != nil {
		w.T.Fatal(err)
	}
}
