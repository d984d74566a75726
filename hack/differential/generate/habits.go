package generate

import (
	"fmt"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// habit gives p one more way of depending on something, without a build script.
func (b *builder) habit(p *pkg) {
	habits := []func(*pkg){
		b.text, b.text, b.shared, b.module, b.directory, b.runtimeFile, b.directoryHash, b.link, b.feature, b.described,
		b.macroFile, b.macroEnv, b.macroTree, b.macroPlace, b.macroIncludes, b.configValue, b.variable, b.primary, b.fixture, b.fileName,
	}
	habits[b.rng.IntN(len(habits))](p)
}

// key is the key of p's habit, and whether p has it already.
func (b *builder) key(p *pkg, habit string) (key string, taken bool) {
	key = p.name + "." + habit
	for _, in := range b.inputs {
		taken = taken || in.Key == key
	}
	for _, line := range p.lines {
		taken = taken || len(line) > len(key) && line[len(line)-len(key):] == key
	}
	return key, taken
}

// text: a file of the package is included.
func (b *builder) text(p *pkg) {
	if key, taken := b.key(p, "text"); !taken {
		b.file(key, p.name+"/src/text.txt", false, raw)
		p.tells(key, `include_str!("text.txt").trim()`)
	}
}

// shared: a file beside all packages is included.
func (b *builder) shared(p *pkg) {
	if key, taken := b.key(p, "shared"); !taken {
		b.file(key, "shared.txt", false, raw)
		p.tells(key, `include_str!("../../shared.txt").trim()`)
	}
}

// module: a module in a file of its own, beside which another of its name may come to lie: then nothing builds, and
// cargo does not see it.
func (b *builder) module(p *pkg) {
	key, taken := b.key(p, "module")
	if taken {
		return
	}
	b.file(key, p.name+"/src/inner.rs", false, func(v string) string { return fmt.Sprintf("pub const V: &str = %q;", v) })
	marked(&p.items, "//", key, "mod inner;")
	p.tells(key, "inner::V")
	b.input(history.Input{Key: key + ".shadow", Hidden: true, Kind: history.File, Name: p.name + "/src/inner/mod.rs"}, "shadow", nil)
}

// directory: where the package lies becomes part of the program.
func (b *builder) directory(p *pkg) {
	if key, taken := b.key(p, "directory"); !taken {
		p.tells(key, `env!("CARGO_MANIFEST_DIR")`)
	}
}

// runtimeFile: where the package lies is known to the program, which reads a file there.
func (b *builder) runtimeFile(p *pkg) {
	if key, taken := b.key(p, "runtime"); !taken {
		b.file(key, p.name+"/runtime.txt", false, raw)
		p.tells(key, `std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime.txt")).unwrap_or_default().trim()`)
	}
}

// directoryHash: what another package's macro makes of the directory; neither text nor bytes show it.
func (b *builder) directoryHash(p *pkg) {
	if key, taken := b.key(p, "hash"); !taken {
		b.tools = true
		marked(&p.deps, "#", key, `tools = { path = "../tools" }`)
		p.tells(key, "tools::hash_of_directory!()")
	}
}

const hashTools = `pub const fn hash(text: &str) -> u64 {
    let (bytes, mut h, mut i) = (text.as_bytes(), 14695981039346656037u64, 0);
    while i < bytes.len() { h = (h ^ bytes[i] as u64).wrapping_mul(1099511628211); i += 1; }
    h
}
#[macro_export]
macro_rules! hash_of_directory { () => {{ const H: u64 = $crate::hash(env!("CARGO_MANIFEST_DIR")); H }} }
`

// link: a source is a symbolic link.
func (b *builder) link(p *pkg) {
	key, taken := b.key(p, "link")
	if taken {
		return
	}
	for _, name := range []string{"one", "two"} {
		b.files[p.dir+"/src/"+name+".txt"] = p.name + " " + name
	}
	b.settings = append(b.settings, history.Step{"link", "a", p.name + "/src/link.txt", "one.txt"})
	p.tells(key, `include_str!("link.txt").trim()`)
	b.input(history.Input{Key: key, Hidden: true, Kind: history.File, Name: p.name + "/src/link.txt"}, "link", nil)
	b.input(history.Input{Key: key, Kind: history.File, Name: p.name + "/src/one.txt"}, "write", raw)
}

// feature: whether a feature is on.
func (b *builder) feature(p *pkg) {
	if key, taken := b.key(p, "feature"); !taken {
		marked(&p.features, "#", key, "extra = []")
		p.tells(key, `cfg!(feature = "extra")`)
		b.features = append(b.features, p.name+"/extra")
	}
}

// described: a value that the package inherits from its workspace.
func (b *builder) described(p *pkg) {
	if key, taken := b.key(p, "described"); !taken {
		p.tells(key, `env!("CARGO_PKG_DESCRIPTION")`)
		b.inputs = append(b.inputs, history.Input{Key: key, Kind: history.File, Name: "Cargo.toml"})
	}
}

// variable: a variable of the environment, which rustc notes.
func (b *builder) variable(p *pkg) {
	if key, taken := b.key(p, "variable"); !taken {
		p.tells(key, `option_env!("TOLD").unwrap_or("unset")`)
		b.input(history.Input{Key: key, Kind: history.Env, Name: "TOLD"}, "env", raw)
	}
}

// configValue: a variable that cargo's configuration sets.
func (b *builder) configValue(p *pkg) {
	if key, taken := b.key(p, "configured"); !taken {
		name := "CONFIGURED_" + p.name
		marked(&b.env, "#", key, fmt.Sprintf("%s = \"first\"", name))
		p.tells(key, fmt.Sprintf("env!(%q)", name))
	}
}

// primary: whether cargo was asked for this package, which it tells rustc and does not look at again.
func (b *builder) primary(p *pkg) {
	if key, taken := b.key(p, "primary"); !taken {
		p.tells(key, `option_env!("CARGO_PRIMARY_PACKAGE").is_some()`)
		b.inputs = append(b.inputs, history.Input{Key: key, Hidden: true, Kind: history.Args})
	}
}

// fixture: a test reads a file of its package.
func (b *builder) fixture(p *pkg) {
	key, taken := b.key(p, "fixture")
	if taken || len(p.tests) > 0 {
		return
	}
	b.file(key, p.name+"/fixture.txt", false, raw)
	marked(&p.tests, "//", key, fmt.Sprintf("    #[test]\n    fn reads() { println!(\"\\n%s={}\", std::fs::read_to_string(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/fixture.txt\")).unwrap_or_default().trim()); }", key))
}

// fileName: how rustc calls the source.
func (b *builder) fileName(p *pkg) {
	if key, taken := b.key(p, "file"); !taken {
		p.tells(key, "file!()")
	}
}

// usesMacros makes the package of procedural macros a dependency of p.
func (b *builder) usesMacros(p *pkg, key string) {
	b.macros = true
	for _, line := range p.deps {
		if len(line) > 6 && line[:6] == "reader" {
			return
		}
	}
	// Not marked: another habit of the package may use it, too.
	p.deps = append(p.deps, `reader = { path = "../reader" }`)
}

// readerMacros read things and tell nobody, but for include_it.
const readerMacros = `use proc_macro::{TokenStream, TokenTree};
fn argument(input: TokenStream) -> String {
    match input.into_iter().next() { Some(TokenTree::Literal(l)) => l.to_string().trim_matches('"').to_string(), _ => panic!("a literal") }
}
fn directory() -> String { std::env::var("CARGO_MANIFEST_DIR").unwrap() }
fn literal(text: String) -> TokenStream { format!("{:?}", text).parse().unwrap() }
#[proc_macro]
pub fn read(input: TokenStream) -> TokenStream {
    literal(std::fs::read_to_string(directory() + "/" + &argument(input)).unwrap_or_else(|_| "none".into()).trim().into())
}
#[proc_macro]
pub fn variable(input: TokenStream) -> TokenStream { literal(std::env::var(argument(input)).unwrap_or_else(|_| "unset".into())) }
#[proc_macro]
pub fn list(input: TokenStream) -> TokenStream {
    let mut names: Vec<String> = std::fs::read_dir(directory() + "/" + &argument(input)).map(|d| d.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()).unwrap_or_default();
    names.sort();
    literal(names.join(" "))
}
#[proc_macro]
pub fn place(_: TokenStream) -> TokenStream { literal(directory()) }
#[proc_macro]
pub fn include_it(input: TokenStream) -> TokenStream { format!("include_str!({:?})", directory() + "/" + &argument(input)).parse().unwrap() }
`

// macroFile: a macro reads a file of the package that uses it.
func (b *builder) macroFile(p *pkg) {
	if key, taken := b.key(p, "macro-file"); !taken {
		b.usesMacros(p, key)
		b.file(key, p.name+"/macro.txt", true, raw)
		p.tells(key, `reader::read!("macro.txt")`)
	}
}

// macroEnv: a macro reads a variable.
func (b *builder) macroEnv(p *pkg) {
	if key, taken := b.key(p, "macro-env"); !taken {
		b.usesMacros(p, key)
		p.tells(key, `reader::variable!("SILENT")`)
		b.input(history.Input{Key: key, Hidden: true, Kind: history.Env, Name: "SILENT"}, "env", raw)
	}
}

// macroTree: a macro lists a directory.
func (b *builder) macroTree(p *pkg) {
	if key, taken := b.key(p, "macro-list"); !taken {
		b.usesMacros(p, key)
		b.files[p.dir+"/listed/first"] = "1"
		p.tells(key, `reader::list!("listed")`)
		b.input(history.Input{Key: key, Hidden: true, Kind: history.Tree, Name: p.name + "/listed"}, "tree", nil)
	}
}

// macroPlace: a macro puts the package's directory into the program.
func (b *builder) macroPlace(p *pkg) {
	if key, taken := b.key(p, "macro-place"); !taken {
		b.usesMacros(p, key)
		p.tells(key, `reader::place!()`)
	}
}

// macroIncludes: a macro has rustc include a file by its absolute path.
func (b *builder) macroIncludes(p *pkg) {
	if key, taken := b.key(p, "macro-include"); !taken {
		b.usesMacros(p, key)
		b.file(key, p.name+"/included.txt", false, raw)
		p.tells(key, `reader::include_it!("included.txt").trim()`)
	}
}
