package divergence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A grove is a registry of small crates, each in several versions. A crate's
// text is its name, its version and the texts of what it depends on, so that a
// program says which builds of which versions it was put together from.
type grove struct {
	fixture.Directory
	home   string // CARGO_HOME, with all of the registry in it
	crates []crate
}

type crate struct {
	name string
	// macro: a procedural macro, whose expansion is the text.
	macro bool
	// script: the version comes from a build script, by way of OUT_DIR.
	script bool
	// loud: has a feature of that name, which shows in the text.
	loud bool
	// real crates are published by others. Their text is the directory that the
	// location of a panic names; panic is an expression that does.
	panic    string
	req      string // the requirement its versions meet
	versions []release
}

type release struct {
	version string
	depends []string
}

// groveCrates are the crates of the grove's own. Each depends on earlier ones
// only, and on few, so that most bumps leave something alone.
var groveCrates = []crate{
	{name: "ash", versions: []release{{"1.0.0", nil}, {"1.1.0", nil}}},
	{name: wild, script: true, versions: []release{{"1.0.0", nil}, {"1.1.0", nil}}},
	{name: "birch", versions: []release{{"1.0.0", []string{"ash"}}, {"1.1.0", []string{"ash"}}}},
	{name: "cedar", versions: []release{{"1.0.0", []string{"birch"}}, {"1.1.0", []string{"ash"}}}},
	{name: "elm", macro: true, versions: []release{{"1.0.0", []string{"ash"}}, {"1.1.0", []string{"ash", "birch"}}}},
	{name: "fir", script: true, versions: []release{{"1.0.0", nil}, {"1.1.0", []string{"birch"}}}},
	{name: "larch", versions: []release{{"1.0.0", []string{"cedar", wild}}, {"1.1.0", []string{wild}}}},
	{name: "maple", loud: true, versions: []release{{"1.0.0", []string{"birch"}}, {"1.1.0", []string{"birch", "cedar"}}}},
	{name: "pine", versions: []release{{"1.0.0", []string{wild}}, {"1.1.0", []string{"elm", wild}}}},
	{name: "yew", versions: []release{{"1.0.0", []string{"larch", "pine"}}, {"1.1.0", []string{"maple", "pine"}}}},
}

// wild is a crate no two builds of which are the same, by what its build script
// writes: rustc takes what was built with one of them for no other.
const wild = "oak"

// realCrates are crates of the public registry.
var realCrates = []crate{
	{name: "bytes", req: "1", panic: `bytes::Bytes::new().slice(1..)`, versions: []release{{version: "1.10.1"}, {version: "1.11.0"}}},
	{name: "arrayvec", req: "0.7", panic: `arrayvec::ArrayVec::<u8, 1>::new().remove(0)`, versions: []release{{version: "0.7.4"}, {version: "0.7.6"}}},
	{name: "smallvec", req: "1", panic: `smallvec::SmallVec::<[u8; 1]>::new().remove(0)`, versions: []release{{version: "1.13.2"}, {version: "1.15.1"}}},
}

// newGrove publishes a grove in dir and has cargo fetch all of it.
func newGrove(t testing.TB, dir string) *grove {
	t.Helper()
	g := &grove{Directory: fixture.Directory{T: t, Dir: dir}, home: filepath.Join(dir, "home")}
	for _, c := range groveCrates {
		c.req = "1"
		g.crates = append(g.crates, c)
	}
	g.publish()
	g.crates = append(g.crates, realCrates...)
	g.makeHome()
	g.fetch()
	return g
}

func (g *grove) crate(name string) crate {
	return g.crates[slices.IndexFunc(g.crates, func(c crate) bool { return c.name == name })]
}

func (g *grove) index() string { return "file://" + g.Path("index") }

// publish writes the index, a git repository, and the packages
// (https://doc.rust-lang.org/cargo/reference/registry-index.html).
func (g *grove) publish() {
	g.T.Helper()
	g.Write("index/config.json", fmt.Sprintf(`{"dl": "file://%s/{crate}-{version}.crate"}`, g.Path("packages")))
	for _, c := range g.crates {
		var lines string
		for _, r := range c.versions {
			data := g.pack(c, r)
			g.Write("packages/"+c.name+"-"+r.version+".crate", string(data))
			sum := sha256.Sum256(data)
			type dep struct {
				Name            string   `json:"name"`
				Req             string   `json:"req"`
				Features        []string `json:"features"`
				Optional        bool     `json:"optional"`
				DefaultFeatures bool     `json:"default_features"`
				Target          *string  `json:"target"`
				Kind            string   `json:"kind"`
			}
			deps, features := []dep{}, map[string][]string{}
			for _, d := range r.depends {
				deps = append(deps, dep{d, "1", []string{}, false, true, nil, "normal"})
			}
			if c.loud {
				features["loud"] = []string{}
			}
			line, err := json.Marshal(map[string]any{
				"name": c.name, "vers": r.version, "deps": deps, "cksum": hex.EncodeToString(sum[:]), "features": features, "yanked": false,
			})
			if err != nil {
				g.T.Fatal(err)
			}
			lines += string(line) + "\n"
		}
		dir := "3/" + c.name[:1]
		if len(c.name) > 3 {
			dir = c.name[:2] + "/" + c.name[2:4]
		}
		g.Write("index/"+dir+"/"+c.name, lines)
	}
	if err := project.Commit(g.T.Context(), g.Path("index"), "Publish"); err != nil {
		g.T.Fatal(err)
	}
}

// pack makes the package of a release.
func (g *grove) pack(c crate, r release) []byte {
	g.T.Helper()
	files := map[string]string{"Cargo.toml": fmt.Sprintf("[package]\nname = %q\nversion = %q\nedition = \"2024\"\n", c.name, r.version)}
	toml := "[dependencies]\n"
	for _, d := range r.depends {
		toml += fmt.Sprintf("%s = { version = \"1\", registry-index = %q }\n", d, g.index())
	}
	if c.macro {
		toml += "[lib]\nproc-macro = true\n"
	}
	if c.loud {
		toml += "[features]\nloud = []\n"
	}
	files["Cargo.toml"] += toml

	version := fmt.Sprintf("%q", r.version)
	if c.script {
		version = `include_str!(concat!(env!("OUT_DIR"), "/version.txt"))`
		files["build.rs"] = `use std::{env, fs, path::PathBuf, time::SystemTime};
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    fs::write(out.join("version.txt"), env::var("CARGO_PKG_VERSION").unwrap()).unwrap();
    let build = if ` + strconv.FormatBool(c.name == wild) + ` { SystemTime::now() } else { SystemTime::UNIX_EPOCH };
    fs::write(out.join("build.txt"), format!("{build:?}")).unwrap();
}
`
	}
	body := fmt.Sprintf("    let mut all = format!(\"%s-{}\", %s);\n", c.name, version)
	if c.loud {
		body += "    if cfg!(feature = \"loud\") { all += \"!\"; }\n"
	}
	for _, d := range r.depends {
		body += fmt.Sprintf("    all += &format!(\"({})\", %s);\n", g.crate(d).call())
		if d == wild {
			body += "    if " + d + "::BUILD != " + d + "::build() { all += \"[mixed]\"; }\n"
		}
	}
	// Of a function that is inlined or generic another crate has a copy.
	switch {
	case c.macro:
		files["src/lib.rs"] = "#[proc_macro]\npub fn text(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n" + body + "    format!(\"{all:?}\").parse().unwrap()\n}\n"
	case len(c.name)%2 == 0:
		files["src/lib.rs"] = "#[inline]\npub fn text() -> String {\n" + body + "    all\n}\n"
	default:
		files["src/lib.rs"] = "pub fn text() -> String {\n" + body + "    all\n}\n"
	}

	if c.name == wild {
		files["src/lib.rs"] += `pub const BUILD: &str = include_str!(concat!(env!("OUT_DIR"), "/build.txt"));
#[inline(never)]
pub fn build() -> &'static str { BUILD }
`
	}

	packed, err := fixture.Pack(c.name, r.version, files)
	if err != nil {
		g.T.Fatal(err)
	}
	return packed
}

// call is the Rust expression that gives the crate's text.
func (c crate) call() string {
	switch {
	case c.macro:
		return c.name + "::text!()"
	case c.panic != "":
		return fmt.Sprintf("crate::source_of(|| drop(%s))", c.panic)
	}
	return c.name + "::text()"
}

// toml is the crate's line in a manifest's table of dependencies. Features are
// for crates that are loud.
func (c crate) toml(loud bool) string {
	switch {
	case c.panic != "":
		return fmt.Sprintf("%s = %q\n", c.name, c.req)
	case loud:
		return fmt.Sprintf("%s = { version = \"1\", registry = \"grove\", features = [\"loud\"] }\n", c.name)
	}
	return fmt.Sprintf("%s = { version = \"1\", registry = \"grove\" }\n", c.name)
}

// makeHome makes a CARGO_HOME in which the grove is known, so that nothing of it
// gets into the user's. It shares nothing with that: cargo's lock on a registry lies
// in CARGO_HOME, and two cargos under two locks spoil each other's index.
func (g *grove) makeHome() {
	g.T.Helper()
	g.Write("home/config.toml", fmt.Sprintf("[registries.grove]\nindex = %q\n", g.index()))
}

// fetch downloads every release, after which all goes without the network.
func (g *grove) fetch() {
	g.T.Helper()
	w := newWorld(g.T, g.Path("fetch"), "CARGO_HOME="+g.home)
	for i := range 2 {
		p := w.at(fmt.Sprint(i))
		toml := "[package]\nname = \"all\"\nedition = \"2024\"\n[dependencies]\n"
		for _, c := range g.crates {
			toml += strings.Replace(c.toml(false), strconv.Quote(c.req), strconv.Quote("="+c.versions[i].version), 1)
		}
		p.Write("Cargo.toml", toml)
		p.Write("src/lib.rs", "")
		p.Must("cargo", "fetch", "--quiet")
	}
}

// text is what a crate says when versions are those of a lockfile. Of the build
// that runs on the host, in macros and scripts, features that the program switches
// on are none of.
func (g *grove) text(t testing.TB, versions map[string]string, name string, loud bool) string {
	t.Helper()
	c := g.crate(name)
	text := name + "-" + versions[name]
	if c.panic != "" {
		return text // of whichever version cargo has found
	}
	at := slices.IndexFunc(c.versions, func(r release) bool { return r.version == versions[name] })
	if at < 0 {
		t.Fatalf("the lockfile has %s %q", name, versions[name])
	}
	if c.loud && loud {
		text += "!"
	}
	for _, d := range c.versions[at].depends {
		text += "(" + g.text(t, versions, d, loud && !c.macro) + ")"
	}
	return text
}
