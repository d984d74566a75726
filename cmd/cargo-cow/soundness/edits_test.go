package soundness

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

const (
	// sequences is what TestRandomEdits runs unless CARGO_COW_TEST_SEQUENCES says
	// another number; hack/differential does such things with more kinds of packages.
	sequences = 2
	// sequencesPerWorld share what was built and sealed first.
	sequencesPerWorld = 4
	// editSteps is enough for each checkout to be built with the wrapper and
	// without, and for a checkout that was made from another one.
	editSteps = 6
)

// TestRandomEdits: over an origin, a checkout beside it, one inside it and a checkout of
// that checkout, with the wrapper on and off by turns, edits of several kinds and builds
// of several profiles: what a build makes is what a clean build makes that is not
// incremental. A failure names its seed; the steps are in its log.
func TestRandomEdits(t *testing.T) {
	t.Parallel()
	n := sequences
	if text := os.Getenv("CARGO_COW_TEST_SEQUENCES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := btrfs(t)
	for seed := range (n + sequencesPerWorld - 1) / sequencesPerWorld {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			e := newEditing(t, filepath.Join(dir, fmt.Sprint(seed)), uint64(seed))
			for i := range min(sequencesPerWorld, n-seed*sequencesPerWorld) {
				t.Logf("sequence %d", i)
				e.sequence()
			}
			t.Logf("%d builds, of these %d with units compiled at another checkout's path", e.builds, e.elsewhere)
			if e.elsewhere == 0 {
				t.Error("nothing was ever compiled at another checkout's path: this shows nothing")
			}
			os.RemoveAll(e.w.Dir)
		})
	}
}

// sources are the numbers from which a checkout's files are made; each kind of
// edit counts one up.
type sources map[string]int

// kinds of edits.
var kinds = []string{
	"body", "inline", "generic", "signature", "module", "macro", "lines", "script", "cfg", "warning", "app", "text", "const",
}

func (s sources) clone() sources { return maps.Clone(s) }

// files renders the sources.
func (s sources) files() map[string]string {
	types := []string{"u8", "u16", "u32", "u64", "i64"}
	blank := strings.Repeat("\n", s["lines"]%7)
	var mods, sum strings.Builder
	files := map[string]string{}
	for i := range 3 + s["module"]%4 {
		fmt.Fprintf(&mods, "pub mod m%d;\n", i)
		fmt.Fprintf(&sum, " + m%d::value(x)", i)
		files[fmt.Sprintf("liba/src/m%d.rs", i)] = fmt.Sprintf("pub fn value(x: u64) -> u64 { super::body(x) ^ %d }\n", i*7+s["module"])
	}
	warning := ""
	if s["warning"]%2 == 1 {
		warning = fmt.Sprintf("    let unused_%d = 1;\n", s["warning"])
	}
	files["liba/src/lib.rs"] = blank + mods.String() + `include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub const CONST: u64 = ` + fmt.Sprint(s["const"]) + `;
pub fn body(x: u64) -> u64 { x.wrapping_mul(` + fmt.Sprint(3+s["body"]) + `) }
#[inline]
pub fn inlined(x: u64) -> u64 { x ^ ` + fmt.Sprint(s["inline"]) + ` }
pub fn generic<T: std::fmt::Debug>(x: T) -> String { format!("{x:?}-` + fmt.Sprint(s["generic"]) + `") }
pub fn signed(x: ` + types[s["signature"]%len(types)] + `) -> ` + types[(s["signature"]/2)%len(types)] + ` { x as _ }
pub fn sum(x: u64) -> u64 {
` + warning + `    0` + sum.String() + `
}
pub fn here() -> String { format!("{}:{} {} {}", file!(), line!(), module_path!(), env!("CARGO_MANIFEST_DIR")) }
#[track_caller]
pub fn caller() -> String { std::panic::Location::caller().to_string() }
pub fn chosen() -> &'static str { if cfg!(chosen = "0") { "zero" } else if cfg!(chosen = "1") { "one" } else { "more" } }
#[test]
fn tells() { println!("{} {}", here(), body(4)); }
`
	files["liba/input.txt"] = fmt.Sprint(s["script"])
	files["liba/cfg.txt"] = fmt.Sprint(s["cfg"] % 3)
	files["liba/src/text.txt"] = fmt.Sprint(s["text"])
	files["data.txt"] = fmt.Sprint(s["macro"])
	files["mid/src/lib.rs"] = blank + `
pub fn mid() -> String {
    let signed = liba::signed(3);
    format!("{} {} {} {} {}", mac::include_cwd!("data.txt"), std::any::type_name_of_val(&signed), signed, liba::generic("mid"), liba::inlined(liba::CONST))
}
pub fn panics(n: usize) -> usize { [1, 2, 3][n] }
pub fn here() -> String { format!("{}:{} {}", file!(), line!(), liba::caller()) }
`
	const print = `
    println!("{} {} {}", liba::sum(5), liba::generic(7u8), liba::inlined(1));
    println!("{} {} {}", liba::here(), liba::chosen(), liba::GENERATED);
    println!("{} {} {}", mid::mid(), mid::here(), include_str!("../../liba/src/text.txt"));
    println!("{} {} {}", file!(), line!(), env!("CARGO_MANIFEST_DIR"));
    std::panic::set_hook(Box::new(|info| println!("{info}")));
    let _ = std::panic::catch_unwind(|| mid::panics(std::env::args().count() + 5));
`
	files["app/src/main.rs"] = fmt.Sprintf("%sfn main() {\n    println!(\"%d\");%s}\n", blank, s["app"], print)
	files["app/tests/it.rs"] = fmt.Sprintf("fn main() {%s}\n", print)
	return files
}

// fixed are the files that no edit changes.
var fixed = map[string]string{
	".gitignore":      "/target\n/intermediate\n/.worktrees\n",
	"Cargo.toml":      "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"mid\", \"liba\", \"mac\"]\n[profile.release]\nincremental = true\n",
	"app/Cargo.toml":  manifest("app") + "[dependencies]\nliba = { path = \"../liba\" }\nmid = { path = \"../mid\" }\n[[test]]\nname = \"it\"\nharness = false\n[[bin]]\nname = \"app\"\npath = \"src/main.rs\"\ntest = false\n",
	"mid/Cargo.toml":  manifest("mid") + "[dependencies]\nliba = { path = \"../liba\" }\nmac = { path = \"../mac\" }\n",
	"liba/Cargo.toml": manifest("liba"),
	"liba/build.rs": `fn main() {
    println!("cargo::rerun-if-changed=input.txt");
    println!("cargo::rerun-if-changed=cfg.txt");
    println!("cargo::rustc-check-cfg=cfg(chosen, values(any()))");
    println!("cargo::rustc-cfg=chosen={:?}", std::fs::read_to_string("cfg.txt").unwrap());
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("gen.rs"), format!("pub const GENERATED: &str = {:?};", std::fs::read_to_string("input.txt").unwrap())).unwrap();
}
`,
	"mac/Cargo.toml": manifest("mac") + "[lib]\nproc-macro = true\ntest = false\n",
	// It includes a file by rustc's current directory.
	"mac/src/lib.rs": `use proc_macro::TokenStream;
#[proc_macro]
pub fn include_cwd(t: TokenStream) -> TokenStream {
    let name = t.to_string();
    format!("include_str!({:?})", std::env::current_dir().unwrap().join(name.trim_matches('"'))).parse().unwrap()
}
`,
}

// ways of building, by turns.
var buildWays = [][]string{
	{"build"}, {"build", "--release"}, {"check", "--all-targets"}, {"test", "--no-run"},
}

// layouts of the build directory, by turns.
var layouts = []struct {
	state, config string
	env           []string
}{
	{state: "target"},
	{state: "intermediate", config: "[build]\nbuild-dir = \"intermediate\"\n"},
	{state: "target", config: "[build]\ntarget = \"x86_64-unknown-linux-gnu\"\n"},
	{state: "target", env: []string{"RUSTUP_TOOLCHAIN=nightly", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"}},
}

type editing struct {
	t       *testing.T
	w       *world
	rng     *rand.Rand
	sources map[string]sources // by checkout
	wrapped string
	state   string // the build directory, from a checkout's root

	builds, elsewhere int
}

func newEditing(t *testing.T, dir string, seed uint64) *editing {
	t.Helper()
	layout := layouts[seed%uint64(len(layouts))]
	e := &editing{t: t, w: newWorld(t, dir, layout.env...), rng: rand.New(rand.NewPCG(seed, 1)), state: layout.state}
	e.wrapped = "RUSTC_WRAPPER=" + fixture.Wrapper(t)
	for name, text := range fixed {
		e.w.Write("a/"+name, text)
	}
	e.w.Write("a/.cargo/config.toml", layout.config)
	e.render("a", sources{}.files())
	e.w.commit()
	e.w.origin.Cow("init")
	for _, args := range buildWays {
		e.w.origin.Build(args...)
	}
	e.w.origin.Cow("snapshot")
	return e
}

func (e *editing) render(checkout string, files map[string]string) {
	e.t.Helper()
	for name, text := range files {
		name = filepath.Join(checkout, name)
		if old, err := os.ReadFile(e.w.Path(name)); err != nil || string(old) != text {
			e.w.Write(name, text)
		}
	}
}

// checkouts are those of a sequence; the last is made from the second.
const beside, inside, ofPlace = "b", "a/.worktrees/c", "d"

func (e *editing) sequence() {
	e.t.Helper()
	e.sources = map[string]sources{"a": {}}
	e.render("a", sources{}.files())
	for _, name := range []string{beside, inside} {
		e.restored(name, "a")
	}
	usual := buildWays[e.rng.IntN(len(buildWays))]
	for range editSteps {
		e.step(usual)
	}
	e.w.Remove("clean")
	for _, name := range []string{ofPlace, inside, beside} {
		if e.sources[name] != nil {
			e.w.origin.Must("git", "worktree", "remove", "--force", e.w.Path(name))
		}
	}
}

// restored makes a worktree of what is committed in another one and restores.
func (e *editing) restored(name, from string) {
	e.t.Helper()
	p := e.w.origin.Worktree(name, e.w.At(from).Says("git", "rev-parse", "HEAD"))
	p.Cow("restore")
	e.sources[name] = e.sources[from].clone()
}

func (e *editing) step(usual []string) {
	e.t.Helper()
	name := []string{"a", beside, beside, inside, inside, ofPlace}[e.rng.IntN(6)]
	args := usual
	if e.rng.IntN(4) == 0 {
		args = buildWays[e.rng.IntN(len(buildWays))]
	}
	if name == ofPlace && e.sources[name] == nil {
		e.t.Logf("%s: commit, %q, snapshot; %s: restore", beside, args, name)
		b := e.w.At(beside)
		e.build(beside, e.rng.IntN(2) == 0, args)
		b.Commit("more")
		b.Cow("snapshot")
		e.restored(name, beside)
	}
	p := e.w.At(name)
	var edits []string
	for range e.rng.IntN(3) {
		kind := kinds[e.rng.IntN(len(kinds))]
		edits = append(edits, kind)
		e.sources[name][kind] += 1 + e.rng.IntN(2)
	}
	e.render(name, e.sources[name].files())
	if name != "a" && e.rng.IntN(6) == 0 {
		edits = append(edits, "restore")
		p.Cow("restore")
	}
	on := e.rng.IntN(3) > 0
	e.t.Logf("%s: %q, %q, wrapper %v", name, edits, args, on)
	e.build(name, on, args)
	if e.rng.IntN(4) == 0 {
		// It is all fresh, with the wrapper as without.
		if ran := e.with(p, !on).Build(args...).Ran(); len(ran) > 0 {
			e.t.Errorf("wrapper %v: built again: %q", !on, ran)
		}
	}
	if e.rng.IntN(6) == 0 {
		e.t.Logf("%s: snapshot", name)
		p.Cow("snapshot")
	}
}

func (e *editing) with(p *fixture.Checkout, wrapped bool) *fixture.Checkout {
	if !wrapped {
		return p
	}
	return p.With(e.wrapped)
}

// build builds and compares what comes of it with what is made without the wrapper
// and incremental compilation, in a build directory that was never anywhere else and
// begins empty with the sequence.
func (e *editing) build(name string, wrapped bool, args []string) {
	e.t.Helper()
	p := e.w.At(name)
	got := e.made(e.with(p, wrapped), args)
	e.builds++
	if len(compiledElsewhere(e.t, p.Path(e.state))) > 0 {
		e.elsewhere++
	}
	clean := e.w.Path("clean/" + filepath.Base(name))
	if !fixture.Exists(clean) {
		fixture.Acquaint(e.t, clean, p.Env)
	}
	want := e.made(p.With("CARGO_TARGET_DIR="+clean, "CARGO_BUILD_BUILD_DIR="+clean, "CARGO_INCREMENTAL=0", "CARGO_PROFILE_DEV_DEBUG=0"), args)
	if diff := cmp.Diff(want, got); diff != "" {
		e.t.Fatalf("%s: stale (-clean build +incremental):\n%s", name, diff)
	}
}

var harnessTime = regexp.MustCompile(`finished in [0-9.]+s`)

// made builds and tells what all programs print, and what the compiler says of the
// workspace's packages.
func (e *editing) made(p *fixture.Checkout, args []string) map[string]string {
	e.t.Helper()
	b := p.Build(args...)
	all := map[string]string{}
	for name, exe := range b.Executables {
		all[name] = harnessTime.ReplaceAllString(p.Says(exe, "--nocapture"), "finished")
	}
	var said []string
	for line := range strings.Lines(b.Stdout) {
		var m struct{ Message struct{ Rendered string } }
		if json.Unmarshal([]byte(line), &m) == nil && m.Message.Rendered != "" {
			said = append(said, m.Message.Rendered)
		}
	}
	slices.Sort(said)
	all["said"] = strings.Join(slices.Compact(said), "\n")
	return all
}
