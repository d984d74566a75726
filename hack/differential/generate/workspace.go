// Package generate makes up histories: a workspace whose packages have habits, each a way in which real packages let
// something decide what they compile to, and steps that change those things, build, and have the tool keep and give
// back build states. The same seed gives the same workspace, and the same steps as long as they go the same way. A
// value of this package is for one goroutine.
//
// Every program and test prints lines KEY=VALUE, a key for each habit of each package, so that what is wrong names what
// was missed. Lines of source that a habit has added end in a comment @KEY: without them the workspace lacks just it.
package generate

import (
	"fmt"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// Options say what workspaces may have.
type Options struct {
	// Published: now and then packages of the crates registry, which have to be in cargo's home already.
	Published bool
	// Toolchain as rustup calls it, "" for the one that is active.
	Toolchain string
	// Others are toolchains that a checkout may change to.
	Others []string
	// Automatic: nobody types a command of the tool's, which acts by itself.
	Automatic bool
}

// workspace makes up a workspace.
func (b *builder) workspace(opt Options) {
	n := 2 + b.rng.IntN(3)
	for i := range n {
		p := &pkg{name: fmt.Sprintf("p%d", i)}
		p.dir = "a/" + p.name
		for _, q := range b.packages {
			if b.chance(2) {
				b.depend(p, q)
			}
		}
		for range 1 + b.rng.IntN(3) {
			b.habit(p)
		}
		if b.chance(2) {
			b.scriptHabit(p)
		}
		b.packages = append(b.packages, p)
	}
	if b.chance(4) {
		b.outside()
	}
	if opt.Published {
		b.published(b.packages[b.rng.IntN(n)])
	}
	b.profile(opt)
	b.write()
}

// outside adds a package beside all checkouts, which one of the members uses.
func (b *builder) outside() {
	p := b.packages[b.rng.IntN(len(b.packages))]
	const key = "ext.text"
	b.files["ext/dep/Cargo.toml"] = "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"
	b.files["ext/dep/src/lib.rs"] = "pub fn text() -> &'static str { include_str!(\"text.txt\") }\n"
	b.files["ext/dep/src/text.txt"] = b.value()
	marked(&p.deps, "#", key, `dep = { path = "../../ext/dep" }`)
	p.tells(key, "dep::text()")
	b.input(history.Input{Key: key, Kind: history.File, Name: "../ext/dep/src/text.txt"}, "write", raw)
}

// profile picks how the build directory is laid out and what cargo is told in general.
func (b *builder) profile(opt Options) {
	if opt.Toolchain != "" {
		b.settings = append(b.settings, history.Step{"set", "RUSTUP_TOOLCHAIN", opt.Toolchain})
	}
	switch {
	case opt.Toolchain == "nightly" && b.chance(2):
		b.settings = append(b.settings, history.Step{"set", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT", "true"})
	case opt.Toolchain == "beta" && b.chance(2):
		b.settings = append(b.settings, history.Step{"set", "__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT", "1"})
	}
	switch b.rng.IntN(10) {
	case 0:
		if opt.Toolchain != "1.85.1" { // build.build-dir is younger
			b.config = append(b.config, "[build]", `build-dir = "intermediate"`)
		}
	case 1:
		b.config = append(b.config, "[build]", `target = "x86_64-unknown-linux-gnu"`)
	case 2:
		b.config = append(b.config, "[build]", `incremental = false`)
	}
}

// userConfig is where a history has the user's configuration of cargo-cow.
const userConfig = "config/cargo-cow/config.yaml"

// compress has one history in four compress its build directories. It asks no chance, so that all else of a seed is as
// without.
func (b *builder) compress(seed uint64) {
	if seed%4 == 3 {
		b.files[userConfig] = "compression: zstd\n"
	}
}

const manifestHead = "[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n"

// write writes all packages.
func (b *builder) write() {
	members := []string{}
	for _, p := range b.packages {
		members = append(members, fmt.Sprintf("%q, #@use-%s", p.name, p.name))
		b.writePackage(p)
	}
	members = append(members, `"app",`)
	b.writeApp()
	if b.macros {
		members = append(members, `"reader",`)
		b.files["a/reader/Cargo.toml"] = fmt.Sprintf(manifestHead, "reader") + "[lib]\nproc-macro = true\ndoctest = false\n"
		b.files["a/reader/src/lib.rs"] = readerMacros
	}
	if b.tools {
		members = append(members, `"tools",`)
		b.files["a/tools/Cargo.toml"] = fmt.Sprintf(manifestHead, "tools") + "[lib]\ndoctest = false\n"
		b.files["a/tools/src/lib.rs"] = hashTools
	}
	debug := []string{"0", `"line-tables-only"`, "2"}[b.rng.IntN(3)]
	root := "[workspace]\nresolver = \"2\"\nmembers = [\n    " + strings.Join(members, "\n    ") + "\n]\nexclude = [\"target\"]\n" +
		"[profile.dev]\ndebug = " + debug + "\n[profile.fast]\ninherits = \"release\"\n"
	if b.patched {
		root += "[patch.crates-io]\nitoa = { path = \"../ext/itoa\" }\n"
	}
	b.files["a/Cargo.toml"] = root + describe(b.value())
	b.sites = append(b.sites, site{history.Input{Kind: history.File, Name: "Cargo.toml"}, "describe", nil})
	b.files["a/.gitignore"] = "/target\n/intermediate\n.env\n/*/src/gen.rs\n"
	b.files["a/.rustfmt.toml"] = "" // something nobody reads
	if len(b.env) > 0 {
		b.config = append(append(b.config, "[env]"), b.env...)
	}
	if len(b.config) > 0 {
		b.files["a/.cargo/config.toml"] = strings.Join(b.config, "\n") + "\n"
	}
}

func describe(value string) string {
	return "[workspace.package]\ndescription = \"described " + value + "\"\n"
}

func (b *builder) writePackage(p *pkg) {
	toml := fmt.Sprintf(manifestHead, p.name) + "description.workspace = true\n"
	toml += joined(p.head) + "[lib]\ndoctest = false\n"
	if b.chance(8) {
		toml += "crate-type = [\"rlib\", \"cdylib\"]\n"
	}
	toml += "[features]\n" + joined(p.features) + "[dependencies]\n" + joined(p.deps) + "[build-dependencies]\n" + joined(p.buildDeps)
	b.files[p.dir+"/Cargo.toml"] = toml
	if len(p.script) > 0 {
		b.files[p.dir+"/build.rs"] = "#![allow(unused)]\nfn main() {\n    let out = std::path::PathBuf::from(std::env::var_os(\"OUT_DIR\").unwrap());\n    let here = std::env::current_dir().unwrap();\n    " +
			strings.Join(p.script, "\n    ") + "\n}\n"
	}
	b.files[p.dir+"/src/lib.rs"] = "#![allow(unused, unexpected_cfgs)]\n" + joined(p.items) +
		"pub fn text() -> Vec<String> {\n    let mut all: Vec<String> = Vec::new();\n    " + strings.Join(p.lines, "\n    ") + "\n    all\n}\n" +
		"#[cfg(test)]\nmod tests {\n    #[test]\n    fn tells() { for line in super::text() { println!(\"\\n{line}\"); } }\n" + joined(p.tests) + "}\n"
}

// writeApp writes the program that uses all packages, with an example and a test that runs it.
func (b *builder) writeApp() {
	toml := fmt.Sprintf(manifestHead, "app") + "[dependencies]\n"
	var uses strings.Builder
	for _, p := range b.packages {
		toml += fmt.Sprintf("%s = { path = \"../%s\" } #@use-%s\n", p.name, p.name, p.name)
		fmt.Fprintf(&uses, "    all.extend(%s::text()); //@use-%s\n", p.name, p.name)
	}
	b.files["a/app/Cargo.toml"] = toml
	tell := "    let mut all: Vec<String> = Vec::new();\n" + uses.String() + "    all.sort();\n    all.dedup();\n    for line in all { println!(\"{line}\"); }\n"
	b.files["a/app/src/main.rs"] = "fn main() {\n" + tell + "}\n"
	if b.chance(3) {
		first := b.packages[0].name
		b.files["a/app/examples/show.rs"] = "fn main() {\n    for line in " + first + "::text() { println!(\"{line}\"); } //@use-" + first + "\n}\n"
	}
	if b.chance(3) {
		b.files["a/app/tests/run.rs"] = `#[test]
fn runs() {
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    println!("\n{}", String::from_utf8(said.stdout).unwrap());
    println!("\napp.exe={}", env!("CARGO_BIN_EXE_app"));
}
`
	}
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
