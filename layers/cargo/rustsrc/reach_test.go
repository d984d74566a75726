package rustsrc

import (
	"reflect"
	"strings"
	"testing"
)

// reachOf says in a few words what sources get at; they are files of one crate, with
// lines "-- NAME --" before all but the first.
func reachOf(c Crate, src string) string {
	name := "lib.rs"
	for i, part := range strings.Split(src, "\n-- ") {
		if i > 0 {
			name, part, _ = strings.Cut(part, " --\n")
		}
		c.Sources = append(c.Sources, Source{name, []byte(part)})
	}
	return told(c.Reach())
}

func told(r Reach) string {
	r = r.Settle()
	switch {
	case r.Any != "":
		return "anything"
	case r.Environment != "":
		return strings.TrimSpace("environment " + r.Files)
	}
	return strings.TrimSpace(r.Files + " " + strings.Join(r.Variables, " "))
}

// Each is a way in which code of a macro, or of what it is made of, gets at more than
// its tokens, or only looks like one.
func TestReach(t *testing.T) {
	for src, want := range map[string]string{
		// Nothing.
		``: "",
		`fn f(env: &Env) { env.get(fs, process) }`: "",
		`// std::env::vars() fs::read`:             "",
		`/* std::env::vars() /* */ fs::read */`:    "",
		`/// std::env::vars()
		fn f() {}`: "",
		`const H: &str = "set it by std::env::var(\"X\") or std::fs";`:              "",
		`env!("CARGO_PKG_VERSION"); option_env!("X"); std::env!("Y");`:              "",
		`use std::collections::HashMap; thread_local! { static X: u8 = 0; }`:        "",
		`quote! { std::env::var("X"); std::fs::read(x) }`:                           "",
		`quote::quote!(::std::process::Command::new(#x))`:                           "",
		`syn::parse_quote! { extern crate serde as _serde; }`:                       "",
		`quote_spanned!(span=> std::env::vars())`:                                   "",
		`use std::net::{IpAddr, Ipv4Addr}; use std::time::Duration;`:                "",
		`std::process::abort(); use std::process; process::exit(1)`:                 "",
		`use std::os::unix::ffi::OsStrExt;`:                                         "",
		`fn process(x: u8) {} x.process(); process(1);`:                             "",
		`extern crate proc_macro; extern "C" fn called() {}`:                        "",
		`syn::Token![extern]; input.peek(Token![extern])`:                           "",
		`mod metadata; use super::metadata::X; let exists = 1;`:                     "",
		`set.canonicalize(); x.exists()`:                                            "", // nothing has a path
		`#[cfg(test)] mod tests { use std::fs; fn f() { std::env::vars() } }`:       "",
		`#[test] fn t() { std::env::vars(); }`:                                      "",
		`include!("await.rs");`:                                                     "",
		`include_str!("../README.md")` + "\n-- README.md --\nstd::env::vars() fs::": "",

		`structs::process(&x); fn process() {} Output::process(x)`:                                                                                   "",
		`macro_rules! parse_quote_spanned { ($s:expr => $($t:tt)*) => { parse2(quote_spanned!($s => $($t)*)) } } parse_quote_spanned!(s => std::fs)`: "",

		// Variables by their names.
		`std::env::var("A")`: "A",
		`use std::env; fn f() { env::var_os("B"); env::var("A",) }`:     "A B",
		`use std::{env, fmt}; env::var(r"A")`:                           "A",
		`use std::env::{self, VarError}; env::var("A")`:                 "A",
		`format!("{}", std::env::var("A").unwrap())`:                    "A",
		`macro_rules! m { () => { std::env::var("A") } }`:               "A",
		`#[cfg(unix)] fn f() { std::env::var("A") }`:                    "A",
		`struct S { #[cfg(test)] a: u8, b: u8 } std::env::var("A")`:     "A",
		`#[cfg(test)] use x; std::env::var("A")`:                        "A",
		`#[cfg(test)] m!(x); fn f() { std::env::var("A") }`:             "A",
		`#[cfg(test)] fn f(); fn g() { std::env::var("A") }`:            "A",
		`f(#[cfg(test)] a, b); fn g() { std::env::var("A") }`:           "A",
		`#[cfg(test)] impl X for [u8; 3] { f("B") } std::env::var("A")`: "A",
		`#[cfg(not(test))] mod m { std::env::var("A") }`:                "A",
		`r#std::r#env::var("A")`:                                        "A",
		"std::/* */env // x\n::var(\"\\x41\")":                          "A",
		`std::backtrace::Backtrace::capture()`:                          "RUST_BACKTRACE RUST_LIB_BACKTRACE",
		`quote_spanned!(f(std::env::var("A"))=> std::fs)`:               "A",

		// Names that are put together, or come from elsewhere.
		`std::env::var(concat!("A", "B"))`:                             "environment",
		`std::env::var(stringify!(A))`:                                 "environment",
		`std::env::var("A".to_owned() + "B")`:                          "environment",
		`std::env::var(format!("{}B", "A"))`:                           "environment",
		`std::env::var(NAME)`:                                          "environment",
		`std::env::var(String::from_utf8(vec![65]))`:                   "environment",
		`std::env::var(option_env!("A").unwrap())`:                     "environment",
		`std::env::var(include_str!("name.txt"))`:                      "environment",
		`let f = std::env::var; f("A")`:                                "environment",
		`std::env::vars()`:                                             "environment",
		`std::env::vars_os()`:                                          "environment",
		`std::env::args()`:                                             "environment",
		`use std::env::var; var("A")`:                                  "environment",
		`use std::env::{var as v};`:                                    "environment",
		`use std::env::*; vars()`:                                      "environment",
		`use std::env as e; e::vars()`:                                 "environment",
		`use std::{env as e};`:                                         "environment",
		`use std::env::{self as e};`:                                   "environment",
		`use std::*; env::vars()`:                                      "environment",
		`use std as s; s::env::vars()`:                                 "environment",
		`extern crate std as x; x::env::vars()`:                        "environment",
		`use ::std::{self as q}; q::env::vars()`:                       "environment",
		`pub use std::env::vars;`:                                      "environment",
		`macro_rules! m { ($a:ident) => { std::$a::vars() } } m!(env)`: "environment",
		`m!(std env vars)`:                                             "environment",
		`m! { use std::env; }`:                                         "environment",
		`m!(env::var("A"))`:                                            "environment",
		`m!{ #[cfg(test)] mod t { std::env::vars(); } }`:               "environment",
		`my::format!("{}", std::env::var("A"))`:                        "environment",
		`my::quote!(std::env::vars())`:                                 "environment",
		`a::quote::quote!(std::env::vars())`:                           "environment",
		`$crate::quote!(std::env::vars())`:                             "environment",
		`macro_rules! quote { ($($t:tt)*) => { $($t)* } } quote!(std::env::vars())`:                                  "anything",
		`macro_rules! quote { ($($t:tt)*) => { f(quote::quote!(x), $($t)*) } } quote!(std::env::vars())`:             "anything",
		`macro_rules! quote { ($e:expr) => { quote::quote!($e) } ($i:ident) => { $i::x } } quote!(std::env::vars())`: "anything",
		`use evil::emit as quote; quote!(std::env::vars())`:                                                          "anything",
		`macro_rules! format { ($($t:tt)*) => { x } } format!("", std::env::var("A"))`:                               "anything",
		`quote_spanned!(std::env::vars()=> x)`:                                                                       "environment",
		"std::\u2028env::vars()":                                                                                     "anything",
		"std::en\u200ev::vars()":                                                                                     "anything",
		`${concat(e, nv)}`:                                                                                           "anything",
		`concat_idents!(e, nv)`:                                                                                      "anything",
		`proc_macro::tracked_env::var("A")`:                                                                          "anything",
		`'a'; '"'; std::env::vars() ; '"'`:                                                                           "environment",
		`r##"a"# "## ; std::env::vars() // "`:                                                                        "environment",
		`cr#" " std::env::vars() "#`:                                                                                 "anything", // in edition 2018 it is code

		// Files, and where things are.
		`std::fs::read("x")`:                 "fs",
		`use std::{fs as f};`:                "fs",
		`use std::fs::File;`:                 "fs",
		`m!(fs)`:                             "fs",
		`std::path::Path::new("x").exists()`: "exists",
		`use std::path::*; Path::is_dir(p)`:  "is_dir",
		`let p: PathBuf = x; p.read_dir()`:   "read_dir",
		`std::env::current_dir()`:            "current_dir",
		`span.unwrap().local_file()`:         "local_file()",
		`span.file()`:                        "file()",
		`Span::source_file`:                  "source_file()",
		`include!("x.txt");` + "\n-- x.txt --\nstd::fs::read(x)":                                 "fs",
		`include!(concat!(env!("OUT_DIR"), "/gen.rs"));` + "\n-- /o/gen.rs --\nstd::fs::read(x)": "fs",
		`#[path = "m.txt"] mod m;` + "\n-- m.txt --\nstd::fs::read(x)":                           "fs",
		`use core::include as i; i!("x");` + "\n-- x --\nstd::fs::read(x)":                       "fs",

		// All else.
		`std::process::Command::new("env")`:                    "anything",
		`use std::process::{Command, Stdio};`:                  "anything",
		`use std::process as p;`:                               "anything",
		`use std::*; process::id()`:                            "anything",
		`m!(process Command)`:                                  "anything",
		`extern "C" { fn getenv(n: *const u8) -> *const u8; }`: "anything",
		`unsafe extern { fn getenv(); }`:                       "anything",
		`unsafe extern r"C" { fn getenv(); }`:                  "anything",
		`m!(extern)`:                                           "anything",
		`m!(extern crate)`:                                     "anything",
		`#[link(name = "c")] extern {}`:                        "anything",
		`core::arch::asm!("syscall")`:                          "anything",
		`global_asm!("x")`:                                     "anything",
		`_rdtsc()`:                                             "anything",
		`std::os::fd::FromRawFd`:                               "anything",
		`TcpStream::connect(x)`:                                "anything",
		`x.to_socket_addrs(); use std::net::ToSocketAddrs;`:    "anything",
		`std::io::stdin()`:                                     "anything",
		`std::time::SystemTime::now()`:                         "anything",
		`Instant::now()`:                                       "anything",
		`UNIX_EPOCH.elapsed()`:                                 "anything",
		`use std::time::Instant; let f = Instant::now;`:        "anything",
	} {
		if got := reachOf(Crate{}, src); got != want {
			t.Errorf("%s: gets at %q, want %q", src, got, want)
		}
	}
}

// A macro that makes code of strings makes it of those that look like nothing.
func TestReachExpanded(t *testing.T) {
	for src, want := range map[string]string{
		`#[serde(default = "std::process::id")] x`: "anything",
		`#[serde(with = "std::env")] x`:            "environment",
		`"reads std from the os"`:                  "",
	} {
		if got := reachOf(Crate{Expanded: true}, src); got != want {
			t.Errorf("%s: gets at %q, want %q", src, got, want)
		}
	}
}

// The crates that hand on what the compiler gives may have what is for others to use.
func TestReachOfBase(t *testing.T) {
	for src, want := range map[string]string{
		`pub fn local_file(&self) -> Option<PathBuf> { self.0.local_file() }`: "",
		`ident_from_token!(extern); macro_rules! quote { () => {} }`:          "",
		`extern "C" { fn getenv(); }`:                                         "anything",
		`m!(extern "C" { fn getenv(); })`:                                     "anything",
		`std::env::vars()`:                                                    "environment",
		`std::fs::read(x)`:                                                    "fs",
	} {
		if got := reachOf(Crate{Base: "syn"}, src); got != want {
			t.Errorf("%s: gets at %q, want %q", src, got, want)
		}
	}
}

// One crate's path is asked with another's word, one's macro called by another.
func TestReachTogether(t *testing.T) {
	of := func(src string) Reach { c := Crate{Sources: []Source{{"a.rs", []byte(src)}}}; return c.Reach() }
	for _, two := range [][3]string{
		{`pub fn place() -> std::path::PathBuf { x }`, `a::place().exists()`, "exists"},
		{`macro_rules! quote { ($($t:tt)*) => { $($t)* } }`, `use a::*; quote!(std::env::vars())`, "anything"},
		{`pub use std::env;`, `a::env::vars()`, "environment"},
		{`std::env::var("B")`, `std::env::var("A")`, "A B"},
	} {
		for i := range 2 {
			if got := told(of(two[i]).Join(of(two[1-i]))); got != two[2] {
				t.Errorf("%q: together %q, want %q", two, got, two[2])
			}
		}
	}
}

func TestReachComesBack(t *testing.T) {
	for _, r := range []Reach{
		{}, {Any: "x y"}, {Environment: "env", Files: "fs"}, {Asks: "exists", Paths: "path", Quotes: "quote!", Redefines: "format!", Variables: []string{"A", "B"}},
	} {
		if got := ParseReach(r.Words()); !reflect.DeepEqual(got, r) {
			t.Errorf("%+v came back as %+v", r, got)
		}
	}
	for _, words := range [][]string{nil, {"0"}, {ReachRule, "later x"}, {ReachRule, "any"}, {ReachRule, "variable "}, {"any x"}} {
		if got := ParseReach(words); !reflect.DeepEqual(got, Unread) {
			t.Errorf("%q is %+v", words, got)
		}
	}
}

// What is not Rust gets at something or other, and never less for standing behind
// other things.
func FuzzReach(f *testing.F) {
	for _, s := range []string{`quote!{`, `use `, `#[cfg(test)]`, `#[cfg(test)] mod x {`, `quote_spanned!(a=>`, `"`, `)`, `env::`, `m!(`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		parser(lex(src)).reach(true, "")
		if strings.ContainsAny(string(src), "\"'/#!([{") {
			return
		}
		if r := parser(lex(append(src, "\n; std::fs::read(x);"...))).reach(false, ""); !r.SeesFiles() {
			t.Fatalf("%q hides what comes after", src)
		}
	})
}
