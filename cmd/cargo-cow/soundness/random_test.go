package soundness

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

const (
	// rounds bounds one run of TestRandom; -count=N gives N times as many, each
	// with seeds of its own. Two are enough to keep it running: what chance finds,
	// hack/differential finds.
	rounds = 2
	// steps is enough for a layer to be restored, built upon, snapshot and
	// restored elsewhere.
	steps = 14
)

var lastSeed atomic.Uint64

// TestRandom: in random workspaces, after random edits, builds, snapshots,
// restores and switches among three checkouts, the built program is that of a
// clean build.
// A failure names its seed; the steps are in its log.
func TestRandom(t *testing.T) {
	dir := btrfs(t)
	for range rounds {
		seed := lastSeed.Add(1)
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, filepath.Join(dir, fmt.Sprint(seed)), seed)
			s.w.origin.Cow("init")
			s.w.origin.Cow("hook", "install", "--switch")
			for range steps {
				s.step()
			}
			for _, p := range s.checkouts {
				s.check(p)
			}
			s.checkClean(s.checkouts[s.rng.IntN(len(s.checkouts))])
		})
	}
}

// A story is one random run. The program of each checkout prints every input of
// every package, so what it should print is read from the checkout's files.
type story struct {
	t         *testing.T
	w         *world
	rng       *rand.Rand
	packages  []randomPackage // each may depend on those before it; the last is app
	checkouts []*fixture.Checkout
	commits   []string
	value     int
	layers    int
}

type randomPackage struct {
	name    string
	depends []int
	inputs  []randomInput
	dir     bool // prints CARGO_MANIFEST_DIR too
}

// A randomInput is a file whose text a package prints.
type randomInput struct {
	name string // from the checkout's root
	// hidden from cargo: it misses an edit even where nothing was ever restored.
	hidden bool
}

func newStory(t *testing.T, dir string, seed uint64) *story {
	t.Helper()
	s := &story{t: t, w: newWorld(t, dir), rng: rand.New(rand.NewPCG(seed, 0))}
	members := []string{`"reader"`}
	for i := range 3 + s.rng.IntN(2) {
		members = append(members, fmt.Sprintf("%q", s.addPackage(i)))
	}
	s.addApp()
	members = append(members, `"app"`)
	s.w.Write("a/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = ["+strings.Join(members, ", ")+"]\n")
	s.w.Write("a/shared.txt", s.next())
	s.w.Write("a/reader/Cargo.toml", manifest("reader")+"[lib]\nproc-macro = true\n")
	s.w.Write("a/reader/src/lib.rs", readerMacro)
	s.w.commit()
	s.checkouts = []*fixture.Checkout{s.w.origin}
	for _, name := range []string{"b", "c"} {
		p := s.w.origin.Worktree(name)
		s.checkouts = append(s.checkouts, p)
	}
	return s
}

// readerMacro reads a file of the package that calls it and tells nobody.
const readerMacro = `
use proc_macro::TokenStream;
#[proc_macro]
pub fn read(_: TokenStream) -> TokenStream {
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    format!("{:?}", std::fs::read_to_string(dir + "/macro.txt").unwrap()).parse().unwrap()
}
`

func manifest(name string) string {
	return fmt.Sprintf("[package]\nname = %q\nedition = \"2024\"\n", name)
}

// next is a text that no file had before.
func (s *story) next() string {
	s.value++
	return fmt.Sprint(s.value)
}

func (s *story) addPackage(i int) string {
	p := randomPackage{name: fmt.Sprintf("p%d", i), dir: s.rng.IntN(4) == 0}
	toml := manifest(p.name) + "[dependencies]\n"
	for j := range i {
		if s.rng.IntN(2) == 0 {
			p.depends = append(p.depends, j)
			toml += fmt.Sprintf("p%d = { path = \"../p%d\" }\n", j, j)
		}
	}
	var pieces []string
	input := func(in randomInput, piece string) {
		p.inputs = append(p.inputs, in)
		pieces = append(pieces, piece)
	}
	// A module, a text inside the package and one outside.
	s.w.Write("a/"+p.name+"/src/text.txt", s.next())
	input(randomInput{name: p.name + "/src/text.txt"}, `include_str!("text.txt")`)
	if s.rng.IntN(2) == 0 {
		input(randomInput{name: "shared.txt"}, `include_str!("../../shared.txt")`)
	}
	if s.rng.IntN(3) == 0 {
		s.w.Write("a/"+p.name+"/macro.txt", s.next())
		input(randomInput{p.name + "/macro.txt", true}, "reader::read!()")
		toml += "reader = { path = \"../reader\" }\n"
	}
	if body, in := s.script(p.name); body != "" {
		s.w.Write("a/"+p.name+"/build.rs", body)
		input(in, `include_str!(concat!(env!("OUT_DIR"), "/copy.txt"))`)
	}
	if p.dir {
		pieces = append(pieces, `env!("CARGO_MANIFEST_DIR")`)
	}
	source := "pub fn text() -> String {\n    let mut all = [" + strings.Join(pieces, ", ") + "].join(\",\");\n"
	for _, j := range p.depends {
		source += fmt.Sprintf("    all += &format!(\"({})\", p%d::text());\n", j)
	}
	s.w.Write("a/"+p.name+"/src/lib.rs", source+"    all\n}\n")
	s.w.Write("a/"+p.name+"/Cargo.toml", toml)
	s.packages = append(s.packages, p)
	return p.name
}

// script picks a build script that copies a file to OUT_DIR, and what it says to
// cargo about it.
func (s *story) script(pkg string) (body string, in randomInput) {
	in.name = pkg + "/data.txt"
	path, watch := `"data.txt"`, ""
	switch s.rng.IntN(6) {
	case 0:
		watch = `println!("cargo::rerun-if-changed=data.txt");`
	case 1: // no rerun-if at all
	case 2:
		watch = `println!("cargo::rerun-if-changed=build.rs");`
		in.hidden = true
	case 3:
		in.name, path = "shared.txt", `"../shared.txt"`
		watch = `println!("cargo::rerun-if-changed={}", std::fs::canonicalize("../shared.txt").unwrap().display());`
	default:
		return "", in
	}
	if in.name != "shared.txt" {
		s.w.Write("a/"+in.name, s.next())
	}
	return fmt.Sprintf(`fn main() {
    %s
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::copy(%s, out.join("copy.txt")).unwrap();
}
`, watch, path), in
}

func (s *story) addApp() {
	toml, source := manifest("app")+"[dependencies]\n", "fn main() {\n"
	app := randomPackage{name: "app"}
	for i := range s.packages {
		app.depends = append(app.depends, i)
		toml += fmt.Sprintf("p%d = { path = \"../p%d\" }\n", i, i)
		source += fmt.Sprintf("    println!(\"{}\", p%d::text());\n", i)
	}
	s.w.Write("a/app/Cargo.toml", toml)
	s.w.Write("a/app/src/main.rs", source+"}\n")
}

// want is what app prints when it is built from the files of p.
func (s *story) want(p *fixture.Checkout) string {
	var lines []string
	for i := range s.packages {
		lines = append(lines, s.text(p, i))
	}
	return strings.Join(lines, "\n")
}

func (s *story) text(p *fixture.Checkout, i int) string {
	s.t.Helper()
	pkg := s.packages[i]
	var pieces []string
	for _, in := range pkg.inputs {
		data, err := os.ReadFile(p.Path(in.name))
		if err != nil {
			s.t.Fatal(err)
		}
		pieces = append(pieces, string(data))
	}
	if pkg.dir {
		pieces = append(pieces, p.Path(pkg.name))
	}
	text := strings.Join(pieces, ",")
	for _, j := range pkg.depends {
		text += "(" + s.text(p, j) + ")"
	}
	return text
}

// step does one random thing in one random checkout.
func (s *story) step() {
	s.t.Helper()
	p := s.checkouts[s.rng.IntN(len(s.checkouts))]
	name := p.Name()
	switch n := s.rng.IntN(12); {
	case n >= 10:
		s.switches(p)
	case n < 2:
		s.t.Logf("%s: edit %s", name, s.edit(p, false))
	case n < 3:
		if s.rng.IntN(3) == 0 { // the next layer has little, and others have the rest
			s.t.Logf("%s: cargo clean", name)
			p.Must("rm", "-rf", "target")
		}
		pkg := s.packages[s.rng.IntN(len(s.packages))].name
		args := [][]string{
			{"build", "--package=" + pkg}, {"check", "--workspace"}, {"test", "--workspace", "--no-run"}, {"build", "--release", "--workspace"},
		}[s.rng.IntN(4)]
		s.t.Logf("%s: %s only", name, strings.Join(args, " "))
		p.Build(args...)
	case n < 4:
		s.t.Logf("%s: build", name)
		s.check(p)
	case n < 7 || s.layers == 0:
		if n%2 == 0 {
			s.check(p)
		}
		if _, err := os.Stat(p.Path("target", "debug")); err != nil {
			s.check(p)
		}
		s.t.Logf("%s: snapshot", name)
		p.Cow("snapshot")
		s.layers++
	default:
		// Edits that cargo itself would miss in a checkout that is not restored
		// afterwards: of hidden inputs, and with an old time, as tar or a
		// checkout from before leaves them.
		var old []string
		for range s.rng.IntN(3) {
			edited := s.edit(p, true)
			s.w.touch(time.Now().Add(-time.Hour), filepath.Join(name, edited))
			old = append(old, edited)
		}
		s.t.Logf("%s: edit in the past %q, restore", name, old)
		for _, line := range p.Cow("restore") {
			if line["grafted"] != nil {
				s.t.Logf("%s: %v units from other layers", name, line["grafted"])
			}
		}
		if s.rng.IntN(2) == 0 {
			s.t.Logf("%s: edit %s", name, s.edit(p, false))
		}
		s.check(p)
	}
}

// switches commits what lies in the checkout and goes to another commit of any of
// them. What cargo does not look at may differ there; that it is built anew is
// promised only where the state left was sealed.
func (s *story) switches(p *fixture.Checkout) {
	s.t.Helper()
	name := p.Name()
	p.Commit("more")
	s.commits = append(s.commits, p.Says("git", "rev-parse", "HEAD"))
	to := s.rng.IntN(len(s.commits))
	if _, err := os.Stat(p.Path("target", "debug")); err == nil && s.rng.IntN(2) == 0 {
		s.t.Logf("%s: commit %d, snapshot, git checkout %d", name, len(s.commits)-1, to)
		p.Cow("snapshot")
		s.layers++
		p.Must("git", "checkout", "--quiet", "--detach", s.commits[to])
	} else {
		s.t.Logf("%s: commit %d, switch to %d", name, len(s.commits)-1, to)
		p.Cow("switch", "--detach", s.commits[to])
	}
	if s.rng.IntN(2) == 0 {
		s.t.Logf("%s: edit %s", name, s.edit(p, false))
	}
	s.check(p)
}

// edit gives a random input of the checkout a new text.
func (s *story) edit(p *fixture.Checkout, hidden bool) string {
	s.t.Helper()
	for {
		pkg := s.packages[s.rng.IntN(len(s.packages))]
		in := pkg.inputs[s.rng.IntN(len(pkg.inputs))]
		if in.hidden && !hidden {
			continue
		}
		s.w.Write(filepath.Join(p.Name(), in.name), s.next())
		return in.name
	}
}

// check builds in the checkout and compares what the program prints.
func (s *story) check(p *fixture.Checkout) {
	s.t.Helper()
	if got, want := p.Runs("app", "build"), s.want(p); got != want {
		s.t.Fatalf("%s: stale: app prints\n%s\nwant\n%s", p.Name(), got, want)
	}
	if _, err := os.Stat(p.Path("target", "release")); err != nil {
		return
	}
	if got, want := p.Runs("app", "build", "--release"), s.want(p); got != want {
		s.t.Fatalf("%s: stale: app prints with --release\n%s\nwant\n%s", p.Name(), got, want)
	}
}

// checkClean compares the expectation itself with a clean build.
func (s *story) checkClean(p *fixture.Checkout) {
	s.t.Helper()
	if err := os.Rename(p.Path("target"), s.w.Path("aside")); err != nil {
		s.t.Fatal(err)
	}
	s.check(p)
}
