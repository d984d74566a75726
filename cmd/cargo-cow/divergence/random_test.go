package divergence

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

const (
	// stories times sequences bounds one run of TestRandom: eight sequences.
	// -count=26 gives more than 200, each story with a seed of its own.
	stories   = 2
	sequences = 4
)

var lastSeed atomic.Uint64

// TestRandom: among three checkouts of a workspace, whose lockfiles, features and
// profiles go different ways, sequences of snapshot, bump, edit, restore, graft,
// build, edit, build. The program always is the one its lockfile and sources
// tell of, a clean build gives the same, and no build compiles what a layer has.
// A failure names its seed; the steps are in its log.
func TestRandom(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t, loopfs.Size(16<<30))
	g := newGrove(t, filepath.Join(dir, "grove"))
	var grafted atomic.Int64
	t.Cleanup(func() {
		if n := grafted.Load(); !t.Failed() && n < stories*sequences/2 {
			t.Errorf("%d units were grafted in all, which shows little", n)
		}
	})
	for range stories {
		seed := lastSeed.Add(1)
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, g, filepath.Join(dir, fmt.Sprint(seed)), seed)
			s.begin()
			for range sequences {
				s.sequence()
			}
			grafted.Add(int64(s.grafted))
			t.Logf("grafted %d units in all", s.grafted)
		})
	}
}

// A story is one random run.
type story struct {
	t         *testing.T
	g         *grove
	w         *world
	rng       *rand.Rand
	checkouts []*checkout
	// direct are the crates that the program of each checkout depends on itself.
	direct map[*checkout][]string
	loud   map[*checkout]bool
	value  int
	// grafted counts the units of all grafts.
	grafted int
}

// Members beside app: a library, a procedural macro and a library with a build
// script, each with a dependency of its own, which the macro and the script use
// on the host.
const (
	modelUses  = "fir"
	macroUses  = "birch"
	scriptUses = wild
)

func newStory(t *testing.T, g *grove, dir string, seed uint64) *story {
	t.Helper()
	s := &story{t: t, g: g, rng: rand.New(rand.NewPCG(seed, 0)), direct: map[*checkout][]string{}, loud: map[*checkout]bool{}}
	s.w = newWorld(t, dir, "CARGO_HOME="+g.home, "CARGO_NET_OFFLINE=true", "CARGO_PROFILE_DEV_DEBUG=0")
	p := s.w.at("a")
	p.Write(".gitignore", "/target\n")
	p.Write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"model\", \"shape\", \"scripted\"]\n")
	p.Write("model/Cargo.toml", member("model")+"[dependencies]\n"+g.crate(modelUses).toml(false))
	p.Write("model/src/lib.rs", "pub fn text() -> String { format!(\"{}({})\", include_str!(\"text.txt\"), "+g.crate(modelUses).call()+") }\n")
	p.Write("model/src/text.txt", s.next())
	p.Write("shape/Cargo.toml", member("shape")+"[lib]\nproc-macro = true\n[dependencies]\n"+g.crate(macroUses).toml(false))
	p.Write("shape/src/lib.rs", `#[proc_macro]
pub fn text(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    format!("{:?}", format!("{}({})", include_str!("text.txt"), `+g.crate(macroUses).call()+`)).parse().unwrap()
}
`)
	p.Write("shape/src/text.txt", s.next())
	p.Write("scripted/Cargo.toml", member("scripted")+"[build-dependencies]\n"+g.crate(scriptUses).toml(false))
	p.Write("scripted/build.rs", `fn main() {
    println!("cargo::rerun-if-changed=src/text.txt");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let text = std::fs::read_to_string("src/text.txt").unwrap();
    std::fs::write(out.join("text.txt"), format!("{text}({})", `+g.crate(scriptUses).call()+`)).unwrap();
}
`)
	p.Write("scripted/src/lib.rs", "pub fn text() -> &'static str { include_str!(concat!(env!(\"OUT_DIR\"), \"/text.txt\")) }\n")
	p.Write("scripted/src/text.txt", s.next())
	p.Write("app/src/text.txt", s.next())
	s.direct[p] = []string{"cedar", "yew", "bytes", "arrayvec"}
	s.writeApp(p)
	p.Must("cargo", "generate-lockfile", "--quiet")
	p.Repository()
	p.Cow("init")
	s.checkouts = []*checkout{p, p.checkout("b"), p.checkout("c")}
	for _, q := range s.checkouts[1:] {
		s.direct[q] = slices.Clone(s.direct[p])
	}
	return s
}

// begin seals a layer of each checkout, so that later lockfiles are made of parts
// that are there.
func (s *story) begin() {
	s.t.Helper()
	for i, q := range s.checkouts {
		for range 5 * min(i, 1) {
			s.t.Logf("%s: %s", q.Name(), s.bump(q))
		}
		if i == 2 { // the second one has built for itself what the first has
			q.restore()
		}
		s.t.Logf("%s: build, snapshot", q.Name())
		s.build(q)
		q.Cow("snapshot", "--label="+q.Name())
	}
}

func member(name string) string {
	return fmt.Sprintf("[package]\nname = %q\nedition = \"2024\"\n", name)
}

var members = []string{"app", "model", "shape", "scripted"}

// next is a text that no file had before.
func (s *story) next() string {
	s.value++
	return fmt.Sprint(s.value)
}

// writeApp writes the program, which prints the texts of all it depends on.
func (s *story) writeApp(p *checkout) {
	s.t.Helper()
	toml := member("app") + "[dependencies]\nmodel = { path = \"../model\" }\nshape = { path = \"../shape\" }\nscripted = { path = \"../scripted\" }\n"
	source := `#[allow(dead_code)]
fn source_of(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    static FILE: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    std::panic::set_hook(Box::new(|info| *FILE.lock().unwrap() = info.location().unwrap().file().into()));
    std::panic::catch_unwind(f).unwrap_err();
    let file = FILE.lock().unwrap().clone();
    // CARGO_HOME/registry/src/REGISTRY/PACKAGE/src/lib.rs
    file.split("/registry/src/").nth(1).unwrap_or(&file).split('/').nth(1).unwrap_or(&file).into()
}
fn main() {
    println!("{}", include_str!("text.txt"));
    println!("{}", model::text());
    println!("{}", shape::text!());
    println!("{}", scripted::text());
`
	for _, name := range s.direct[p] {
		c := s.g.crate(name)
		toml += c.toml(s.loud[p] && c.loud)
		source += fmt.Sprintf("    println!(\"{}\", %s);\n", c.call())
	}
	p.Write("app/Cargo.toml", toml)
	p.Write("app/src/main.rs", source+"}\n")
}

var lockedVersion = regexp.MustCompile(`(?m)^name = "(.*)"\nversion = "(.*)"$`)

// want is what the program says when it is built from the files of p.
func (s *story) want(p *checkout) string {
	s.t.Helper()
	versions := map[string]string{}
	for _, m := range s.locked(p) {
		versions[m[1]] = m[2]
	}
	// A feature that app asks for is on wherever the target's build has the crate.
	loud := s.loud[p] && slices.ContainsFunc(s.direct[p], func(name string) bool { return s.g.crate(name).loud })
	lines := []string{
		p.Read("app/src/text.txt"),
		p.Read("model/src/text.txt") + "(" + s.g.text(s.t, versions, modelUses, loud) + ")",
		p.Read("shape/src/text.txt") + "(" + s.g.text(s.t, versions, macroUses, false) + ")",
		p.Read("scripted/src/text.txt") + "(" + s.g.text(s.t, versions, scriptUses, false) + ")",
	}
	for _, name := range s.direct[p] {
		lines = append(lines, s.g.text(s.t, versions, name, loud))
	}
	return strings.Join(lines, "\n") + "\n"
}

// build builds in the checkout and compares what the program says.
func (s *story) build(p *checkout) *build {
	s.t.Helper()
	b := p.build("")
	s.check(p, b)
	return b
}

func (s *story) check(p *checkout, b *build) {
	s.t.Helper()
	if diff := cmp.Diff(s.want(p), p.Must(b.programs["app"]).Stdout); diff != "" {
		s.t.Fatalf("%s: stale (-want +got):\n%s", p.Name(), diff)
	}
}

// sequence is snapshot, bump, edit, restore, graft, build, edit, build.
func (s *story) sequence() {
	s.t.Helper()
	p := s.checkouts[s.rng.IntN(len(s.checkouts))]
	if q := s.checkouts[s.rng.IntN(len(s.checkouts))]; s.rng.IntN(4) != 0 {
		if _, err := os.Stat(q.Path("target", "debug")); err == nil {
			s.t.Logf("%s: snapshot", q.Name())
			q.Cow("snapshot")
		}
	}
	if s.rng.IntN(3) != 0 {
		s.t.Logf("%s: %s", p.Name(), s.merge(p))
	}
	for range s.rng.IntN(3) {
		s.t.Logf("%s: %s", p.Name(), s.diverge(p))
	}
	if s.rng.IntN(3) == 0 {
		// Cargo itself would miss it in a checkout that is not restored afterwards.
		old := time.Now().Add(-time.Hour)
		file := s.edit(p)
		if err := os.Chtimes(p.Path(file), old, old); err != nil {
			s.t.Fatal(err)
		}
		s.t.Logf("%s: edit %s in the past", p.Name(), file)
	}
	if s.rng.IntN(4) == 0 && p.Run("cargo", "metadata", "--locked", "--format-version=1").Code != 0 {
		// What the manifests ask for is not known before cargo has made the lockfile
		// fit them: a layer may be restored or not, and the build is right.
		_, ok := p.restore()
		s.t.Logf("%s: restore with the lockfile behind: %t; build", p.Name(), ok)
		s.build(p)
	}
	p.Must("cargo", "update", "--quiet", "--workspace")
	s.restore(p)
	before := p.state()
	s.t.Logf("%s: build", p.Name())
	b := s.build(p)
	s.t.Logf("%s: edit %s, build", p.Name(), s.edit(p))
	for id, ran := range s.build(p).needs {
		if ran {
			s.t.Errorf("%s: an edit compiled %s", p.Name(), b.title(id))
		}
	}
	clean := p.cleanBuild(members...)
	s.check(p, clean)
	available, missing := p.judge(b, clean, before, wild)
	s.t.Logf("%s: %d registry units were in layers, %d in none", p.Name(), available, missing)
}

// diverge makes the checkout's dependencies differ in one respect, and tells in
// which.
func (s *story) diverge(p *checkout) (what string) {
	s.t.Helper()
	switch n := s.rng.IntN(8); {
	case n < 4:
		return s.bump(p)
	case n < 6:
		name := s.g.crates[s.rng.IntN(len(s.g.crates))].name
		if at := slices.Index(s.direct[p], name); at >= 0 {
			s.direct[p] = slices.Delete(s.direct[p], at, at+1)
			what = "drop " + name
		} else {
			s.direct[p] = append(s.direct[p], name)
			what = "add " + name
		}
	case n < 7:
		s.loud[p] = !s.loud[p]
		what = fmt.Sprintf("loud %t", s.loud[p])
	default:
		toml := p.Read("Cargo.toml")
		if table := "[profile.dev.package.cedar]\nopt-level = 1\n"; strings.Contains(toml, table) {
			p.Write("Cargo.toml", strings.Replace(toml, table, "", 1))
			return "cedar as all"
		} else {
			p.Write("Cargo.toml", toml+table)
			return "cedar optimised"
		}
	}
	s.writeApp(p)
	return what
}

// bump gives a package of the lockfile another of its versions.
func (s *story) bump(p *checkout) string {
	s.t.Helper()
	locked := s.locked(p)
	m := locked[s.rng.IntN(len(locked))]
	c := s.g.crate(m[1])
	version := c.versions[0].version
	if version == m[2] {
		version = c.versions[1].version
	}
	p.Must("cargo", "update", "--quiet", "--package="+c.name, "--precise="+version)
	return "bump " + c.name + " to " + version
}

// merge gives half of the packages of p's lockfile the versions that another
// checkout's has.
func (s *story) merge(p *checkout) string {
	s.t.Helper()
	q := p
	for q == p {
		q = s.checkouts[s.rng.IntN(len(s.checkouts))]
	}
	other := map[string]string{}
	for _, m := range s.locked(q) {
		other[m[1]] = m[2]
	}
	for _, m := range s.locked(p) {
		name, version := m[1], other[m[1]]
		if version == "" || version == m[2] || s.rng.IntN(2) == 0 {
			continue
		}
		// Without need for the one before it may be gone.
		if slices.ContainsFunc(s.locked(p), func(m []string) bool { return m[1] == name }) {
			p.Must("cargo", "update", "--quiet", "--package="+name, "--precise="+version)
		}
	}
	return "merge " + q.Name()
}

// edit gives a source of the checkout a new text.
func (s *story) edit(p *checkout) string {
	s.t.Helper()
	file := members[s.rng.IntN(len(members))] + "/src/text.txt"
	p.Write(file, s.next())
	return file
}

// restore restores and grafts, in one of the ways that come to the same.
func (s *story) restore(p *checkout) {
	s.t.Helper()
	ids := s.layerIDs(p)
	layer := "--from=" + ids[s.rng.IntN(len(ids))]
	var args []string
	switch s.rng.IntN(4) {
	case 0:
		args = []string{"--no-graft"}
	case 1:
		args = []string{layer}
	case 2:
		args = []string{layer, "--no-graft"}
	}
	g, ok := p.restore(args...)
	if !ok {
		s.t.Fatalf("%s: restore %q finds no layer", p.Name(), args)
	}
	s.grafted += g.Grafted
	s.t.Logf("%s: restore %q grafted %d", p.Name(), args, g.Grafted)
	if len(args) == 0 && s.rng.IntN(2) == 0 {
		return
	}
	if s.rng.IntN(3) == 0 {
		// What is grafted then stands on units that were compiled here.
		member := members[s.rng.IntN(len(members))]
		s.t.Logf("%s: build %s", p.Name(), member)
		p.Must("cargo", "build", "--quiet", "--package="+member)
	}
	if s.rng.IntN(3) == 0 {
		s.graft(p, "--from="+ids[s.rng.IntN(len(ids))])
	}
	if locked := s.locked(p); s.rng.IntN(3) == 0 {
		s.graft(p, locked[s.rng.IntN(len(locked))][1])
	}
	s.graft(p)
}

func (s *story) graft(p *checkout, args ...string) {
	s.t.Helper()
	g := p.answer(p.TryCow(append([]string{"graft"}, args...)...), "graft")
	s.grafted += g.Grafted
	s.t.Logf("%s: graft %q grafted %d", p.Name(), args, g.Grafted)
}

// locked are the names and versions of the lockfile's packages that are not
// members.
func (s *story) locked(p *checkout) [][]string {
	s.t.Helper()
	return slices.DeleteFunc(lockedVersion.FindAllStringSubmatch(p.Read("Cargo.lock"), -1), func(m []string) bool {
		return slices.Contains(members, m[1])
	})
}

func (s *story) layerIDs(p *checkout) []string {
	s.t.Helper()
	var ids []string
	for _, l := range p.Cow("list") {
		if l["reason"] == "layer" {
			ids = append(ids, l["layer"].(string))
		}
	}
	if len(ids) == 0 {
		s.t.Fatal("the store has no layer")
	}
	return ids
}
