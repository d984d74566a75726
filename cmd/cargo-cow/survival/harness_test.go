package survival

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// project is the workspace of all tests: a program, and a library with a build
// script that can be held at a gate, a file named by GATE: it makes GATE.reached
// and goes on when GATE.open is there. Only the program is ever edited.
var project = map[string]string{
	".gitignore":      "/target\n",
	"Cargo.toml":      "[workspace]\nmembers = [\"app\", \"liba\"]\nresolver = \"3\"\n",
	"app/Cargo.toml":  "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nliba = { path = \"../liba\" }\n",
	"liba/Cargo.toml": "[package]\nname = \"liba\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
	"name":            "cow",
	// A file outside the package is watched by its absolute path.
	"liba/src/lib.rs": "pub fn name() -> &'static str { include_str!(\"../../name\") }\n",
	"app/src/main.rs": mainRS("first"),
	"liba/build.rs": `fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GATE");
    let Ok(gate) = std::env::var("GATE") else { return };
    std::fs::write(format!("{gate}.reached"), "").unwrap();
    while !std::fs::exists(format!("{gate}.open")).unwrap() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
`,
}

// mainRS is a program that says text and the library's name.
func mainRS(text string) string {
	return fmt.Sprintf("fn main() { println!(\"%s {}\", liba::name()); }\n", text)
}

// A world is a directory with an origin, a store, and the checkouts made from
// the origin.
type world struct {
	fixture.World
	store  string
	origin *checkout
}

// newWorld makes the origin in dir, under git, and builds nothing yet.
func newWorld(t *testing.T, dir string, env ...string) *world {
	t.Helper()
	return newWorldAs(t, nil, dir, env...)
}

func newWorldAs(t *testing.T, user *syscall.Credential, dir string, env ...string) *world {
	t.Helper()
	w := &world{World: fixture.NewWorld(t, dir, append([]string{"CARGO_PROFILE_DEV_DEBUG=0"}, env...)...)}
	w.User, w.store = user, w.Path("store")
	w.origin = w.at("a")
	for name, text := range project {
		w.origin.Write(name, text)
	}
	if user != nil {
		w.Own("a", int(user.Uid))
	}
	w.origin.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	w.origin.Repository()
	return w
}

// sealed makes the origin ready: initialised, built, marked, and sealed.
func (w *world) sealed() *world {
	w.T.Helper()
	w.origin.cow("init")
	if w.User == nil { // else the notes would be another's
		fixture.Acquaint(w.T, w.origin.Target(), w.Env)
	}
	w.origin.Must("cargo", "build", "--quiet")
	w.origin.mark("layer")
	w.origin.cow("snapshot")
	return w
}

// checkout adds a worktree.
func (w *world) checkout(name string) *checkout {
	w.T.Helper()
	return &checkout{Checkout: w.origin.Worktree(name), w: w}
}

func (w *world) at(name string) *checkout { return &checkout{Checkout: w.At(name), w: w} }

// A checkout is one of the world.
type checkout struct {
	*fixture.Checkout
	w *world
	// restored is what the last restore said, for the message when cargo then
	// disagrees.
	restored string
}

// in is the checkout seen by a subtest.
func (c *checkout) in(t testing.TB) *checkout { return &checkout{Checkout: c.In(t), w: c.w} }

// with is the checkout with more environment.
func (c *checkout) with(env ...string) *checkout { return &checkout{Checkout: c.With(env...), w: c.w} }

// mark leaves a file in the build directory by which it is known again.
func (c *checkout) mark(name string) {
	c.T.Helper()
	c.Write("target/debug/incremental/which", name)
}

// marked reads the mark; "" where there is no build directory, or none marked.
func (c *checkout) marked() string {
	c.T.Helper()
	b, err := os.ReadFile(c.Target("debug/incremental/which"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.T.Fatal(err)
	}
	return string(b)
}

// cow runs cargo-cow, which has to succeed, and returns the line that carries
// the command's own name as its reason.
func (c *checkout) cow(args ...string) map[string]any {
	c.T.Helper()
	r := c.TryCow(args...)
	if r.Code != 0 {
		c.T.Fatalf("cargo-cow %q in %s: %v", args, c.Dir, r)
	}
	if args[0] == "restore" {
		c.restored = r.Stdout
	}
	return r.Line(c.T, args[0])
}

// fails checks that a command failed with the code and said all of the texts in
// its error or its help.
func fails(t testing.TB, r fixture.Result, code int, texts ...string) {
	t.Helper()
	e := r.Line(t, "error")
	if r.Code != code || r.Signal != 0 || e == nil {
		t.Fatalf("want exit code %d and an error, got %v", code, r)
	}
	said := fmt.Sprint(e["message"], "\n", e["help"])
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("the error does not say %q: %s", text, said)
		}
	}
}

// build builds with plain cargo and returns the units that rustc ran for, and
// what the program then says.
func (c *checkout) build(args ...string) (compiled []string, says string) {
	c.T.Helper()
	for _, m := range c.Build(append([]string{"build", "--offline"}, args...)...).Messages {
		if m.Reason == "compiler-artifact" && !m.Fresh {
			compiled = append(compiled, m.Target.Kind[0]+" "+m.Target.Name)
		}
	}
	slices.Sort(compiled)
	profile := "debug"
	if slices.Contains(args, "--release") {
		profile = "release"
	}
	return compiled, c.Says(c.Target(profile, "app"))
}

// builds checks what a build compiles and what the program says then.
func (c *checkout) builds(want []string, says string) {
	c.T.Helper()
	compiled, said := c.build()
	if !slices.Equal(compiled, want) {
		c.T.Errorf("cargo compiled %q, want %q; the restore had said:\n%s", compiled, want, c.restored)
	}
	if said != says+" cow" {
		c.T.Errorf("the program says %q, want %q", said, says+" cow")
	}
}

// checks runs `cargo cow check`, which must find nothing.
func (c *checkout) checks() {
	c.T.Helper()
	if r := c.TryCow("check", "--deep"); r.Code != 0 || r.Line(c.T, "check")["clean"] != true {
		c.T.Errorf("check: %v", r)
	}
}

// tidy checks that nothing half-made lies beside the build directory or in the
// store.
func (c *checkout) tidy() {
	c.T.Helper()
	for dir, prefixes := range map[string][]string{
		c.Dir:                               {".target.cargo-cow-tmp"},
		filepath.Join(c.w.store, "layers"):  {".tmp-", ".trash-"},
		filepath.Join(c.w.store, "records"): {".tmp-", ".trash-"},
		c.w.store:                           {".tmp-", ".trash-"},
	} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			c.T.Fatal(err)
		}
		for _, e := range entries {
			for _, prefix := range prefixes {
				if strings.HasPrefix(e.Name(), prefix) {
					c.T.Errorf("%s is left over", filepath.Join(dir, e.Name()))
				}
			}
		}
	}
	if fixture.Exists(c.Target(".cargo-cow/prepared")) {
		c.T.Error("the build directory is marked as not in place yet")
	}
}

// isTree reports whether a path is a subvolume: the root of each has this inode
// number (Linux, include/uapi/linux/btrfs_tree.h:BTRFS_FIRST_FREE_OBJECTID).
func isTree(t testing.TB, path string) bool {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino == 256
}
