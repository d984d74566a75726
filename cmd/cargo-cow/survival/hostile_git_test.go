package survival

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A canary is a directory in which programs that are not to be run leave their names.
type canary struct {
	t    testing.TB
	w    *world
	dead string
}

func (w *world) canary() *canary {
	c := &canary{w.T, w, w.Path("canary")}
	if err := os.MkdirAll(c.dead, 0o777); err != nil {
		w.T.Fatal(err)
	}
	return c
}

// program makes a program that must not be run, and returns its path.
func (c *canary) program(name string) string {
	c.t.Helper()
	path := filepath.Join("programs", strings.ReplaceAll(name, "/", "-"))
	c.w.Script(path, ": >'"+filepath.Join(c.dead, filepath.Base(path))+"'\nexit 1\n")
	return c.w.Path(path)
}

// sang returns which of them were run, and forgets it.
func (c *canary) sang() (names []string) {
	c.t.Helper()
	entries, err := os.ReadDir(c.dead)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
		if err := os.Remove(filepath.Join(c.dead, e.Name())); err != nil {
			c.t.Fatal(err)
		}
	}
	return names
}

// A repository whose directory came from somebody else, in an archive say, has a
// configuration of theirs. git runs programs that it names; no command of ours has git do
// so.
func TestForeignRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	// A layer of a commit that the repository lacks: a partial clone would fetch it.
	other := w.at("other")
	for name, text := range project {
		other.Write(name, text)
	}
	other.Write("app/src/main.rs", mainRS("second"))
	other.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	other.Repository()
	other.cow("init")
	other.Must("cargo", "build", "--quiet", "--offline")
	other.cow("snapshot", "--label", "elsewhere")

	p := w.checkout("b")
	c := w.canary()
	for _, x := range foreignConfig(w, c) {
		p.Must("git", "config", "--local", x[0], x[1])
	}
	p.Write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
	p.Write("extra.gitconfig", "[core]\n\tfsmonitor = "+c.program("included-fsmonitor")+"\n")
	p.Must("git", "config", "--local", "--add", "include.path", p.Path("extra.gitconfig"))

	commands := [][]string{
		{"status"}, {"list"}, {"list", "--graph"}, {"show", "latest"}, {"diff", "latest"}, {"restore"}, {"explain"}, {"explain", "--all"}, {"snapshot", "--label", "x"},
		{"restore", "--from", "elsewhere"}, {"graft"}, {"undo"}, {"label", "latest", "y"}, {"prune", "--max-age", "1d", "--dry-run"},
		{"prune", "--gone-worktrees", "--dry-run"}, {"run", "--", "true"}, {"check"}, {"warehouse", "list"}, {"stats"}, {"why-miss"}, {"wrapper", "status"},
		{"rm", "elsewhere"}, {"init"}, {"fork"}, {"fork", "--list"}, {"fork", "--remove"},
	}
	for _, args := range commands {
		// What is checked out is modified and of unknown times, so that git has to look.
		p.Write("liba/src/lib.rs", project["liba/src/lib.rs"])
		p.Write("name", "cow")
		r := p.TryCow(args...)
		if r.Code == 2 || r.Signal != 0 {
			t.Errorf("%q: %v", args, r)
		}
		if ran := c.sang(); len(ran) > 0 {
			t.Errorf("%q ran %q", args, ran)
		}
	}

	// The fixture shows something: git runs them.
	p.Write("name", "cow")
	p.Run("git", "status")
	if ran := c.sang(); !slices.Contains(ran, "included-fsmonitor") || !slices.ContainsFunc(ran, func(n string) bool { return strings.HasPrefix(n, "filter") }) {
		t.Errorf("git status itself ran only %q", ran)
	}
	p.Run("git", "-c", "core.fsmonitor=", "cat-file", "-e", strings.Repeat("1", 40))
	if ran := c.sang(); !slices.Contains(ran, "remote") {
		t.Errorf("git itself fetched what it lacked by %q only", ran)
	}
}

// foreignConfig is configuration by which git runs something.
func foreignConfig(w *world, c *canary) [][2]string {
	hooks := w.Path("hooks")
	for _, name := range []string{"post-checkout", "post-index-change", "pre-commit", "reference-transaction", "fsmonitor-watchman"} {
		w.Script("hooks/"+name, ": >'"+filepath.Join(c.dead, "hook-"+name)+"'\n")
	}
	return [][2]string{
		{"core.fsmonitor", c.program("fsmonitor")},
		{"core.hooksPath", hooks},
		{"core.sshCommand", c.program("sshCommand")},
		{"core.gitProxy", c.program("gitProxy")},
		{"core.askPass", c.program("askPass")},
		{"core.editor", c.program("editor")},
		{"core.pager", c.program("pager")},
		{"core.alternateRefsCommand", c.program("alternateRefs")},
		{"pager.status", c.program("pager-status")},
		{"sequence.editor", c.program("sequence")},
		{"credential.helper", "!" + c.program("credential")},
		{"diff.external", c.program("diff")},
		{"diff.evil.textconv", c.program("textconv")},
		{"diff.evil.command", c.program("diff-command")},
		{"merge.evil.driver", c.program("merge")},
		{"filter.evil.clean", c.program("filter-clean")},
		{"filter.evil.smudge", c.program("filter-smudge")},
		{"filter.evil.process", c.program("filter-process")},
		{"filter.evil.required", "true"},
		{"alias.status", "!" + c.program("alias-status")},
		{"alias.rev-parse", "!" + c.program("alias-rev-parse")},
		{"alias.ls-files", "!" + c.program("alias-ls-files")},
		{"log.showSignature", "true"},
		{"gpg.program", c.program("gpg")},
		{"uploadpack.packObjectsHook", c.program("pack")},
		{"protocol.allow", "always"},
		{"protocol.ext.allow", "always"},
		{"extensions.partialClone", "origin"},
		{"remote.origin.url", "ext::" + c.program("remote")},
		{"remote.origin.promisor", "true"},
		{"remote.origin.uploadpack", c.program("uploadpack")},
		{"status.submoduleSummary", "true"},
	}
}

// The same for a submodule's own configuration.
func TestForeignSubmodule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	sub := w.at("sub")
	sub.Write("file", "text")
	sub.Repository()
	w.origin.Must("git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub.Dir, "inside")
	w.origin.Must("git", "commit", "--quiet", "--all", "--message", "sub")
	w.sealed()
	c := w.canary()
	w.origin.Must("git", "-C", "inside", "config", "core.fsmonitor", c.program("fsmonitor"))
	for _, args := range [][]string{{"status"}, {"snapshot", "--label", "x"}, {"restore"}, {"explain"}} {
		w.origin.cow(args...)
		if ran := c.sang(); len(ran) > 0 {
			t.Errorf("%q ran %q", args, ran)
		}
	}
	w.origin.Run("git", "status")
	if ran := c.sang(); len(ran) == 0 {
		t.Error("git status itself ran nothing")
	}
}

// Whoever checks out a branch, to read it, has nothing run of what it brings: our hook
// asks cargo only where the configuration is one under which a command of ours was run
// before.
func TestHookRunsNothingOfACheckout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t), fixture.InPath(t))
	w.origin.cow("init", "--hook")
	w.sealed()
	c := w.canary()
	evil := func(what string) string { return c.program(strings.ReplaceAll(what, " ", "-")) }
	for what, files := range map[string]map[string]string{
		"rustc":             {".cargo/config.toml": "[build]\nrustc = \"" + evil("rustc") + "\"\n"},
		"wrapper":           {".cargo/config": "[build]\nrustc-wrapper = \"" + evil("wrapper") + "\"\n"},
		"workspace wrapper": {".cargo/config.toml": "[build]\nrustc-workspace-wrapper = \"" + evil("workspace wrapper") + "\"\n"},
		"included":          {".cargo/config.toml": "include = [\"../more.toml\"]\n", "more.toml": "[build]\nrustc = \"" + evil("included") + "\"\n"},
		"own program":       {".cargo/config.toml": "[build]\nrustc = \"tools/rustc.sh\"\n", "tools/rustc.sh": "#!/bin/sh\nexec " + evil("own program") + "\n"},
		"toolchain": {
			"rust-toolchain.toml": "[toolchain]\npath = \"tools\"\n", "tools/bin/cargo": "#!/bin/sh\nexec " + evil("toolchain") + "\n",
			"tools/bin/rustc": "#!/bin/sh\nexec " + evil("toolchain") + "\n",
		},
		"root elsewhere": {
			"Cargo.toml": "[package]\nname = \"x\"\nversion = \"0.1.0\"\nworkspace = \"root\"\n", "src/lib.rs": "",
			"root/Cargo.toml":         "[workspace]\nmembers = [\"..\"]\n",
			"root/.cargo/config.toml": "[build]\nrustc = \"" + evil("root elsewhere") + "\"\n",
		},
		"many includes": {".cargo/config.toml": "include = [\"a.toml\", \"a.toml\"]\n", ".cargo/a.toml": doubling("b"), ".cargo/b.toml": doubling("c"), ".cargo/c.toml": doubling("d"),
			".cargo/d.toml": doubling("e"), ".cargo/e.toml": doubling("f"), ".cargo/f.toml": doubling("g"), ".cargo/g.toml": doubling("h"), ".cargo/h.toml": doubling("i"),
			".cargo/i.toml": doubling("j"), ".cargo/j.toml": doubling("k"), ".cargo/k.toml": doubling("l"), ".cargo/l.toml": doubling("m"), ".cargo/m.toml": doubling("n"),
			".cargo/n.toml": doubling("o"), ".cargo/o.toml": doubling("p"), ".cargo/p.toml": doubling("q"), ".cargo/q.toml": doubling("r"), ".cargo/r.toml": doubling("s"),
			".cargo/s.toml": doubling("t"), ".cargo/t.toml": doubling("u"), ".cargo/u.toml": doubling("v"), ".cargo/v.toml": ""},
		"endless":          {".cargo/config.toml": "-> /dev/zero"},
		"endless manifest": {"Cargo.toml": "-> /dev/zero"},
	} {
		branch := "evil-" + strings.ReplaceAll(what, " ", "-")
		w.branch(branch, files)
		r := w.origin.Must("git", "worktree", "add", "--quiet", w.Path(branch), branch)
		if ran := c.sang(); len(ran) > 0 {
			t.Errorf("%s: the hook ran %q", what, ran)
		}
		if fixture.Exists(w.Path(branch, "target")) {
			t.Errorf("%s: the hook restored", what)
		}
		if !strings.Contains(r.Stderr, "cargo-cow: ") {
			t.Errorf("%s: nothing is said: %v", what, r)
		}
	}
}

func doubling(next string) string {
	return "include = [\"" + next + ".toml\", \"" + next + ".toml\"]\n"
}

// branch makes a branch of the origin with more files, and leaves the origin as it was. A
// text that begins with an arrow is a link.
func (w *world) branch(name string, files map[string]string) {
	w.T.Helper()
	p := w.at("branch-" + name)
	w.origin.With("CARGO_COW_HOOK=off").Must("git", "worktree", "add", "--quiet", "-b", name, p.Dir)
	for file, text := range files {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			p.Symlink(to, file)
			continue
		}
		p.Write(file, text)
		if strings.HasPrefix(text, "#!") {
			if err := os.Chmod(p.Path(file), 0o755); err != nil {
				w.T.Fatal(err)
			}
		}
	}
	p.Must("git", "add", "--all")
	p.Must("git", "commit", "--quiet", "--message", name)
	w.origin.Must("git", "worktree", "remove", "--force", p.Dir)
}

// Configuration that is known by a command of ours is no reason to do less: of a branch
// that brings a wrapper, the first worktree is asked about by hand, and the second is
// restored by the hook. A change of the wrapper is asked about again.
func TestHookKnowsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t), fixture.InPath(t))
	w.origin.cow("init", "--hook")
	w.sealed()
	wrap := "#!/bin/sh\nexec \"$@\"\n"
	w.branch("wrapped", map[string]string{".cargo/config.toml": "[build]\nrustc-wrapper = \"tools/wrap.sh\"\n", "tools/wrap.sh": wrap})
	w.origin.Must("git", "worktree", "add", "--quiet", w.Path("one"), "wrapped")
	one := w.at("one")
	if fixture.Exists(one.Target()) {
		t.Fatal("the hook restored before anybody had asked")
	}
	one.Must("cargo", "build", "--quiet", "--offline")
	one.cow("snapshot")
	w.origin.Must("git", "worktree", "add", "--quiet", "-b", "two", w.Path("two"), "wrapped")
	two := w.at("two")
	if !fixture.Exists(two.Target()) {
		t.Fatal("the hook did not restore where the configuration is known")
	}
	two.builds(nil, "first")
	two.Write("tools/wrap.sh", wrap+"# changed\n")
	two.Must("git", "commit", "--quiet", "--all", "--message", "changed")
	r := w.origin.Must("git", "worktree", "add", "--quiet", "-b", "three", w.Path("three"), "two")
	if fixture.Exists(w.Path("three/target")) || !strings.Contains(r.Stderr, "if you trust it") {
		t.Errorf("the hook asked cargo under another wrapper: %v", r)
	}
}
