package soundness

import (
	"fmt"
	"strings"
	"time"
)

// Hazards of what a checkout consists of, and of what is named beyond a package.

// watchVendor watches a directory of repositories, as a script does that compiles C.
const watchVendor = scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=../vendor");
    generate(&std::fs::read_to_string("../vendor/up/v.txt").unwrap());
}
` + generate

// readVendor reads there and does not say so.
const readVendor = scripted + `
-- a/app/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&std::fs::read_to_string("../vendor/up/v.txt").unwrap());
}
` + generate

// withSubmodule builds an origin that has a submodule at path.
func withSubmodule(path string) func(w *world) {
	return func(w *world) {
		w.T.Helper()
		w.repository("up", "one")
		w.commit()
		w.origin.Must("git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", w.Path("up"), path)
		w.origin.Commit("submodule")
		w.origin.Build("build")
	}
}

// repository makes one with the file v.txt.
func (w *world) repository(name, text string) {
	w.T.Helper()
	w.Write(name+"/v.txt", text)
	up := w.At(name)
	up.Must("git", "init", "--quiet", "--initial-branch=main")
	up.Commit(text)
}

// newerSubmodule is the checkout with another commit of the submodule, which by its
// times is an old one.
func newerSubmodule(path string) func(w *world) {
	return func(w *world) {
		w.T.Helper()
		w.checkout.Must("git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
		w.Write("b/"+path+"/v.txt", "two")
		sub := w.At("b/" + path)
		sub.Commit("two")
		w.checkout.Commit("newer submodule")
		old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		w.touch(old, "b/"+path+"/v.txt", "b/"+path, "b/"+path+"/..")
	}
}

// inRoot is a workspace whose root is a package, with another one that the program
// takes its value from.
const inRoot = `
-- a/Cargo.toml --
[package]
name = "app"
edition = "2024"
[workspace]
members = ["crates/liba"]
resolver = "3"
[dependencies]
liba = { path = "crates/liba" }
-- a/src/main.rs --
fn main() { println!("{}", liba::VALUE); }
-- a/crates/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
-- a/crates/liba/src/lib.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
`

// siblings is an application and a library whose files its script reads.
const siblings = `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba"]
resolver = "3"
-- a/liba/Cargo.toml --
[package]
name = "liba"
edition = "2024"
-- a/liba/src/lib.rs --
-- a/liba/schema/s.txt --
one
-- b/liba/schema/s.txt --
two
`

// script is a build script that makes an expression its value and watches itself.
func script(expression string) string {
	return "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    generate(&" + expression + ");\n}\n" +
		strings.ReplaceAll(generate, "const VALUE", "pub const VALUE")
}

var extentHazards = []hazard{
	{
		name:   "H30/submodule-watched",
		rule:   "script-input,script-tree",
		files:  watchVendor,
		origin: withSubmodule("vendor/up"),
		differ: newerSubmodule("vendor/up"),
	},
	{
		name:   "H30/submodule-beside-package",
		rule:   "script-tree",
		files:  readVendor,
		origin: withSubmodule("vendor/up"),
		differ: newerSubmodule("vendor/up"),
	},
	{
		name:   "H30/macro-reads-submodule-in-package",
		rule:   "macro-inputs",
		files:  reading(strings.ReplaceAll(readData, "/data.txt", "/up/v.txt")),
		origin: withSubmodule("app/up"),
		differ: newerSubmodule("app/up"),
	},
	{
		// A repository that was cloned in before it became a submodule keeps its git
		// directory: nothing but the index tells.
		name:  "H30/submodule-with-own-repository",
		rule:  "macro-inputs",
		files: reading(strings.ReplaceAll(readData, "/data.txt", "/up/v.txt")),
		origin: func(w *world) {
			w.commit()
			w.repository("a/app/up", "one")
			w.origin.Must("git", "-c", "advice.addEmbeddedRepo=false", "add", "app/up")
			w.origin.Commit("link")
			w.origin.Build("build")
		},
		differ: func(w *world) { w.Remove("b/app/up"); w.repository("b/app/up", "two") },
	},
	{
		// Git ignores the clone, and the script watches it all the same.
		name:  "H30/clone-watched",
		rule:  "script-input,script-tree",
		files: strings.ReplaceAll(watchVendor, `"../vendor/up/v.txt"`, `["..", "vendor", "up", "v.txt"].iter().collect::<std::path::PathBuf>()`) + "-- a/.gitignore --\n/target\n/vendor\n",
		origin: func(w *world) {
			w.repository("a/vendor/up", "one")
			w.build()
		},
		differ: func(w *world) { w.repository("b/vendor/up", "two") },
	},
	{
		name: "H31/root-is-package",
		rule: "script-tree",
		files: inRoot + "-- a/crates/liba/build.rs --\n" + script(`std::fs::read_to_string("../../sql/1.sql").unwrap()`) +
			"-- a/sql/1.sql --\none\n-- b/sql/1.sql --\ntwo\n",
	},
	{
		// The names of the files are not in the script.
		name: "H31/root-is-package-listed",
		rule: "script-tree",
		files: inRoot + "-- a/crates/liba/build.rs --\n" + script(`std::fs::read_dir("../../sql").unwrap().count().to_string()`) +
			"-- a/sql/1.sql --\n-- b/sql/2.sql --\n",
	},
	{
		name: "H31/package-around-package",
		rule: "script-tree",
		files: strings.ReplaceAll(inRoot, "crates/liba", "crates/liba/inner") + "-- a/crates/liba/inner/build.rs --\n" +
			script(`std::fs::read_to_string("../data.txt").unwrap()`) + "-- a/crates/liba/data.txt --\none\n-- b/crates/liba/data.txt --\ntwo\n",
	},
	{
		name:  "H32/file-of-sibling",
		rule:  "script-tree",
		files: scripted + siblings + "-- a/app/build.rs --\n" + script(`std::fs::read_to_string("../liba/schema/s.txt").unwrap()`),
	},
	{
		name: "H32/sibling-by-joined-names",
		rule: "script-tree",
		files: scripted + siblings + "-- a/app/build.rs --\n" + script(`std::fs::read_to_string(
        std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().join("liba").join("schema").join("s.txt")).unwrap()`),
	},
	{
		name: "H32/siblings-listed",
		rule: "script-tree",
		files: scripted + siblings + "-- a/app/build.rs --\n" + script(`std::fs::read_dir("..").unwrap()
        .filter_map(|e| std::fs::read_to_string(e.unwrap().path().join("schema/s.txt")).ok()).collect::<String>()`),
	},
	{
		// As a file of C includes another, or a list of files is kept.
		name:  "H32/sibling-named-by-file",
		rule:  "script-tree",
		files: scripted + siblings + "-- a/app/list.txt --\n../liba/schema/s.txt\n-- a/app/build.rs --\n" + script(`std::fs::read_to_string(std::fs::read_to_string("list.txt").unwrap().trim()).unwrap()`),
	},
	{
		// A script of the shell's that goes to the sibling before it reads.
		name:  "H32/siblings-listed-by-shell",
		rule:  "script-tree",
		files: scripted + siblings + "-- a/app/gen.sh --\ncd ..\ncat liba/schema/*\n-- a/app/build.rs --\n" + script(runShell("gen.sh")),
	},
	{
		// One beside the packages, which starts where it lies itself.
		name: "H32/siblings-listed-by-shell-beside",
		rule: "script-tree",
		files: scripted + siblings + "-- a/scripts/gen.sh --\ncd \"$(dirname \"$0\")/..\" && cat liba/schema/*\n-- a/app/build.rs --\n" +
			script(runShell("../scripts/gen.sh")),
	},
	{
		name:   "H32/ignored-files-of-sibling",
		rule:   "script-tree",
		files:  scripted + strings.ReplaceAll(siblings, "b/liba/schema", "b/none") + "-- a/.gitignore --\n/target\n/liba/schema\n-- a/app/build.rs --\n" + script(`std::fs::read_to_string("../liba/schema/s.txt").unwrap_or_default()`),
		differ: func(w *world) { w.Write("b/liba/schema/s.txt", "two\n") },
	},
	{
		name:  "H32/new-in-sibling",
		rule:  "script-tree",
		files: scripted + siblings + "-- b/liba/option.txt --\nthree\n-- a/app/build.rs --\n" + script(`std::fs::read_to_string("../liba/option.txt").unwrap_or_default()`),
	},
	{
		name:  "H32/macro-names-file-of-sibling",
		rule:  "macro-inputs",
		files: reading(strings.ReplaceAll(readData, "/data.txt", "/../other/data.txt")) + sibling,
	},
	{
		// The directory is named by the argument of a macro that takes any.
		name: "H32/macro-is-told-of-sibling",
		rule: "macro-inputs",
		files: strings.ReplaceAll(reading(`std::fs::read_to_string(dir + "/" + input.to_string().trim_matches('"')).unwrap()`), "(_: ", "(input: ") + sibling +
			"-- a/app/src/main.rs --\nfn main() { println!(\"{}\", liba::value!(\"../other/data.txt\")); }\n",
	},
	{
		// What clippy says is a result, too. It lists the settings that it found.
		name:    "H33/lint-settings-appear",
		rule:    "searched-settings",
		files:   linted,
		origin:  lint,
		differ:  func(w *world) { w.Write("b/clippy.toml", "too-many-arguments-threshold = 1\n") },
		observe: observeLints,
	},
	{
		name:    "H33/nearer-lint-settings-appear",
		rule:    "searched-settings",
		files:   linted + "-- a/clippy.toml --\ntoo-many-arguments-threshold = 7\n",
		origin:  lint,
		differ:  func(w *world) { w.Write("b/app/.clippy.toml", "too-many-arguments-threshold = 1\n") },
		observe: observeLints,
	},
	{
		name:    "H33/lint-settings-appear-above",
		rule:    "searched-settings",
		files:   linted,
		origin:  lint,
		differ:  func(w *world) { w.Write("clippy.toml", "too-many-arguments-threshold = 1\n") },
		observe: observeLints,
	},
	{
		// As dotenv does.
		name:   "H33/variables-above",
		rule:   "searched-settings",
		files:  reading(`std::env::current_dir().unwrap().ancestors().find_map(|d| std::fs::read_to_string(d.join(".env")).ok()).unwrap_or_default()`),
		differ: func(w *world) { w.Write(".env", "TWO=2") },
	},
	{
		// Between the package and the workspace, and git does not list it.
		name:   "H33/variables-between",
		rule:   "macro-inputs",
		files:  deeper(reading(upwards(`".env"`))) + "-- a/.gitignore --\n/target\n.env\n",
		differ: func(w *world) { w.Write("b/crates/.env", "TWO=2") },
	},
	{
		name:   "H33/ignored-file-appears",
		rule:   "macro-inputs",
		files:  deeper(reading(upwards(`"local.toml"`))) + "-- a/.gitignore --\n/target\nlocal.toml\n",
		differ: func(w *world) { w.Write("b/local.toml", "two") },
	},
	{
		// The program that uses the macro says which; in the origin it lies nearer to
		// the root.
		name: "H33/ignored-file-appears-nearer",
		rule: "macro-inputs",
		files: strings.ReplaceAll(deeper(reading(upwards(`input.to_string().trim_matches('"')`))), "(_: ", "(input: ") +
			"-- a/.gitignore --\n/target\nlocal.toml\n-- a/local.toml --\none\n" +
			"-- a/crates/app/src/main.rs --\nfn main() { println!(\"{}\", liba::value!(\"local.toml\")); }\n",
		differ: func(w *world) {
			w.Write("b/local.toml", "one\n")
			w.Write("b/crates/local.toml", "two\n")
		},
	},
	{
		name: "H33/ignored-file-of-script-appears",
		rule: "script-tree",
		files: deeper(scripted) + "-- a/.gitignore --\n/target\nlocal.toml\n-- a/crates/app/build.rs --\n" + `
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    generate(&` + upwards(`"local.toml"`) + `);
}
` + generate,
		differ: func(w *world) { w.Write("b/crates/local.toml", "two") },
	},
}

// runShell is what a script of the shell's prints.
func runShell(name string) string {
	return `String::from_utf8(std::process::Command::new("sh").arg("` + name + `").output().unwrap().stdout).unwrap()`
}

// deeper has the packages of a workspace, but for liba, in a directory more.
func deeper(files string) string {
	return strings.NewReplacer(`["app"`, `["crates/app"`, "-- a/app/", "-- a/crates/app/", `"../liba"`, `"../../liba"`).Replace(files)
}

// upwards reads the first file of a name in the package and the directories around it.
func upwards(name string) string {
	return `std::env::current_dir().unwrap().join(std::env::var("CARGO_MANIFEST_DIR").unwrap()).ancestors().find_map(|d| std::fs::read_to_string(d.join(` + name + `)).ok()).unwrap_or_default()`
}

const linted = oneApp + `
-- a/app/src/main.rs --
fn sum(a: u8, b: u8) -> u8 { a + b }
fn main() { println!("{}", sum(1, 2)); }
`

func lint(w *world) {
	w.commit()
	w.origin.Must("cargo", "clippy", "--quiet")
}

// observeLints counts what clippy says of the number of arguments.
func observeLints(w *world) string {
	w.T.Helper()
	said := w.checkout.Run("cargo", "clippy", "--quiet")
	return fmt.Sprint(strings.Count(said.Stderr, "too many arguments"), said.Code)
}

// sibling is one package more, of which a file differs.
const sibling = `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba", "other"]
resolver = "3"
-- a/other/Cargo.toml --
[package]
name = "other"
edition = "2024"
-- a/other/src/lib.rs --
-- a/other/data.txt --
one
-- b/other/data.txt --
two
`
