package rustsrc

import (
	"slices"
	"strings"
	"testing"
)

func TestEnvUses(t *testing.T) {
	for name, tc := range map[string]struct {
		src                 string
		includes, elsewhere int
	}{
		"concat":              {`include!(concat!(env!("OUT_DIR"), "/gen.rs"));`, 1, 0},
		"direct":              {`include!(env!("OUT_DIR"));`, 1, 0},
		"direct, comma":       {`include_str!(env!("OUT_DIR",),)`, 1, 0},
		"message":             {`include_str!(concat!(env!("OUT_DIR", "not set"), "/a"))`, 1, 0},
		"bytes, brackets":     {`include_bytes![concat!{env!["OUT_DIR"], "/a"}]`, 1, 0},
		"std":                 {`::std::include!(::core::concat!(std::env!("OUT_DIR"), "/a"))`, 1, 0},
		"spread out":          {"include /*x*/ ! (\n concat ! ( // y\n env ! ( r#\"OUT_DIR\"# ) , \"/a\" , ) )", 1, 0},
		"more pieces":         {`include!(concat!(env!("OUT_DIR"), "/", env!("PROFILE"), ".rs"))`, 1, 0},
		"attribute":           {`#[doc = include_str!(concat!(env!("OUT_DIR"), "/doc.md"))] mod x;`, 1, 0},
		"macro body":          {`macro_rules! m { ($f:expr) => { include!(concat!(env!("OUT_DIR"), "/", $f)) } }`, 1, 0},
		"for windows":         {`include!(concat!(env!("OUT_DIR"), "\\gen.rs"));`, 1, 0},
		"two":                 {`include!(concat!(env!("OUT_DIR"), "/a")); include!(concat!(env!("OUT_DIR"), "/b"));`, 2, 0},
		"behind a shebang":    {"#!/usr/bin/env OUT_DIR\ninclude!(env!(\"OUT_DIR\"));", 1, 0},
		"comments":            {"// OUT_DIR\n/// OUT_DIR\n//! env!(\"OUT_DIR\")\n/* OUT_DIR /* */ OUT_DIR */\n/** OUT_DIR */ fn f() {}", 0, 0},
		"unfinished comment":  {`/* /* */ env!("OUT_DIR")`, 0, 0},
		"other words":         {`let MY_OUT_DIR = "OUT_DIRS XOUT_DIR OUT_DIR2 éOUT_DIR";`, 0, 0},
		"constant":            {`const D: &str = env!("OUT_DIR");`, 0, 1},
		"option_env":          {`include_str!(option_env!("OUT_DIR"))`, 0, 1},
		"concat elsewhere":    {`const D: &str = concat!(env!("OUT_DIR"), "/a");`, 0, 1},
		"second piece":        {`include!(concat!("/", env!("OUT_DIR"), "/a"))`, 0, 1},
		"no separator":        {`include!(concat!(env!("OUT_DIR"), "a"))`, 0, 1},
		"piece not literal":   {`include!(concat!(env!("OUT_DIR"), stringify!(/a)))`, 0, 1},
		"piece missing":       {`include!(concat!(env!("OUT_DIR")))`, 0, 1},
		"twice in an include": {`include!(concat!(env!("OUT_DIR"), "/a", env!("OUT_DIR")))`, 1, 1},
		"run time":            {`std::env::var("OUT_DIR")`, 0, 1},
		"identifier":          {`const OUT_DIR: u8 = 0; fn r#OUT_DIR() {}`, 0, 2},
		"lifetime":            {`&'OUT_DIR str`, 0, 1},
		"inside a string":     {`"see OUT_DIR, OUT_DIR."`, 0, 2},
		"byte and C strings":  {`b"OUT_DIR" br#"OUT_DIR"# c"OUT_DIR" cr"OUT_DIR"`, 0, 4},
		"escaped":             {`env!("OUT\x5fDIR") env!("O\u{55}T_DIR") env!("OUT_\` + "\n\t  " + `DIR")`, 0, 3},
		"computed":            {`env!(concat!("OUT", "_DIR")) option_env!($n) env!()`, 0, 3},
		"foreign include":     {`my::include!(concat!(env!("OUT_DIR"), "/a")) a::std::include!(env!("OUT_DIR"))`, 0, 2},
		"foreign concat":      {`include!(my::concat!(env!("OUT_DIR"), "/a"))`, 0, 1},
		"own include":         {`macro_rules! include { ($e:expr) => { $e } } include!(env!("OUT_DIR"));`, 0, 1},
		"own concat":          {`macro_rules! concat { ($($e:expr),*) => { x } } include!(concat!(env!("OUT_DIR"), "/a"));`, 0, 1},
		"imported include":    {`use my::include; include!(env!("OUT_DIR"));`, 0, 1},
		"vector concat":       {`use std::env; let v = [a].concat(); include!(env!("OUT_DIR"));`, 1, 0},
		"quote in a char":     {`let c = '"'; env!("OUT_DIR"); let d = '"';`, 0, 1},
		"escaped char":        {`let c = ('\'', b'"', '\\', '\u{22}', b'\''); env!("OUT_DIR"); '"'`, 0, 1},
		"comment in a string": {`"/*"; "//"; r"\"; env!("OUT_DIR"); "*/"`, 0, 1},
		"comment in a char":   {`'/'; '/'; '*'; env!("OUT_DIR")`, 0, 1},
		"lifetimes":           {`fn f<'a>(x: &'a str, y: &'_ str) { 'r: loop { env!("OUT_DIR") } }`, 0, 1},
		"raw string":          {`r##"a"# // "## ; env!("OUT_DIR") // "`, 0, 1},
		"raw string content":  {`r#"include!(env!("OUT_DIR"))"#`, 0, 1},
		"string suffix":       {`"x"OUT_DIR`, 0, 1},
		"unfinished string":   {`" OUT_DIR`, 0, 1},
		"wide char":           {`let c = 'é'; let d = '"'; env!("OUT_DIR") ; '"'`, 0, 1},
		"number":              {`1.0e-3f64; 0xffu8; 1..2; env!("OUT_DIR")`, 0, 1},
		"empty":               {``, 0, 0},
	} {
		got := EnvUses([]byte(tc.src), "OUT_DIR")
		if got != (Uses{tc.includes, tc.elsewhere}) {
			t.Errorf("%s: %s: %+v, want %d, %d", name, tc.src, got, tc.includes, tc.elsewhere)
		}
	}
}

func TestMentions(t *testing.T) {
	const src = `// word
	word!("a word, words", 'w', r"word") /* word */ "w\x6frd" word2`
	if got := Mentions([]byte(src), "word"); got != 4 {
		t.Errorf("Mentions = %d, want 4", got)
	}
	if got := Mentions([]byte(src), ""); got != 0 {
		t.Errorf("Mentions of the empty word = %d", got)
	}
}

func FuzzEnvUses(f *testing.F) {
	for _, s := range []string{
		`include!(concat!(env!("OUT_DIR"), "/a"))`, `r#"`, `br##`, `'`, `'\`, `b'`, `"\`, `"\u{`, `"\x`, `/*`, `/`, `#!`, `#![a]`, `r#a`,
		`include!(`, `env!`, `std::`, `'é`, "\ufeff#!x", `env!("OUT_DIR`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		const name = "OUT_DIR"
		uses := EnvUses(src, name)
		mentions := Mentions(src, name)
		if uses.Includes+uses.Elsewhere < mentions || uses.Includes > mentions {
			t.Fatalf("%q: %+v of %d mentions", src, uses, mentions)
		}
		// Text that is plainly in the file after a line break cannot be lost,
		// unless a literal or a comment is still open.
		if strings.ContainsAny(string(src), "\"'/#") {
			return
		}
		if got := Mentions(append(src, "\n OUT_DIR"...), name); got != mentions+1 {
			t.Fatalf("%q: %d mentions, %d with one more", src, mentions, got)
		}
	})
}

func TestLinks(t *testing.T) {
	for src, want := range map[string][]Link{
		`fn f() { link(name = "x"); hard_link(a, b) }`:                             nil,
		`#[link(name = "z")] extern "C" {}`:                                        {{Name: "z"}},
		`#[link(name = "z", kind = "static", modifiers = "+bundle")] extern {}`:    {{Name: "z", Kind: "static"}},
		`#![link(name = "z")]`:                                                     {{Name: "z"}},
		`#[cfg_attr(all(unix, feature = "a"), link(name = "m"))] extern {}`:        {{Name: "m"}},
		`#[cfg_attr(a, cold, link(kind = "dylib", name = "m"))] extern {}`:         {{Name: "m", Kind: "dylib"}},
		`#[link(name = "a", cfg(target_env = "b"))] #[link(name = "c")] extern {}`: {{Name: "a"}, {Name: "c"}},
		`#[link(name = $name)] extern {}`:                                          {{}},
		`#[link(name = concat!("a", "b"))] extern {}`:                              {{}},
		`// #[link(name = "z")]`:                                                   nil,
		`#[link_section = "x"] #[unsafe(link(name = "q"))] extern {}`:              {{Name: "q"}},
	} {
		if got := Links([]byte(src)); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", src, got, want)
		}
	}
}
