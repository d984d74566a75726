package soundness

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// A naming is something that a build puts a name of the checkout into.
type naming struct {
	name  string
	files string
	env   []string
	build []string // "build" where there are none
	// observe tells what is named, after the build; what app prints if nil.
	observe func(w *world, p *fixture.Checkout) string
	// origin: what was compiled anew names the origin, where a clean build names
	// the checkout. docs/soundness.md says why, and what to do about it.
	origin bool
	// inPlace: the wrapper leaves the call alone, and without its rule the origin
	// would be named, or what is named would be wrong.
	inPlace  bool
	checkout string // "b" if ""
}

// panicking is an app whose library panics on demand, in its own source and in a
// file from OUT_DIR.
const panicking = appAndLib + `
-- a/Cargo.toml --
[workspace]
members = ["app", "liba"]
resolver = "3"
[profile.release]
incremental = true
debug = "line-tables-only"
-- a/app/src/main.rs --
fn main() {
    println!("edit 0");
    println!("{} {} {}", file!(), liba::value(), liba::caller());
    std::panic::set_hook(Box::new(|info| println!("{info}")));
    let _ = std::panic::catch_unwind(|| liba::fail(std::env::args().count() + 5));
    let _ = std::panic::catch_unwind(|| liba::generated(std::env::args().count() + 5));
}
-- a/liba/build.rs --
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("gen.rs"), "pub fn generated(n: usize) -> u32 { [1, 2][n] }\n").unwrap();
}
-- a/liba/src/lib.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
/// Edit 0.
///
/// ` + "```" + `
/// println!("{} {}", file!(), liba::value());
/// println!("{}", env!("CARGO_MANIFEST_DIR"));
/// ` + "```" + `
pub fn value() -> u32 { 0 }
pub fn fail(n: usize) -> u32 { [1, 2, 3][n] }
#[track_caller]
pub fn caller() -> String { std::panic::Location::caller().to_string() }
`

var address = regexp.MustCompile(`0x[0-9a-f]+|[0-9]+\.[0-9]+s|thread '[a-z]+' \([0-9]+\)`)

// backtrace is what the program says when it panics and nobody catches it. The
// directory it runs in is written as a dot.
func backtrace(_ *world, p *fixture.Checkout) string {
	r := p.With("RUST_BACKTRACE=1").Run(p.Path("target/debug/app"))
	return strings.ReplaceAll(address.ReplaceAllString(r.Stderr, "N"), " ./", " "+p.Dir+"/")
}

// namesIn tells which of the checkouts the files of the program name that end like
// this and were made since the edit.
func namesIn(w *world, p *fixture.Checkout, suffix string) string {
	p.T.Helper()
	var found []string
	err := filepath.WalkDir(p.Path("target/debug/deps"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) || !strings.HasPrefix(d.Name(), "app-") {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().Before(w.edited) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, o := range []*fixture.Checkout{w.origin, w.checkout} {
			if bytes.Contains(text, []byte(o.Dir+"/")) || bytes.Contains(text, []byte(o.Dir+"\x00")) {
				found = append(found, o.Dir)
			}
		}
		return nil
	})
	if err != nil {
		p.T.Fatal(err)
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), "\n")
}

var namings = []naming{
	{name: "sources-and-panics", files: panicking},
	{name: "release", files: panicking, build: []string{"build", "--release"}},
	{
		name: "names-of-spans",
		files: reading(`let at = proc_macro::Span::call_site(); format!("{} {:?}", at.file(), at.local_file())`) +
			"-- a/app/src/main.rs --\nfn main() { println!(\"edit 0 {}\", liba::value!()); }\n",
	},
	{
		name: "doc-tests", files: panicking, build: []string{"test", "--no-run"},
		observe: func(w *world, p *fixture.Checkout) string {
			return address.ReplaceAllString(p.Says("cargo", "test", "--doc", "--quiet", "--", "--nocapture"), "N")
		},
	},
	{
		// Line tables name the directory they were made in.
		name: "backtrace", origin: true, observe: backtrace,
		files: printing(`liba()`) + "fn liba() -> u32 { println!(\"edit 0\"); [1, 2, 3][std::env::args().count() + 5] }\n",
	},
	{
		name: "split-debug-information", files: panicking, inPlace: true,
		env:     []string{"CARGO_PROFILE_DEV_SPLIT_DEBUGINFO=unpacked"},
		observe: func(w *world, p *fixture.Checkout) string { return namesIn(w, p, ".dwo") },
	},
	{
		name: "packed-debug-information", files: panicking, origin: true,
		env:     []string{"CARGO_PROFILE_DEV_SPLIT_DEBUGINFO=packed"},
		observe: func(w *world, p *fixture.Checkout) string { return namesIn(w, p, ".dwp") },
	},
	{
		// Libraries are looked for by a path that is relative to the program's.
		name: "relative-runpath", files: panicking, inPlace: true, checkout: "deep/er/b",
		env: []string{"RUSTFLAGS=-Cprefer-dynamic -Crpath"},
		observe: func(w *world, p *fixture.Checkout) string {
			return p.Run(p.Path("target/debug/app")).String()
		},
	},
	{
		name: "coverage", files: panicking, inPlace: true,
		env: []string{"RUSTFLAGS=-Cinstrument-coverage -Cllvm-args=-enable-name-compression=false", "CARGO_PROFILE_DEV_DEBUG=0", "LLVM_PROFILE_FILE=" + os.DevNull},
		// The names of sources are in a section of the program.
		observe: func(w *world, p *fixture.Checkout) string {
			text, err := os.ReadFile(p.Path("target/debug/app"))
			if err != nil {
				p.T.Fatal(err)
			}
			return fmt.Sprintf("names the place: %v; the origin: %v", bytes.Contains(text, []byte(w.checkout.Dir)), bytes.Contains(text, []byte(w.origin.Dir+"\x00")) || bytes.Contains(text, []byte(w.origin.Dir+"/")))
		},
	},
}

// TestNamings: what is compiled with the wrapper, after an edit, names what a clean
// build in the checkout names, but for what is listed as naming the origin.
func TestNamings(t *testing.T) {
	dir := btrfs(t)
	for _, n := range namings {
		t.Run(n.name, func(t *testing.T) {
			t.Parallel()
			if n.build == nil {
				n.build = []string{"build"}
			}
			w := newWorld(t, filepath.Join(dir, n.name), n.env...)
			w.lay(txtar.Parse([]byte(n.files)), "a", "a")
			w.commit()
			w.origin.Build(n.build...)
			snapshot(w)
			if n.checkout == "" {
				n.checkout = "b"
			}
			w.checkout = w.At(n.checkout)
			p := w.checkout
			w.origin.Worktree(p.Dir)
			p.Cow("restore")
			for _, name := range []string{n.checkout + "/app/src/main.rs", n.checkout + "/liba/src/lib.rs"} {
				text, err := os.ReadFile(w.Path(name))
				if err == nil {
					w.Write(name, strings.Replace(strings.Replace(string(text), "edit 0", "edit 1", 1), "Edit 0", "Edit 1", 1))
				}
			}
			w.edited = fixture.Stamp(t, w.Path("edited"))
			observe := func(p *fixture.Checkout) string {
				if n.observe == nil {
					return p.Runs("app", n.build...)
				}
				p.Build(n.build...)
				return n.observe(w, p)
			}
			wrapped := p.With("RUSTC_WRAPPER=" + fixture.Wrapper(t))
			got := observe(wrapped)
			crates := compiledElsewhere(t, p.Path("target"))
			if slices.Contains(crates, "app") == n.inPlace {
				t.Errorf("compiled at the origin's path: %q; left alone is %v", crates, n.inPlace)
			}
			w.Remove(n.checkout + "/target")
			want := observe(p)
			if n.inPlace {
				w.Remove(n.checkout + "/target")
				p.Cow("restore")
				if without := observe(wrapped.With("CARGO_COW_TEST_WITHOUT=wrapper-debug")); without == want {
					t.Errorf("without the rule still right, so this proves nothing about it:\n%s", without)
				}
			}
			if want == "" {
				t.Error("nothing is named: this shows nothing")
			}
			if n.origin {
				if got == want {
					t.Errorf("the place is named as well: docs/soundness.md says that it is not\n%s", got)
				}
				got = strings.ReplaceAll(got, w.origin.Dir, w.checkout.Dir)
				got = strings.Join(slices.Compact(strings.Split(got, "\n")), "\n")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("named (-clean build +wrapper):\n%s", diff)
			}
		})
	}
}
