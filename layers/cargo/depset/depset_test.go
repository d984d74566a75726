package depset

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

const lockV4 = `version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["liba", "serde"]

[[package]]
name = "liba"
version = "0.1.0"

[[package]]
name = "serde"
version = "1.0.1"
source = "registry+https://registry.example/index"
checksum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
`

func parseLock(t *testing.T, text string) *lockfile.Lockfile {
	t.Helper()
	l, err := lockfile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCanonicalLock(t *testing.T) {
	blocks := strings.SplitAfter(lockV4, "\n\n")
	reordered := blocks[0] + strings.TrimRight(blocks[3], "\n") + "\n\n" + blocks[2] + blocks[1]
	tests := []struct {
		name, text string
		same       bool
	}{
		{"nothing", lockV4, true},
		{"order", reordered, true},
		{"form", strings.Replace(lockV4, "version = 4", "version = 3", 1), true},
		{"a member's version", strings.Replace(lockV4, "\"0.1.0\"\ndep", "\"0.2.0\"\ndep", 1), true},
		{"a member's dependencies", strings.Replace(lockV4, `"liba", "serde"`, `"liba"`, 1), true},
		{"a member's name", strings.ReplaceAll(lockV4, "liba", "libb"), false},
		{"a member more", lockV4 + "\n[[package]]\nname = \"new\"\nversion = \"0.1.0\"\n", false},
		{"a dependency's version", strings.Replace(lockV4, "1.0.1", "1.0.2", 1), false},
		{"a dependency's source", strings.Replace(lockV4, "registry.example", "other.example", 1), false},
		{"a dependency's checksum", strings.Replace(lockV4, "0123456789abcdef", "1123456789abcdef", 1), false},
	}
	want := canonicalLock(parseLock(t, lockV4))
	for _, tt := range tests {
		if got := canonicalLock(parseLock(t, tt.text)); bytes.Equal(got, want) != tt.same {
			t.Errorf("%s changed: same = %v; want %v\n%s", tt.name, !tt.same, tt.same, got)
		}
	}
}

// checkout is a workspace with a toolchain of shell scripts.
type checkout struct {
	dir  string
	ws   *project.Workspace
	tool project.Tool
}

func newCheckout(t *testing.T) *checkout {
	t.Helper()
	c := &checkout{dir: cargotest.RealTempDir(t)}
	cargotest.Write(t, c.dir, map[string]string{
		"ws/Cargo.toml":         "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n",
		"ws/.cargo/config.toml": "[build]\nrustflags = [\"-Cprofile-use=mem.ld\"]\n",
		"ws/mem.ld":             "a",
		"ws/src/lib.rs":         "a",
	})
	c.program(t, "rustc", "rustc 1.95.0 (abc 2026-03-21)\nhost: x86_64-unknown-linux-gnu")
	c.program(t, "cargo", "cargo 1.95.0 (abc 2026-03-21)")
	c.program(t, "cc", "cc")
	c.program(t, "ld", "ld")
	c.program(t, "other", "other")
	c.program(t, "ld.fast", "ld")
	c.ws = &project.Workspace{Root: c.dir + "/ws", CargoHome: c.dir + "/home", Lock: parseLock(t, lockV4)}
	c.tool = project.Tool{Cargo: c.dir + "/bin/cargo", Dir: c.ws.Root, Environ: []string{"RUSTC=" + c.dir + "/bin/rustc", "PATH=" + c.dir + "/bin:/usr/bin:/bin"}}
	return c
}

// program makes a script that prints text whatever it is asked.
func (c *checkout) program(t *testing.T, name, text string) {
	t.Helper()
	cargotest.Write(t, c.dir, map[string]string{"bin/" + name: "#!/bin/sh\necho '" + text + "'\n"})
	if err := os.Chmod(c.dir+"/bin/"+name, 0o777); err != nil {
		t.Fatal(err)
	}
}

func (c *checkout) config(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Load(c.ws.Root, c.ws.CargoHome, c.tool.Environ)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func (c *checkout) fingerprint(t *testing.T, rules rule.Set) *Fingerprint {
	t.Helper()
	cfg := c.config(t)
	id, err := c.tool.Toolchain(t.Context(), c.ws.Root, cfg)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Compute(c.ws, c.tool, id, cfg, rules)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.ID) != 32 || strings.Trim(f.ID, "0123456789abcdef") != "" {
		t.Fatalf("id %q", f.ID)
	}
	return f
}

func TestFingerprint(t *testing.T) {
	write := func(name, text string) func(*testing.T, *checkout) {
		return func(t *testing.T, c *checkout) { cargotest.Write(t, c.dir, map[string]string{name: text}) }
	}
	env := func(kv string) func(*testing.T, *checkout) {
		return func(t *testing.T, c *checkout) { c.tool.Environ = append(c.tool.Environ, kv) }
	}
	lock := func(old, text string) func(*testing.T, *checkout) {
		return func(t *testing.T, c *checkout) {
			if !strings.Contains(lockV4, old) {
				t.Fatalf("no %q in the lockfile", old)
			}
			c.ws.Lock = parseLock(t, strings.Replace(lockV4, old, text, 1))
		}
	}
	config := func(text string) func(*testing.T, *checkout) {
		return write("ws/.cargo/config.toml", "[build]\nrustflags = [\"-Cprofile-use=mem.ld\"]\n"+text)
	}
	both := func(changes ...func(*testing.T, *checkout)) func(*testing.T, *checkout) {
		return func(t *testing.T, c *checkout) {
			for _, change := range changes {
				change(t, c)
			}
		}
	}
	nightly := func(t *testing.T, c *checkout) { c.program(t, "cargo", "cargo 1.97.0-nightly (abc 2026-05-15)") }
	later := func(t *testing.T, c *checkout) { c.program(t, "cargo", "cargo 1.99.1 (abc 2026-08-27)") }
	tests := []struct {
		name   string
		change func(t *testing.T, c *checkout)
		want   string // the ingredient that differs, "" for none
	}{
		{"nothing", func(*testing.T, *checkout) {}, ""},
		{"a source", write("ws/src/lib.rs", "b"), ""},
		{"a variable", env("EDITOR=vi"), ""},
		{"a file no flag names", write("ws/other.ld", "b"), ""},
		{"a member's version", lock("\"0.1.0\"\ndep", "\"0.2.0\"\ndep"), ""},
		{"a member's dependencies", lock(`"liba", "serde"`, `"liba"`), ""},
		{"the lockfile's version", lock("version = 4", "version = 3"), ""},
		{"a dependency", lock("1.0.1", "1.0.2"), "packages"},
		{"a dependency's source", lock("registry.example", "other.example"), "packages"},
		{"a dependency's checksum, near its end", lock("abcdef\"", "abcdee\""), "packages"},

		{"rustc", func(t *testing.T, c *checkout) { c.program(t, "rustc", "rustc 1.96.0") }, "rustc"},
		{"rustc's second line", func(t *testing.T, c *checkout) { c.program(t, "rustc", "rustc 1.95.0 (abc 2026-03-21)\nhost: aarch64") }, "rustc"},
		{"what rustc's script adds", func(t *testing.T, c *checkout) {
			cargotest.Write(t, c.dir, map[string]string{"bin/rustc": "#!/bin/sh\necho 'rustc 1.95.0 (abc 2026-03-21)\nhost: x86_64-unknown-linux-gnu' # -g\n"})
		}, "rustc"},
		{"cargo", func(t *testing.T, c *checkout) { c.program(t, "cargo", "cargo 1.96.0") }, "cargo"},
		{"cargo's home", func(t *testing.T, c *checkout) { c.ws.CargoHome += "2" }, "cargo-home"},
		{"how cargo's home is written", func(t *testing.T, c *checkout) { c.ws.CargoHome += "/./" }, ""},
		{"unstable features by variable", env("RUSTC_BOOTSTRAP=1"), "bootstrap"},
		{"the linker", func(t *testing.T, c *checkout) { c.program(t, "cc", "another cc") }, "linker"},
		{"what the linker calls", func(t *testing.T, c *checkout) { c.program(t, "ld", "another ld") }, "linker"},
		{"a configured linker", env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=other"), "linker"},
		{"a linker by flag", both(env("CARGO_BUILD_RUSTFLAGS=-Clinker=other")), "settings linker"},
		{"a linker by flag, in two words", both(env("CARGO_BUILD_RUSTFLAGS=-C linker=other")), "settings linker"},
		{"the linker cc is to call", both(env("CARGO_BUILD_RUSTFLAGS=-Clink-arg=-fuse-ld=fast")), "settings linker"},
		{"a wrapper of members", env("RUSTC_WORKSPACE_WRAPPER=/bin/true"), "workspace-wrapper"},

		{"a comment of the manifest", write("ws/Cargo.toml", "# x\n[profile.dev]\nopt-level = 1\n"), ""},
		{"order and form of the manifest", write("ws/Cargo.toml", "profile = { dev = { opt-level = 0x1 } }\nworkspace = { members = [] }\n"), ""},
		{"the rest of the manifest", write("ws/Cargo.toml", "[workspace]\nresolver = \"2\"\n[profile.dev]\nopt-level = 1\n[patch.crates-io]\nserde = { path = \"/x\" }\n"), ""},
		{"a profile by variable", env("CARGO_PROFILE_DEV_DEBUG=0"), "profiles"},
		{"a profile by configuration", config("[profile.dev]\ndebug = 0\n"), "profiles"},
		{"a profile by a file above", write(".cargo/config.toml", "[profile.dev]\ndebug = 0\n"), "profiles"},
		{"a profile by cargo's home", write("home/config.toml", "[profile.dev]\ndebug = 0\n"), "profiles"},
		{"a profile by manifest", write("ws/Cargo.toml", "[profile.dev]\nopt-level = 2\n"), "profiles"},
		{"a profile by variable that says the same", env("CARGO_PROFILE_DEV_OPT_LEVEL=1"), ""},
		{"a profile by variable in place of the manifest", both(write("ws/Cargo.toml", "[workspace]\n"), env("CARGO_PROFILE_DEV_OPT_LEVEL=1")), ""},
		{"a profile by configuration in place of the manifest", both(write("ws/Cargo.toml", "[workspace]\n"), config("[profile.dev]\nopt-level = 1\n")), ""},
		{"a profile's default", config("[profile.release]\nopt-level = 3\n"), ""},
		{"CI before 1.99", env("CI=true"), ""},
		{"CI since 1.99", both(later, env("CI=")), "cargo profiles"},
		{"CI by another name", both(later, env("TF_BUILD=1")), "cargo profiles"},
		{"CI with incremental state", both(later, env("CI=true"), env("CARGO_INCREMENTAL=1")), "cargo profiles"},
		{"a manifest nobody can read", write("ws/Cargo.toml", "[profile"), "profiles"},

		{"flags", env("RUSTFLAGS=-g"), "settings flag-files"},
		{"flags by variable", both(write("ws/.cargo/config.toml", ""), env("RUSTFLAGS=-Cprofile-use=mem.ld")), ""},
		{"flags by another variable", both(write("ws/.cargo/config.toml", ""), env("CARGO_ENCODED_RUSTFLAGS=-Cprofile-use=mem.ld")), ""},
		{"flags by a file above", both(write("ws/.cargo/config.toml", ""), write(".cargo/config.toml", "build.rustflags = \"-Cprofile-use=mem.ld\"\n")), ""},
		{"the file a flag names", write("ws/mem.ld", "b"), "flag-files"},
		{"the file that only a linker is handed", write("ws/.cargo/config.toml", "[build]\nrustflags = [\"-Clink-arg=-Tmem.ld\"]\n"), "settings flag-files"},
		{"[unstable] on stable", config("[unstable]\nbuild-std = [\"core\"]\n"), ""},
		{"[unstable] on nightly", both(nightly, config("[unstable]\nbuild-std = [\"core\"]\n")), "settings cargo"},
		{"the layout on stable", env("CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"), ""},
		{"the layout on nightly by variable", both(nightly, env("CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true")), "cargo layout"},
		{"the layout on nightly by file", both(nightly, config("[unstable]\nbuild-dir-new-layout = true\n")), "cargo layout"},
		{"the layout declined", env("__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT=1"), "layout"},
		{"sources replaced", write("home/config.toml", "[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"https://m\"\n"), "settings"},

		{"a target by variable", env("CARGO_BUILD_TARGET=x86_64-unknown-linux-musl"), "targets"},
		{"a target by file", config("target = \"x86_64-unknown-linux-musl\"\n"), "targets"},
		{"the host as a target", config("target = [\"host-tuple\"]\n"), "targets"},
		{"a target's specification", both(config("target = \"t.json\"\n"), write("ws/t.json", "{}")), "targets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCheckout(t)
			before := c.fingerprint(t, rule.Set{})
			tt.change(t, c)
			after := c.fingerprint(t, rule.Set{})
			for _, name := range strings.Fields(tt.want) {
				a, _ := before.Find(name)
				if b, _ := after.Find(name); a.equal(b) {
					t.Errorf("%s is as before: %v", name, a)
				}
			}
			if (after.ID == before.ID) != (tt.want == "") {
				t.Errorf("id %s, then %s; want a change of %q\n%v\n%v", before.ID, after.ID, tt.want, before.Ingredients, after.Ingredients)
			}
			var differ []string
			for _, d := range before.Diff(after) {
				if !slices.Contains(differ, d.Ingredient) {
					differ = append(differ, d.Ingredient)
				}
			}
			want := strings.Fields(tt.want)
			slices.Sort(differ)
			slices.Sort(want)
			if !slices.Equal(differ, want) {
				t.Errorf("Diff tells of %q; want %q", differ, want)
			}
		})
	}
}

// One meaning, said in two ways that the first table does not have side by side.
func TestFingerprintOfEqualMeaning(t *testing.T) {
	for name, pair := range map[string][2]struct {
		file    string
		environ []string
	}{
		"CI and by variable": {{environ: []string{"CI=true"}}, {environ: []string{"CARGO_INCREMENTAL=0"}}},
		"host-tuple":         {{file: "build.target = \"host-tuple\""}, {environ: []string{"CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu"}}},
		"order of targets":   {{file: "build.target = [\"b\", \"a\"]"}, {file: "build.target = [\"a\", \"b\", \"a\"]"}},
		"a JSON target":      {{file: "build.target = \"t.json\""}, {environ: []string{"CARGO_BUILD_TARGET=t.json"}}},
		"no flags":           {{file: "build.rustflags = []"}, {file: "build.rustflags = [\"-g\"]", environ: []string{"RUSTFLAGS="}}},
	} {
		c := newCheckout(t)
		c.program(t, "cargo", "cargo 1.99.1 (abc 2026-08-27)")
		environ := c.tool.Environ
		var got []string
		for _, say := range pair {
			cargotest.Write(t, c.dir, map[string]string{"ws/.cargo/config.toml": say.file, "ws/t.json": "{}"})
			c.tool.Environ = append(slices.Clone(environ), say.environ...)
			got = append(got, fmt.Sprint(c.fingerprint(t, rule.Set{}).Ingredients))
		}
		if got[0] != got[1] {
			t.Errorf("%s:\n%s\n%s", name, got[0], got[1])
		}
	}
}

// Two checkouts of one machine have one fingerprint, wherever they are.
func TestFingerprintMoves(t *testing.T) {
	c := newCheckout(t)
	cargotest.Write(t, c.dir, map[string]string{
		"ws/.cargo/config.toml": "[build]\ntarget = \"t.json\"\nrustflags = [\"-Cprofile-use=mem.ld\"]\n" +
			"[target.t]\nlinker = \"./link\"\n[source.v]\ndirectory = \"vendor\"\n",
		"ws/t.json": "{}", "ws/link": "l",
	})
	before := c.fingerprint(t, rule.Set{})
	moved := c.dir + "/elsewhere/deeper"
	if err := os.MkdirAll(filepath.Dir(moved), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.ws.Root, moved); err != nil {
		t.Fatal(err)
	}
	c.ws.Root, c.tool.Dir = moved, moved
	if err := os.Chtimes(moved+"/link", time.Unix(1, 0), time.Unix(1, 0)); err != nil { // git gives it another time
		t.Fatal(err)
	}
	if after := c.fingerprint(t, rule.Set{}); after.ID != before.ID {
		t.Errorf("the fingerprint depends on where the checkout is:\n%v\n%v", before.Ingredients, after.Ingredients)
	}
	if got := before.Get("cargo"); got != "cargo 1.95.0 (abc 2026-03-21)" {
		t.Errorf("ingredient cargo = %q", got)
	}
	if got := before.Get("rustc"); got != "rustc 1.95.0 (abc 2026-03-21)" {
		t.Errorf("ingredient rustc = %q", got)
	}
	for _, name := range []string{ingSettings, ingLinker, ingTargets, ingFlagFiles} {
		if i, _ := before.Find(name); strings.Contains(strings.Join(i.Lines, "")+i.Value, c.dir+"/ws") {
			t.Errorf("ingredient %s names the checkout: %v", name, i)
		}
	}
	if got := before.Get("no such"); got != "" {
		t.Errorf("ingredient without a name = %q", got)
	}
}

// A wrapper of the members in the checkout is another one in each: cargo gives the
// members other ids by its path.
func TestFingerprintOfMovedWrapper(t *testing.T) {
	c := newCheckout(t)
	cargotest.Write(t, c.dir, map[string]string{"ws/.cargo/config.toml": "[build]\nrustc-workspace-wrapper = \"./wrap\"\n", "ws/wrap": "w"})
	before := c.fingerprint(t, rule.Set{})
	moved := c.dir + "/moved"
	if err := os.Rename(c.ws.Root, moved); err != nil {
		t.Fatal(err)
	}
	c.ws.Root, c.tool.Dir = moved, moved
	if after := c.fingerprint(t, rule.Set{}); after.ID == before.ID {
		t.Errorf("another path, and the same fingerprint %v", after.Ingredients)
	}
}

func TestFingerprintFails(t *testing.T) {
	c := newCheckout(t)
	cfg := c.config(t)
	tool := c.tool
	tool.Cargo = c.dir + "/bin/none"
	if _, err := tool.Toolchain(t.Context(), c.ws.Root, cfg); !errors.Is(err, project.ErrNoCargo) {
		t.Errorf("without cargo: %v; want ErrNoCargo", err)
	}
	cargotest.Write(t, c.dir, map[string]string{"bin/broken": "#!/bin/sh\necho 'error: toolchain is not installed' >&2\nexit 1\n"})
	if err := os.Chmod(c.dir+"/bin/broken", 0o777); err != nil {
		t.Fatal(err)
	}
	tool = c.tool
	tool.Environ = append(slices.Clone(tool.Environ), "RUSTC="+c.dir+"/bin/broken")
	if _, err := tool.Toolchain(t.Context(), c.ws.Root, cfg); err == nil || !strings.Contains(err.Error(), "toolchain is not installed") {
		t.Errorf("with a broken rustc: %v", err)
	}
	c.ws.Lock = nil
	if _, err := Compute(c.ws, c.tool, &project.Toolchain{}, cfg, rule.Set{}); !errors.Is(err, project.ErrNoLockfile) {
		t.Errorf("without a lockfile: %v; want ErrNoLockfile", err)
	}
}

func TestLook(t *testing.T) {
	c := newCheckout(t)
	cargotest.Write(t, c.dir, map[string]string{"bin/data": "no program", "ws/tools/ld": ""})
	tests := map[string]string{
		"cc":          c.dir + "/bin/cc",
		"data":        "data", // not to be run
		"none-such":   "none-such",
		"tools/ld":    c.ws.Root + "/tools/ld",
		"/opt/bin/ld": "/opt/bin/ld",
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if got := c.tool.LookPath(c.ws.Root, name); got != tests[name] {
			t.Errorf("look(%s) = %s; want %s", name, got, tests[name])
		}
	}
}

func TestAppendQuoted(t *testing.T) {
	for _, text := range []string{"", "serde", "1.0.0+a~b", "a b", `a"b`, `a\b`, "a\tb", "\x7f", "ä", "\xff", "git+https://example.org/x?branch=ä#1"} {
		if got, want := string(appendQuoted([]byte("x"), text)), "x"+strconv.Quote(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
