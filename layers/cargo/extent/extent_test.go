package extent

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A yard is a directory with repositories in it.
type yard struct {
	t   *testing.T
	dir string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &yard{t, dir}
}

func (y *yard) path(name string) string { return filepath.Join(y.dir, name) }

func (y *yard) git(dir string, args ...string) {
	y.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", y.path(dir), "-c", "user.name=n", "-c", "user.email=n@example.invalid",
		"-c", "protocol.file.allow=always", "-c", "advice.addEmbeddedRepo=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (y *yard) write(name, text string) {
	y.t.Helper()
	if err := os.MkdirAll(filepath.Dir(y.path(name)), 0o777); err != nil {
		y.t.Fatal(err)
	}
	if err := os.WriteFile(y.path(name), []byte(text), 0o666); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) repository(name string) {
	y.t.Helper()
	y.write(name+"/file", name)
	y.git(name, "init", "-q", "-b", "main")
	y.git(name, "add", "-A")
	y.git(name, "commit", "-qm", "one")
}

func TestNested(t *testing.T) {
	y := newYard(t)
	for _, name := range []string{"up", "deep", "app"} {
		y.repository(name)
	}
	y.git("up", "submodule", "--quiet", "add", y.path("deep"), "deep")
	y.git("up", "commit", "-qm", "two")
	y.git("app", "submodule", "--quiet", "add", y.path("up"), "vendor/up")
	y.git("app", "submodule", "--quiet", "update", "--init", "--recursive")
	// One whose git directory stays where it was, and others that are no part.
	y.repository("app/old")
	y.git("app", "add", "old")
	y.git("app", "commit", "-qm", "two")
	y.repository("app/clone")
	y.git("app", "worktree", "add", "-q", "--detach", y.path("app/.worktrees/x"))
	y.git("up", "worktree", "add", "-q", "--detach", y.path("app/foreign"))
	y.git("app/vendor/up", "worktree", "add", "-q", "--detach", y.path("app/twin"))
	y.git(".", "clone", "-q", "--separate-git-dir", y.path("apart.git"), y.path("up"), y.path("app/apart"))
	y.write("app/plain/x", "")
	y.write("app/gone/.git", "gitdir: "+y.path("elsewhere/.git/worktrees/gone"))
	y.write("app/module/.git", "gitdir: /hidden/app/.git/modules/module")
	y.write("app/broken/.git", "nothing of git's")

	want := map[string]Kind{
		"app/plain": Part, "app/vendor/up": Part, "app/vendor/up/deep": Part, "app/old": Part, "app/module": Part,
		"app/.worktrees/x": Twin, "app/twin": Twin,
		"app/clone": Foreign, "app/foreign": Foreign, "app/apart": Foreign, "app/gone": Foreign, "app/broken": Foreign,
	}
	check := func(c *Checkout, want map[string]Kind) {
		t.Helper()
		got := map[string]Kind{}
		for name := range want {
			got[name] = c.Nested(y.path(name))
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				t.Errorf("%s is %d, want %d", name, got[name], want[name])
			}
		}
	}
	check(Of(y.path("app")), want)
	check(Of(y.path("app/plain")), want)

	// A worktree has its own submodules, and they theirs.
	y.git("app", "worktree", "add", "-q", "--detach", y.path("place"))
	y.git("place", "submodule", "--quiet", "update", "--init", "--recursive", "vendor/up")
	y.git("place", "worktree", "add", "-q", "--detach", y.path("place/nested"))
	check(Of(y.path("place")), map[string]Kind{"place/vendor/up": Part, "place/vendor/up/deep": Part, "place/nested": Twin})

	// A workspace that itself is a submodule.
	y.git("app", "worktree", "add", "-q", "--detach", y.path("app/vendor/up/agents"))
	check(Of(y.path("app/vendor/up")), map[string]Kind{"app/vendor/up/deep": Part, "app/twin": Twin, "app/vendor/up/agents": Twin})

	// Whatever kind of index git writes, the link is in it; and what cannot be read
	// makes nothing another checkout.
	for _, version := range []string{"2", "3", "4"} {
		y.git("app", "update-index", "--index-version", version)
		y.git("app", "update-index", "--skip-worktree", "file") // needs version 3
		check(Of(y.path("app")), want)
		y.git("app", "update-index", "--no-skip-worktree", "file")
	}
	y.git("app", "update-index", "--split-index")
	check(Of(y.path("app")), map[string]Kind{"app/old": Part, "app/clone": Part})
	y.write("app/.git/index", "DIRC damaged")
	check(Of(y.path("app")), map[string]Kind{"app/old": Part, "app/clone": Part, "app/.worktrees/x": Part})

	// Where there is no repository around, none is part.
	y.write("none/x", "")
	y.repository("none/clone")
	check(Of(y.path("none")), map[string]Kind{"none/clone": Foreign})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x00"))
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01" + strings.Repeat("\x00", 60) + "\x00\x01\x00a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		links, err := parseLinks(b)
		if err == nil && len(links) > len(b) {
			t.Errorf("%d links in %d bytes", len(links), len(b))
		}
	})
}

func TestPackages(t *testing.T) {
	dir := t.TempDir()
	y := &yard{t, dir}
	y.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\n \"b\",\n]\n\n"+
		"[[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n")
	y.write("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n")
	for name, manifest := range map[string]string{
		"a": "[package]\nname = \"a\" # here\n", "b": "[package]\nname = 'b'\n", "template": "[package]\nname = \"{{name}}\"\n",
		"c": "[package.metadata]\nname = \"a\"\n", "d": "[lib]\nname = \"a\"\n[package]\nversion = \"1.0.0\"\n", "e": "",
		"f": "[dependencies]\na = \"1\"\n[package]\nversion = \"1\"\nname=\"a\"", "g": "[package]\nname = \"a", "h": "[package]\nname = a",
	} {
		y.write(name+"/Cargo.toml", manifest)
	}
	p := PackagesOf(dir)
	var got []string
	for _, name := range strings.Fields("a b template c d e f g h none .") {
		if p.Has(filepath.Join(dir, name)) {
			got = append(got, name)
		}
	}
	if want := "a f"; strings.Join(got, " ") != want {
		t.Errorf("packages are %q, want %s", got, want)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		".git": true, ".jj": true, "x~": true, ".x.swp": true, ".x.swo": true, ".#x": true, "#x#": true, "4913": true, ".idea": true,
		".target.cargo-cow-undo": true, "x.swp": false, ".env": false, ".cargo": false, ".sqlx": false, "#": false, ".swift": false,
	} {
		if NeverRead(name) != want {
			t.Errorf("NeverRead(%s) is %t", name, !want)
		}
	}
	for name, want := range map[string]bool{
		"README.md": true, "docs/x.md": true, "LICENSE-MIT": true, ".gitmodules": true, ".github/x.yml": true, "sql/1.sql": false, "x/.github/y": false,
	} {
		if Documentation(name) != want {
			t.Errorf("Documentation(%s) is %t", name, !want)
		}
	}
	for name, want := range map[string]bool{
		"src/a/b.rs": true, "tests/a.rs": true, "build.rs": true, "src/schema.sql": false, "shared/a.rs": false, "x/build.rs": false,
	} {
		if Compiled(name) != want {
			t.Errorf("Compiled(%s) is %t", name, !want)
		}
	}
}
