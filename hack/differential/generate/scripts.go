package generate

import (
	"fmt"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// scriptHabit gives p a build script. It has one habit, since what a script tells cargo to watch counts for all of it.
func (b *builder) scriptHabit(p *pkg) {
	habits := []func(*pkg, string){
		b.scriptCopies, b.scriptCopies, b.scriptOutside, b.scriptTree, b.scriptVariable, b.scriptValue, b.scriptFlag, b.scriptPath,
		b.scriptLibrary, b.scriptLibrary, b.scriptSource, b.scriptOnce, b.scriptCommit, b.scriptIgnored, b.scriptDescribed, b.scriptPlace, b.scriptClock,
		b.scriptConfigured, b.scriptHeader, b.scriptHeader,
	}
	n := b.rng.IntN(len(habits))
	key, taken := b.key(p, "script")
	if !taken {
		habits[n](p, key)
	}
}

// says adds statements to p's script.
func (p *pkg) says(key, statements string) { marked(&p.script, "//", key, statements) }

// tellsCopy has p print what its script left in OUT_DIR.
func (p *pkg) tellsCopy(key string) {
	p.tells(key, `include_str!(concat!(env!("OUT_DIR"), "/copy.txt")).trim()`)
}

const (
	watchData = `println!("cargo::rerun-if-changed=data.txt");`
	watchSelf = `println!("cargo::rerun-if-changed=build.rs");`
)

// copies has the script copy what the expression (a String) is.
func copies(expression string) string {
	return fmt.Sprintf("std::fs::write(out.join(\"copy.txt\"), %s).unwrap();", expression)
}

const readData = `std::fs::read_to_string("data.txt").unwrap_or_default()`

// scriptCopies: a file of the package, which the script says it watches, or says nothing about, or watches another.
func (b *builder) scriptCopies(p *pkg, key string) {
	way := b.rng.IntN(3)
	b.file(key, p.name+"/data.txt", way == 2, raw)
	p.says(key, []string{watchData, "", watchSelf}[way]+copies(readData))
	p.tellsCopy(key)
}

// scriptOutside: a file outside of the package, by its absolute path or not.
func (b *builder) scriptOutside(p *pkg, key string) {
	b.file(key, "shared.txt", false, raw)
	watch := `println!("cargo::rerun-if-changed=../shared.txt");`
	if b.chance(2) {
		watch = `println!("cargo::rerun-if-changed={}", std::fs::canonicalize("../shared.txt").unwrap().display());`
	}
	p.says(key, watch+copies(`std::fs::read_to_string("../shared.txt").unwrap_or_default()`))
	p.tellsCopy(key)
}

// scriptTree: a directory that the script watches.
func (b *builder) scriptTree(p *pkg, key string) {
	b.files[p.dir+"/watched/first"] = "1"
	p.says(key, `println!("cargo::rerun-if-changed=watched");
let mut names: Vec<String> = std::fs::read_dir("watched").map(|d| d.map(|e| { let e = e.unwrap(); format!("{}:{}", e.file_name().to_str().unwrap(), std::fs::read_to_string(e.path()).unwrap_or_default().trim()) }).collect()).unwrap_or_default();
names.sort();
`+copies(`names.join(" ")`))
	p.tellsCopy(key)
	b.input(history.Input{Key: key, Kind: history.Tree, Name: p.name + "/watched"}, "tree", nil)
}

// scriptVariable: a variable, which the script tells cargo of or not.
func (b *builder) scriptVariable(p *pkg, key string) {
	hidden := b.chance(2)
	watch := `println!("cargo::rerun-if-env-changed=TOLD");`
	if hidden {
		watch = watchSelf
	}
	p.says(key, watch+copies(`std::env::var("TOLD").unwrap_or_else(|_| "unset".into())`))
	p.tellsCopy(key)
	b.input(history.Input{Key: key, Hidden: hidden, Kind: history.Env, Name: "TOLD"}, "env", raw)
}

// scriptValue: a variable that the script sets for rustc.
func (b *builder) scriptValue(p *pkg, key string) {
	b.file(key, p.name+"/data.txt", false, raw)
	p.says(key, watchData+`println!("cargo::rustc-env=SCRIPTED={}", `+readData+`.trim());`)
	p.tells(key, `env!("SCRIPTED")`)
}

// scriptFlag: a cfg that the script sets.
func (b *builder) scriptFlag(p *pkg, key string) {
	b.file(key, p.name+"/data.txt", false, raw)
	p.says(key, watchData+`println!("cargo::rustc-cfg=digit=\"{}\"", `+readData+`.trim().len());
if `+readData+`.trim().ends_with(['0', '2', '4', '6', '8']) { println!("cargo::rustc-cfg=even"); }`)
	p.tells(key, `format!("{} {}", cfg!(even), cfg!(digit = "2"))`)
}

// scriptPath: a path below the package, given to rustc in a variable and included from there.
func (b *builder) scriptPath(p *pkg, key string) {
	b.file(key, p.name+"/data.txt", false, raw)
	p.says(key, watchSelf+`println!("cargo::rustc-env=DATA={}", here.join("data.txt").display());`)
	p.tells(key, `include_str!(env!("DATA")).trim()`)
}

// scriptLibrary: C code that is compiled and linked, with a header that scripts of dependents are told of.
func (b *builder) scriptLibrary(p *pkg, key string) {
	p.links = true
	lib := p.name + "native"
	marked(&p.head, "#", key, fmt.Sprintf("links = %q", lib))
	function := func(v string) string {
		return fmt.Sprintf("#include \"%s.h\"\nint %s_value(void) { return %s + %s_ADD; }", lib, lib, v, strings.ToUpper(lib))
	}
	b.file(key, p.name+"/native/lib.c", false, function)
	b.file(key, p.name+"/native/"+lib+".h", false, func(v string) string { return fmt.Sprintf("#define %s_ADD %s", strings.ToUpper(lib), v) })
	search := "out"
	if b.chance(3) { // left in the sources, which git ignores
		search = `here.join("native")`
	}
	p.says(key, `println!("cargo::rerun-if-changed=native/lib.c");
println!("cargo::rerun-if-changed=native/`+lib+`.h");
let object = out.join("lib.o");
let library = `+search+`.join("lib`+lib+`.a");
let _ = std::fs::remove_file(&library);
assert!(std::process::Command::new("cc").args(["-c", "native/lib.c", "-o"]).arg(&object).status().unwrap().success());
assert!(std::process::Command::new("ar").arg("rcsD").arg(&library).arg(&object).status().unwrap().success());
println!("cargo::rustc-link-search=native={}", library.parent().unwrap().display());
println!("cargo::rustc-link-lib=static=`+lib+`");
println!("cargo::metadata=header={}", here.join("native/`+lib+`.h").display());`)
	marked(&p.items, "//", key, fmt.Sprintf(`extern "C" { fn %s_value() -> i32; }`, lib))
	p.tells(key, fmt.Sprintf("unsafe { %s_value() }", lib))
}

// scriptSource: the script writes a source file, which git ignores.
func (b *builder) scriptSource(p *pkg, key string) {
	b.file(key, p.name+"/data.txt", false, raw)
	p.says(key, watchData+`std::fs::write("src/gen.rs", format!("pub const GEN: &str = {:?};\n", `+readData+`.trim())).unwrap();`)
	marked(&p.items, "//", key, "mod gen;")
	p.tells(key, "gen::GEN")
}

// scriptOnce: the script keeps what it finds in OUT_DIR.
func (b *builder) scriptOnce(p *pkg, key string) {
	b.file(key, p.name+"/data.txt", true, raw)
	p.says(key, watchData+`if !out.join("copy.txt").exists() { `+copies(readData)+` }`)
	p.tellsCopy(key)
}

// scriptCommit: the script asks git, and tells cargo to watch something else.
func (b *builder) scriptCommit(p *pkg, key string) {
	question := []string{`["rev-parse", "HEAD"]`, `["rev-parse", "--abbrev-ref", "HEAD"]`, `["describe", "--always", "--dirty", "--tags"]`}[b.rng.IntN(3)]
	p.says(key, watchSelf+`let said = std::process::Command::new("git").args(`+question+`).output().unwrap();
`+copies(`said.stdout`))
	p.tellsCopy(key)
	b.inputs = append(b.inputs, history.Input{Key: key, Hidden: true, Kind: history.Head})
}

// scriptIgnored: a file that git ignores, so that a new checkout lacks it.
func (b *builder) scriptIgnored(p *pkg, key string) {
	p.says(key, watchSelf+copies(`std::fs::read_to_string("../.env").unwrap_or_else(|_| "none".into())`))
	p.tellsCopy(key)
	b.input(history.Input{Key: key, Hidden: true, Kind: history.File, Name: ".env"}, "write", raw)
}

// scriptDescribed: a value of the package's manifest, inherited from the workspace.
func (b *builder) scriptDescribed(p *pkg, key string) {
	p.says(key, watchSelf+copies(`std::env::var("CARGO_PKG_DESCRIPTION").unwrap_or_default()`))
	p.tellsCopy(key)
	b.inputs = append(b.inputs, history.Input{Key: key, Hidden: true, Kind: history.File, Name: "Cargo.toml"})
}

// scriptConfigured: a variable of cargo's configuration, which the script says nothing of.
func (b *builder) scriptConfigured(p *pkg, key string) {
	const above = ".cargo/config.toml"
	if _, taken := b.files[above]; !taken && b.chance(2) {
		render := func(v string) string { return fmt.Sprintf("[env]\nSETTING_%s = %q", p.name, v) }
		b.files[above] = render(b.value())
		b.input(history.Input{Key: key, Hidden: true, Kind: history.File, Name: "../" + above}, "write", render)
	} else {
		marked(&b.env, "#", key, fmt.Sprintf("SETTING_%s = { value = \"shared.txt\", relative = true }", p.name))
	}
	p.says(key, watchSelf+copies(fmt.Sprintf(`std::env::var("SETTING_%s").unwrap()`, p.name)))
	p.tellsCopy(key)
}

// scriptPlace: the script leaves a file that names where it ran.
func (b *builder) scriptPlace(p *pkg, key string) {
	p.says(key, watchSelf+copies(`here.display().to_string()`))
	p.tellsCopy(key)
}

// scriptClock: what the script leaves is another thing each time, and means the same.
func (b *builder) scriptClock(p *pkg, key string) {
	p.says(key, watchSelf+copies(`format!("{:?}", std::time::SystemTime::now())`))
	p.tells(key, `include_str!(concat!(env!("OUT_DIR"), "/copy.txt")).starts_with("SystemTime")`)
}

// scriptHeader: a script that reads what the library of another package told it of.
func (b *builder) scriptHeader(p *pkg, key string) {
	for _, q := range b.packages {
		if !q.links {
			continue
		}
		lib := q.name + "native"
		if !strings.Contains(strings.Join(p.deps, "\n"), q.name+" = ") {
			b.depend(p, q)
		}
		p.says(key, fmt.Sprintf(`let header = std::env::var("DEP_%s_HEADER").unwrap();
println!("cargo::rerun-if-changed={header}");
`, strings.ToUpper(lib))+copies("std::fs::read_to_string(&header).unwrap()"))
		p.tellsCopy(key)
		b.inputs = append(b.inputs, history.Input{Key: key, Kind: history.File, Name: fmt.Sprintf("%s/native/%s.h", q.name, lib)})
		return
	}
}
