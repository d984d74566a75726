package workspaces

import "fmt"

// Small stands on crates that every machine of a developer has: serde with its
// derive macro and itoa.
func Small() *Workspace {
	b := newBuilder("small")
	b.Files["shared/words.txt"] = "words\n"
	b.Files["README.md"] = "small\n"
	smallLibraries(b)
	smallScripts(b)
	smallPrograms(b)
	b.edit("leaf", "leaf/src/inner.rs", "= 1", "= 2")
	b.edit("table", "generated/table.txt", "one", "two")
	b.edit("C", "native-sys/c/native.c", "7", "8")
	b.edit("shared text", "shared/words.txt", "words", "other words")
	b.edit("documentation", "README.md", "small", "smaller")
	return b.done()
}

// smallLibraries are those without a build script: one that all stand on, a procedural macro, one that derives with
// another, and two that compile in what lies outside them or where they lie.
func smallLibraries(b *builder) {
	b.member("leaf", nil, map[string]string{
		"src/lib.rs":       "pub mod inner;\npub fn value() -> u32 { inner::VALUE }\n#[cfg(test)]\nmod tests { #[test] fn one() { assert!(super::value() > 0) } }\n",
		"src/inner.rs":     "pub const VALUE: u32 = 1;\n",
		"examples/show.rs": "fn main() { println!(\"{}\", leaf::value()); }\n",
	})
	b.member("mac", nil, map[string]string{
		"src/lib.rs": "#[proc_macro]\npub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream { \"7_u32\".parse().unwrap() }\n",
	})
	b.Files["mac/Cargo.toml"] = "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n"
	b.member("model", []string{`serde = { version = "1", features = ["derive"] }`, "leaf"}, map[string]string{
		"src/lib.rs": "#[derive(serde::Serialize)]\npub struct Model { pub value: u32 }\npub fn model() -> Model { Model { value: leaf::value() } }\n",
	})
	b.member("words", nil, map[string]string{
		"src/lib.rs": "pub const WORDS: &str = include_str!(\"../../shared/words.txt\");\n",
	})
	b.member("places", nil, map[string]string{
		"src/lib.rs": "pub fn dir() -> &'static str { env!(\"CARGO_MANIFEST_DIR\") }\n",
	})
}

// smallScripts are packages whose build scripts compile C, generate Rust and ask git.
func smallScripts(b *builder) {
	b.member("native-sys", nil, map[string]string{
		"build.rs": `use std::{env, process::Command};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let object = format!("{out}/native.o");
    assert!(Command::new("cc").args(["-c", "c/native.c", "-o", &object]).status().unwrap().success());
    assert!(Command::new("ar").args(["rcs", &format!("{out}/libnative.a"), &object]).status().unwrap().success());
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=native");
}
`,
		"c/native.c": "int native(void) { return 7; }\n",
		"src/lib.rs": "extern \"C\" { fn native() -> i32; }\npub fn number() -> i32 { unsafe { native() } }\n",
	})
	b.member("generated", nil, map[string]string{
		"build.rs": `fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let text = std::fs::read_to_string("table.txt").unwrap();
    std::fs::write(format!("{out}/table.rs"), format!("pub const TABLE: &str = {text:?};")).unwrap();
}
`,
		"table.txt":  "one\n",
		"src/lib.rs": "include!(concat!(env!(\"OUT_DIR\"), \"/table.rs\"));\n",
	})
	b.member("commit", nil, map[string]string{
		"build.rs": `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();
    println!("cargo:rustc-env=COMMIT={}", String::from_utf8(out.stdout).unwrap().trim());
}
`,
		"src/lib.rs": "pub const COMMIT: &str = env!(\"COMMIT\");\n",
	})
}

// smallPrograms stand on the others.
func smallPrograms(b *builder) {
	b.member("mid", []string{"leaf", "mac", "generated"}, map[string]string{
		"src/lib.rs": "pub fn sum() -> u32 { leaf::value() + mac::seven!() + generated::TABLE.len() as u32 }\n",
	})
	b.member("app", []string{"mid", "model", "native-sys", "commit", "words", "places", `itoa = "1"`}, map[string]string{
		"src/main.rs": `fn main() {
    let mut b = itoa::Buffer::new();
    println!("{} {} {} {} {} {}", b.format(mid::sum()), model::model().value, native_sys::number(), commit::COMMIT, words::WORDS, places::dir());
}
`,
		"tests/runs.rs": "#[test]\nfn runs() { assert!(std::process::Command::new(env!(\"CARGO_BIN_EXE_app\")).status().unwrap().success()); }\n",
	})
	for i := range 3 {
		b.member(fmt.Sprintf("tool%d", i), []string{"leaf"}, map[string]string{
			"src/main.rs": fmt.Sprintf("fn main() { println!(\"{} {}\", %d, leaf::value()); }\n", i),
		})
	}
}
