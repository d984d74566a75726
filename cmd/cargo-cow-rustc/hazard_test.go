package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// A hazard is a way in which a program compiled at another path could differ from
// what a clean build makes. Each is run with the rule that closes it and without.
type hazard struct {
	name string
	rule rule
	// files of the origin, beside those of tiny. $W is the world's directory.
	files map[string]string
	// main is the body of the program's main function.
	main string
	// origin is where the origin is; "a" if it is "".
	origin string
	// checkout is where it is restored; "b" if it is "".
	checkout string
	// env of both builds.
	env []string
	// setup is done first of all.
	setup func(w *world)
	// prepare changes the checkout before its first build.
	prepare func(w *world)
	// later changes it after the first build, for another one.
	later func(w *world)
	// taken tells that the program is compiled at the other path for all that.
	taken bool
}

// macros is a library of macros that look at what they are not given.
const macros = `use proc_macro::TokenStream;
fn word(t: TokenStream) -> String { t.to_string().trim_matches('"').to_string() }
#[proc_macro]
pub fn include_cwd(t: TokenStream) -> TokenStream {
    format!("include_str!({:?})", std::env::current_dir().unwrap().join(word(t))).parse().unwrap()
}
#[proc_macro]
pub fn read_env(t: TokenStream) -> TokenStream {
    format!("{:?}", std::fs::read_to_string(std::env::var(word(t)).unwrap()).unwrap()).parse().unwrap()
}
#[proc_macro]
pub fn read_cwd(t: TokenStream) -> TokenStream {
    format!("{:?}", std::fs::read_to_string(word(t)).unwrap_or_default()).parse().unwrap()
}
#[proc_macro]
pub fn git(t: TokenStream) -> TokenStream {
    let out = std::process::Command::new("git").args(word(t).split(' ')).output().unwrap();
    format!("{:?}", String::from_utf8_lossy(if out.status.success() { &out.stdout } else { b"failed" })).parse().unwrap()
}
`

// tiny lays out a workspace of a program and macros.
func (w *world) tiny(root, main string, files map[string]string) {
	w.T.Helper()
	w.Write(root+"/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"mac\", \"app\"]\n")
	w.Write(root+"/.gitignore", "target\n")
	w.Write(root+"/mac/Cargo.toml", "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n")
	w.Write(root+"/mac/src/lib.rs", macros)
	w.Write(root+"/app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nmac = { path = \"../mac\" }\n")
	w.Write(root+"/app/src/main.rs", w.expand("fn main() {\n    let edit = 0;\n    println!(\"edit {edit}\");\n"+main+"\n}\n"))
	for name, text := range files {
		w.Write(strings.Replace(strings.TrimPrefix(name, "$W/"), "$O", root, 1), w.expand(text))
	}
}

func (w *world) expand(text string) string { return strings.ReplaceAll(text, "$W", w.Dir) }

var hazards = []hazard{
	{
		name: "nothing special", taken: true,
		main: `println!("{} {} {}", file!(), env!("CARGO_MANIFEST_DIR"), module_path!());`,
	},
	{
		name: "W1: macro includes by current directory", rule: ruleDepFile, taken: true,
		files: map[string]string{"$O/data.txt": "data 1"},
		main:  `println!("{}", mac::include_cwd!("data.txt"));`,
		later: func(w *world) { w.Write("b/data.txt", "data 2") },
	},
	{
		name: "W2: package outside the workspace", rule: ruleCrateRoot, taken: true,
		files: map[string]string{
			"ext/Cargo.toml":     "[package]\nname = \"ext\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nmac = { path = \"../ext-mac\" }\n",
			"ext/src/lib.rs":     "pub fn ext() -> &'static str { mac::include_cwd!(\"data.txt\") }\n",
			"ext/data.txt":       "of ext",
			"$O/data.txt":        "of the workspace",
			"ext-mac/Cargo.toml": "[package]\nname = \"mac\"\nversion = \"0.2.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
			"ext-mac/src/lib.rs": macros,
			"$O/app/Cargo.toml":  "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\next = { path = \"../../ext\" }\n",
		},
		main:    `println!("{}", ext::ext());`,
		prepare: func(w *world) { w.Write("ext/src/lib.rs", w.Read("ext/src/lib.rs")+"// edited\n") },
	},
	{
		name: "W3: value under the origin", rule: ruleNames,
		files:   map[string]string{"$O/schema.txt": "old"},
		main:    `println!("{}", mac::read_env!("SCHEMA"));`,
		env:     []string{"SCHEMA=$W/a/schema.txt"},
		prepare: func(w *world) { w.Write("b/schema.txt", "the place's") },
	},
	{
		name: "W3: value under the origin by another name", rule: ruleNames,
		files:   map[string]string{"$O/schema.txt": "old"},
		main:    `println!("{}", mac::read_env!("SCHEMA"));`,
		env:     []string{"SCHEMA=$W/alias/schema.txt"},
		setup:   func(w *world) { w.Symlink("a", "alias") },
		prepare: func(w *world) { w.Write("b/schema.txt", "the place's") },
	},
	{
		name: "W4: condition with a path", rule: ruleArguments, taken: true,
		files: map[string]string{"$O/app/build.rs": `fn main() { println!("cargo::rustc-check-cfg=cfg(root, values(any()))\ncargo::rustc-cfg=root={:?}", std::env::var("CARGO_MANIFEST_DIR").unwrap()) }`},
		main:  `println!("{} {}", cfg!(root = "$W/a/app"), cfg!(root = "$W/b/app"));`,
	},
	{
		name: "W5: macro runs git", rule: ruleGit, taken: true,
		main: `println!("{}", mac::git!("log --format=%s"));`,
	},
	{
		name: "W5: variable that names the directory", rule: ruleAsked,
		main: `println!("{}", env!("PWD"));`,
	},
	{
		name: "source beside the checkout", rule: ruleLeaves, origin: "deep/a",
		files:   map[string]string{"$W/deep/outside.txt": "beside the origin"},
		main:    `println!("{}", include_str!("../../../outside.txt"));`,
		prepare: func(w *world) { w.Write("outside.txt", "beside the place") },
	},
	{
		name: "link to the origin, below the package", rule: ruleLinks,
		files: map[string]string{"$O/app/src/data/x.txt": "x", "$O/other.txt": "other"},
		main:  `println!("{}", include_str!("data/x.txt"));`,
		prepare: func(w *world) {
			w.Write("b/other.txt", "the place's other")
			w.Symlink(w.Path("a/other.txt"), "b/app/src/data/x.txt")
		},
	},
	{
		name: "link to the origin, in the package", rule: ruleLinks,
		files:   map[string]string{"$O/.env": "secret"},
		main:    `println!("{}", mac::read_cwd!(".env"));`,
		prepare: func(w *world) { w.Symlink(w.Path("a/.env"), "b/.env") },
	},
	{
		name: "link to the origin, deep in the package", rule: ruleLinks,
		files:   map[string]string{"$O/app/data/deep/x.txt": "secret"},
		main:    `println!("{}", mac::read_cwd!("app/data/deep/x.txt"));`,
		prepare: func(w *world) { w.Symlink(w.Path("a/app/data/deep/x.txt"), "b/app/data/deep/x.txt") },
	},
	{
		name: "F: link that turns in a circle", rule: ruleAgain,
		files:   map[string]string{"$O/shared/data/x.txt": "x"},
		main:    `println!("{}", include_str!("../../shared/data/x.txt"));`,
		prepare: func(w *world) { w.Symlink(w.Path("a/shared/data/x.txt"), "b/shared/data/x.txt") },
	},
	{
		name: "nested place", checkout: "a/.worktrees/b", taken: true,
		files: map[string]string{"$O/.gitignore": "target\n.worktrees\n", "$O/data.txt": "data 1"},
		main:  `println!("{} {} {}", env!("CARGO_MANIFEST_DIR"), mac::include_cwd!("data.txt"), mac::git!("log --format=%s"));`,
		later: func(w *world) { w.Write("a/.worktrees/b/data.txt", "data 2") },
	},
	{
		name: "space in names", origin: "a a", checkout: "b b", taken: true,
		files: map[string]string{"$O/da ta.txt": "data 1"},
		main:  `println!("{}", mac::include_cwd!("da ta.txt"));`,
		later: func(w *world) { w.Write("b b/da ta.txt", "data 2") },
	},
}

// With all rules the program is that of a clean build, and compiled where the
// state was made unless something speaks against it. Without its rule a hazard
// shows: the program differs, or is not built at all.
func TestHazards(t *testing.T) {
	t.Parallel()
	root := loopfs.Btrfs(t, loopfs.Size(8<<30))
	for i, h := range hazards {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			if h.origin == "" {
				h.origin = "a"
			}
			if h.checkout == "" {
				h.checkout = "b"
			}
			w := worldIn(t, filepath.Join(root, strconv.Itoa(i)))
			var env []string
			for _, e := range h.env {
				env = append(env, w.expand(e))
			}
			if h.setup != nil {
				h.setup(w)
			}
			w.tiny(h.origin, h.main, h.files)
			w.commit(h.origin)
			w.seal(h.origin, env)
			try := func(switched ...string) (got string, taken bool) {
				w.At(h.origin).Worktree(h.checkout)
				w.restore(h.origin, h.checkout, env)
				if h.prepare != nil {
					h.prepare(w)
				}
				main := h.checkout + "/app/src/main.rs"
				w.Edit(main, "edit = 0", "edit = 1")
				r := w.Run(h.checkout, w.with(append(switched, env...)...), "cargo", "run", "--quiet", "--offline")
				taken = slices.Contains(w.taken(h.checkout), "app")
				if r.Code == 0 && h.later != nil {
					h.later(w)
					r = w.Run(h.checkout, w.with(append(switched, env...)...), "cargo", "run", "--quiet", "--offline")
				}
				if got = r.Stdout; r.Code != 0 {
					got = r.String()
				}
				return got, taken
			}
			got, taken := try()
			want := w.clean(h.checkout, env)
			if got != want {
				t.Errorf("the program prints\n%s\nthat of a clean build\n%s", got, want)
			}
			if taken != h.taken {
				t.Errorf("compiled at the other path: %v, want %v", taken, h.taken)
			}
			if h.rule == "" {
				return
			}
			// The same once more, from the same origin; what was right is not to be taken
			// from the warehouse.
			w.Must(h.origin, nil, "git", "worktree", "remove", "--force", w.Path(h.checkout))
			if got, _ := try("CARGO_COW_TEST_WITHOUT="+string(h.rule), "CARGO_COW_WAREHOUSE=off"); got == want {
				t.Errorf("without rule %s the program is right as well, and prints\n%s", h.rule, got)
			}
		})
	}
}

// An origin inside the checkout is hidden by what is seen at its path, and by nothing
// else.
func TestOriginInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tiny("b", `println!("{} {}", env!("CARGO_MANIFEST_DIR"), mac::include_cwd!("data.txt"));`,
		map[string]string{"$O/.gitignore": "target\n.worktrees\n", "$O/data.txt": "data 1"})
	w.commit("b")
	w.At("b").Worktree("b/.worktrees/a")
	w.seal("b/.worktrees/a", nil)
	w.restore("b/.worktrees/a", "b", nil)
	w.Edit("b/app/src/main.rs", "edit = 0", "edit = 1")
	for range 2 {
		got := w.Must("b", w.with(), "cargo", "run", "--quiet", "--offline").Stdout
		if want := w.clean("b", nil); got != want {
			t.Errorf("the program prints %q, that of a clean build %q", got, want)
		}
		if taken := w.taken("b/target"); !slices.Contains(taken, "app") {
			t.Errorf("compiled at the other path: %v", taken)
		}
		w.Write("b/data.txt", "data 2")
	}
}

// Reports of coverage are made from the sources in the directory that the program
// names.
func TestCoverage(t *testing.T) {
	t.Parallel()
	for _, switched := range []string{"", "CARGO_COW_TEST_WITHOUT=" + string(ruleDebug)} {
		w := newWorld(t, "RUSTFLAGS=-Cinstrument-coverage -Cllvm-args=-enable-name-compression=false", "CARGO_PROFILE_DEV_DEBUG=0", "LLVM_PROFILE_FILE="+os.DevNull)
		w.tiny("a", "", nil)
		w.commit("a")
		w.seal("a", nil)
		w.restoredWorktree("a", "b")
		w.Edit("b/app/src/main.rs", "edit = 0", "edit = 1")
		w.Must("b", w.with(switched), "cargo", "build", "--quiet", "--offline")
		program := w.Read("b/target/debug/app")
		if names := strings.Contains(program, w.Path("a")); names != (switched != "") {
			t.Errorf("%s: the program names the origin: %v", switched, names)
		}
		if names := strings.Contains(program, w.Path("b")); names != (switched == "") {
			t.Errorf("%s: the program names the place: %v", switched, names)
		}
	}
}

// Who wonders why a first edit is slow is told: by the note that status reads.
func TestNoteOfWhatNamesTheOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tiny("a", "", nil)
	w.commit("a")
	w.seal("a", nil)
	w.restoredWorktree("a", "b")
	w.restoredWorktree("a", "c")
	for _, tt := range []struct{ checkout, env, note string }{
		{"b", "SCHEMA=" + w.Path("a/schema.txt"), "the environment variable SCHEMA names " + w.Path("a")},
		{"c", "SCHEMA=", ""},
	} {
		w.Edit(tt.checkout+"/app/src/main.rs", "edit = 0", "edit = 1")
		w.Must(tt.checkout, w.with(tt.env), "cargo", "build", "--quiet", "--offline")
		if note := handoff.Unavailable(w.Path(tt.checkout + "/target")); note != tt.note {
			t.Errorf("with %s the note is %q, want %q", tt.env, note, tt.note)
		}
	}
}
