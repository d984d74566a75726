package cargo

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
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
	ws   *Workspace
	tool Tool
}

func newCheckout(t *testing.T) *checkout {
	t.Helper()
	c := &checkout{dir: realTempDir(t)}
	cargotest.Write(t, c.dir, map[string]string{
		"ws/Cargo.toml":         "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n",
		"ws/.cargo/config.toml": "[build]\nrustflags = [\"-Clink-arg=-Tmem.ld\"]\n",
		"ws/mem.ld":             "a",
		"ws/src/lib.rs":         "a",
	})
	c.program(t, "rustc", "rustc 1.95.0 (abc 2026-03-21)\nhost: x86_64-unknown-linux-gnu")
	c.program(t, "cargo", "cargo 1.95.0 (abc 2026-03-21)")
	c.program(t, "cc", "cc")
	c.ws = &Workspace{Root: c.dir + "/ws", CargoHome: c.dir + "/home", Lock: parseLock(t, lockV4)}
	c.tool = Tool{Cargo: c.dir + "/bin/cargo", Dir: c.ws.Root, Environ: []string{"RUSTC=" + c.dir + "/bin/rustc", "PATH=" + c.dir + "/bin:/usr/bin:/bin"}}
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

func (c *checkout) fingerprint(t *testing.T, rules Rules) *Fingerprint {
	t.Helper()
	cfg := c.config(t)
	id, err := c.tool.Toolchain(t.Context(), c.ws.Root, cfg)
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.ws.Fingerprint(c.tool, id, cfg, rules)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.ID) != 32 || strings.Trim(f.ID, hexDigits) != "" {
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
	tests := []struct {
		name   string
		change func(t *testing.T, c *checkout)
		same   bool
	}{
		{"nothing", func(*testing.T, *checkout) {}, true},
		{"a source", write("ws/src/lib.rs", "b"), true},
		{"a comment of the manifest", write("ws/Cargo.toml", "# x\n[profile.dev]\nopt-level = 1\n"), true},
		{"a variable", env("EDITOR=vi"), true},
		{"a file no flag names", write("ws/other.ld", "b"), true},
		{"a member's version", func(t *testing.T, c *checkout) {
			c.ws.Lock = parseLock(t, strings.Replace(lockV4, "\"0.1.0\"\ndep", "\"0.2.0\"\ndep", 1))
		}, true},

		{"a dependency", func(t *testing.T, c *checkout) {
			c.ws.Lock = parseLock(t, strings.Replace(lockV4, "1.0.1", "1.0.2", 1))
		}, false},
		{"rustc", func(t *testing.T, c *checkout) { c.program(t, "rustc", "rustc 1.96.0") }, false},
		{"rustc's second line", func(t *testing.T, c *checkout) { c.program(t, "rustc", "rustc 1.95.0 (abc 2026-03-21)\nhost: aarch64") }, false},
		{"cargo", func(t *testing.T, c *checkout) { c.program(t, "cargo", "cargo 1.96.0") }, false},
		{"cargo's home", func(t *testing.T, c *checkout) { c.ws.CargoHome += "2" }, false},
		{"flags", env("RUSTFLAGS=-Ctarget-cpu=native"), false},
		{"a profile by variable", env("CARGO_PROFILE_DEV_DEBUG=0"), false},
		{"a profile by configuration", write("ws/.cargo/config.toml", "[build]\nrustflags = [\"-Clink-arg=-Tmem.ld\"]\n[profile.dev]\ndebug = 0\n"), false},
		{"a profile by manifest", write("ws/Cargo.toml", "[profile.dev]\nopt-level = 2\n"), false},
		{"a manifest nobody can read", write("ws/Cargo.toml", "[profile"), false},
		{"the file a flag names", write("ws/mem.ld", "b"), false},
		{"the linker", func(t *testing.T, c *checkout) { c.program(t, "cc", "another cc") }, false},
		{"a configured linker", env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=ld.other"), false},
		{"a wrapper of members", env("RUSTC_WORKSPACE_WRAPPER=/bin/true"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCheckout(t)
			before := c.fingerprint(t, Rules{})
			tt.change(t, c)
			after := c.fingerprint(t, Rules{})
			if (after.ID == before.ID) != tt.same {
				t.Errorf("same id = %v; want %v\n%v\n%v", !tt.same, tt.same, before.Ingredients, after.Ingredients)
			}
		})
	}
}

// Two checkouts of one machine have one fingerprint, wherever they are.
func TestFingerprintMoves(t *testing.T) {
	c := newCheckout(t)
	before := c.fingerprint(t, Rules{})
	moved := c.dir + "/elsewhere/deeper"
	if err := os.MkdirAll(filepath.Dir(moved), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.ws.Root, moved); err != nil {
		t.Fatal(err)
	}
	c.ws.Root, c.tool.Dir = moved, moved
	if after := c.fingerprint(t, Rules{}); after.ID != before.ID {
		t.Errorf("the fingerprint depends on where the checkout is:\n%v\n%v", before.Ingredients, after.Ingredients)
	}
	if got := before.Get("cargo"); got != "cargo 1.95.0 (abc 2026-03-21)" {
		t.Errorf("ingredient cargo = %q", got)
	}
	if got := before.Get("rustc"); got != "rustc 1.95.0 (abc 2026-03-21)" {
		t.Errorf("ingredient rustc = %q", got)
	}
	if got := before.Get("no such"); got != "" {
		t.Errorf("ingredient without a name = %q", got)
	}
}

func TestFingerprintFails(t *testing.T) {
	c := newCheckout(t)
	cfg := c.config(t)
	tool := c.tool
	tool.Cargo = c.dir + "/bin/none"
	if _, err := tool.Toolchain(t.Context(), c.ws.Root, cfg); !errors.Is(err, ErrNoCargo) {
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
	if _, err := c.ws.Fingerprint(c.tool, &Toolchain{}, cfg, Rules{}); !errors.Is(err, ErrNoLockfile) {
		t.Errorf("without a lockfile: %v; want ErrNoLockfile", err)
	}
}

func TestFlagFiles(t *testing.T) {
	dir := realTempDir(t)
	cargotest.Write(t, dir, map[string]string{"mem.ld": "", "sub/script.x": "", "abs.map": "", "native/x": ""})
	tests := []struct {
		flags string
		want  []string
	}{
		{`["-C", "link-arg=-Tmem.ld"]`, []string{"mem.ld"}},
		{`link-args=-Wl,-T,sub/script.x`, []string{"sub/script.x"}},
		{"-Clink-arg=-Wl,--version-script=" + dir + "/abs.map\x1f-Cx", []string{"abs.map"}},
		{`-L native -Cpanic=abort`, nil}, // a directory
		{`mem.ld mem.ld sub/script.x`, []string{"mem.ld", "sub/script.x"}},
		{`-T -Wl -B`, nil},
		{"", nil},
	}
	for _, tt := range tests {
		var want []string
		for _, w := range tt.want {
			want = append(want, dir+"/"+w)
		}
		if got := flagFiles(dir, tt.flags); !slices.Equal(got, want) {
			t.Errorf("flagFiles(%q) = %v; want %v", tt.flags, got, want)
		}
	}
}

func FuzzFlagFiles(f *testing.F) {
	dir := f.TempDir()
	cargotest.Write(f, dir, map[string]string{"mem.ld": ""})
	for _, s := range []string{"-Tmem.ld", "-Wl,-T,mem.ld", "=\x1f=", "-T\x00", "-B../mem.ld"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, flags string) {
		got := flagFiles(dir, flags)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("flagFiles(%q) = %v", flags, got)
		}
		for _, path := range got {
			if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() || !filepath.IsAbs(path) {
				t.Errorf("flagFiles(%q) names %q: %v", flags, path, err)
			}
		}
	})
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
		if got := c.tool.look(c.ws.Root, name); got != tests[name] {
			t.Errorf("look(%s) = %s; want %s", name, got, tests[name])
		}
	}
}
