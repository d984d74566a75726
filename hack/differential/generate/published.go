package generate

import "github.com/cargo-cow/cargo-cow/hack/differential/history"

// versions of unicode-xid, each with another version of Unicode.
var versions = []string{"0.2.2", "0.2.4", "0.2.6"}

// published gives p a package of the crates registry that decides something by itself: by files, by the clock, by the
// compiler, by C. They are small, so that a clean build stays one of seconds.
func (b *builder) published(p *pkg) {
	which := b.rng.IntN(7)
	if which == 2 && len(p.script) > 0 {
		which = 5 // cc tells cargo what to watch, and what is watched counts for the whole script
	}
	switch which {
	case 0: // a macro that lists a directory
		key := p.name + ".include-dir"
		b.files[p.dir+"/assets/first.txt"] = "1"
		marked(&p.deps, "#", key, `include_dir = "0.7"`)
		marked(&p.items, "//", key, `static ASSETS: include_dir::Dir<'static> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/assets");`)
		p.tells(key, `ASSETS.files().map(|f| format!("{}:{}", f.path().display(), f.contents_utf8().unwrap().trim())).collect::<Vec<_>>().join(" ")`)
		b.input(history.Input{Key: key, Hidden: true, Kind: history.Tree, Name: p.name + "/assets"}, "tree", nil)
	case 1: // a script that asks for compiler, environment and manifest
		key := p.name + ".built"
		marked(&p.buildDeps, "#", key, `built = "0.7"`)
		p.says(key, `built::write_built_file().unwrap();`)
		marked(&p.items, "//", key, `mod built { include!(concat!(env!("OUT_DIR"), "/built.rs")); }`)
		p.tells(key, `format!("{} {} {}", built::PKG_DESCRIPTION, built::PROFILE, built::RUSTC_VERSION)`)
		b.inputs = append(b.inputs, history.Input{Key: key, Hidden: true, Kind: history.File, Name: "Cargo.toml"})
	case 2: // C, by the usual way
		key := p.name + ".cc"
		marked(&p.buildDeps, "#", key, `cc = "1"`)
		p.says(key, `cc::Build::new().file("src/native.c").compile("`+p.name+`cc"); println!("cargo::rerun-if-changed=src/native.c");`)
		b.file(key, p.name+"/src/native.c", false, func(v string) string { return "int " + p.name + "_cc(void) { return " + v + "; }" })
		marked(&p.items, "//", key, `extern "C" { fn `+p.name+`_cc() -> i32; }`)
		p.tells(key, "unsafe { "+p.name+"_cc() }")
	case 3: // what the compiler can do
		key := p.name + ".autocfg"
		marked(&p.buildDeps, "#", key, `autocfg = "1"`)
		p.says(key, `autocfg::new().emit_has_path("std::cell::LazyCell");`)
		p.tells(key, `cfg!(has_std_cell_LazyCell)`)
	case 4: // put in the place of a published package
		key := "ext.itoa"
		b.patched = true
		b.files["ext/itoa/Cargo.toml"] = "[package]\nname = \"itoa\"\nversion = \"1.0.99\"\nedition = \"2021\"\n[workspace]\n"
		b.files["ext/itoa/src/lib.rs"] = "pub fn text() -> &'static str { include_str!(\"text.txt\") }\n"
		b.files["ext/itoa/src/text.txt"] = b.value()
		marked(&p.deps, "#", key, `itoa = "1"`)
		p.tells(key, "itoa::text().trim()")
		b.input(history.Input{Key: key, Kind: history.File, Name: "../ext/itoa/src/text.txt"}, "write", raw)
	case 6: // one whose version tells
		key := p.name + ".version"
		marked(&p.deps, "#", key, `unicode-xid = "0.2"`)
		p.tells(key, `format!("{:?}", unicode_xid::UNICODE_VERSION)`)
		b.input(history.Input{Key: key, Kind: history.File, Name: "Cargo.lock"}, "bump", nil)
		b.sites[len(b.sites)-1].input.Name = "unicode-xid"
	case 5: // plain code
		key := p.name + ".ryu"
		marked(&p.deps, "#", key, `ryu = "1"`)
		p.tells(key, "ryu::Buffer::new().format(1.5)")
	}
}
