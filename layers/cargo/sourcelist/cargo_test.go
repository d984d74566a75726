package sourcelist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/sourcelist"
)

// runGit is what callers give to Options.Git.
func runGit(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

var options = sourcelist.Options{Git: runGit}

const manifest = "[package]\nname = \"NAME\"\nversion = \"0.1.0\"\nedition = \"2021\"\nbuild = \"build.rs\"\n"

// scene is a directory with one package whose script does not watch anything.
type scene struct {
	t    *testing.T
	top  string // what the repository or the workspace is in
	pkg  string // the package root
	tick time.Time
}

func newScene(t *testing.T, pkg string, extra map[string]string) *scene {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, top: filepath.Join(top, "top"), tick: time.Unix(1600000000, 0)}
	s.pkg = filepath.Join(s.top, pkg)
	cargotest.Write(t, s.pkg, map[string]string{
		"Cargo.toml":    strings.Replace(manifest, "NAME", "probe", 1),
		"build.rs":      "fn main() {}\n",
		"src/lib.rs":    "",
		"src/b.rs":      "",
		"src/deep/c.rs": "",
		"a.txt":         "",
	})
	if pkg != "" {
		cargotest.Write(t, s.top, map[string]string{"Cargo.toml": "[workspace]\nmembers = [\"" + pkg + "\"]\nresolver = \"2\"\n"})
	}
	cargotest.Write(t, s.top, extra)
	cargotest.Run(t, s.top, "", nil, "generate-lockfile")
	return s
}

func (s *scene) run(dir string, args ...string) {
	s.t.Helper()
	args = append([]string{"-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"}, args...)
	if _, err := runGit(context.Background(), dir, args...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) commit(dir string) {
	s.t.Helper()
	s.run(dir, "init", "-q")
	s.run(dir, "add", "-A")
	s.run(dir, "commit", "-qm", "c")
}

// newer gives a file of the top a time later than that of any other so far.
func (s *scene) newer(name string) {
	s.t.Helper()
	s.tick = s.tick.Add(time.Second + 7*time.Nanosecond)
	s.at(name, s.tick)
}

func (s *scene) at(name string, when time.Time) {
	s.t.Helper()
	if err := os.Chtimes(filepath.Join(s.top, name), when, when); err != nil {
		s.t.Fatal(err)
	}
}

// age gives every file one old time.
func (s *scene) age() {
	s.t.Helper()
	err := filepath.WalkDir(s.top, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = os.Chtimes(path, s.tick, s.tick)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// check compares Newest with the text in the fingerprint that Cargo writes.
// wantFile, if not empty, is the file it must name.
func (s *scene) check(wantFile string) {
	s.t.Helper()
	got, err := sourcelist.Newest(context.Background(), s.pkg, options)
	if err != nil {
		s.t.Fatal(err)
	}
	want := s.cargo()
	if got != want {
		s.t.Errorf("Newest = %q, cargo %q", got, want)
	}
	if wantFile != "" && !strings.HasSuffix(want, " ("+wantFile+")") {
		s.t.Errorf("cargo says %q, the test expects %s", want, wantFile)
	}
}

// cargo checks the package with a target directory of its own and returns the
// text.
func (s *scene) cargo() string {
	s.t.Helper()
	target := s.t.TempDir()
	cargotest.Run(s.t, s.pkg, "", []string{"CARGO_TARGET_DIR=" + target}, "check", "-q")
	return precalculated(s.t, target, "probe")
}

func TestNewestIsWhatCargoStores(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	for name, test := range map[string]func(t *testing.T){
		"no git": func(t *testing.T) {
			s := newScene(t, "", map[string]string{".hidden": "", "src/.hid/x": "", "target/x": "", "sub/target/x": "", "inner/Cargo.toml": "", "inner/x": ""})
			link(t, s.top, "dangling", "nowhere")
			link(t, s.top, "loop", ".")
			link(t, s.top, "linked", "src/deep")
			s.age()
			s.newer("src/deep/c.rs")
			s.check("")
			s.newer("sub/target/x")
			s.newer(".hidden")
			s.newer("src/.hid/x")
			s.newer("target/x")
			s.newer("inner/x")
			s.check("sub/target/x")
		},
		"no git, lock file": func(t *testing.T) {
			s := newScene(t, "", nil)
			s.age()
			s.newer("Cargo.lock")
			s.check("Cargo.lock")
		},
		"root package": func(t *testing.T) {
			s := newScene(t, "", map[string]string{
				".gitignore": "/target\n*.log\n", ".hidden": "", "x.log": "", "target/x": "",
				"inner/Cargo.toml": strings.Replace(manifest, "NAME", "inner", 1), "inner/x": "",
			})
			s.commit(s.top)
			s.age()
			s.newer("src/b.rs")
			s.check("src/b.rs")
			s.newer(".hidden")
			s.newer("x.log")
			s.newer("target/x")
			s.newer("inner/x")
			s.check(".hidden")
			cargotest.Write(t, s.top, map[string]string{"new dir/é.txt": "", "inner2/Cargo.toml": "", "inner2/x": ""})
			s.newer("new dir/é.txt")
			s.newer("inner2/x")
			s.check("new dir/é.txt")
		},
		"ties": func(t *testing.T) {
			s := newScene(t, "", map[string]string{"z/y.txt": "", "c/b/a.txt": ""})
			s.age()
			s.check("")
			s.commit(s.top)
			cargotest.Write(t, s.top, map[string]string{"new/a.txt": "", "0": "", "zz": ""})
			s.age()
			s.check("")
		},
		"member": func(t *testing.T) {
			s := newScene(t, "crates/p q", map[string]string{"other.txt": "", ".gitignore": "ignored.*\n"})
			s.commit(s.top)
			s.age()
			s.newer("crates/p q/a.txt")
			s.newer("other.txt")
			s.newer("Cargo.lock")
			s.check("a.txt")
			cargotest.Write(t, s.pkg, map[string]string{"ignored.txt": "", "src/untracked.rs": ""})
			s.newer("crates/p q/src/untracked.rs")
			s.newer("crates/p q/ignored.txt")
			s.check("src/untracked.rs")
		},
		"untracked lock file": func(t *testing.T) {
			s := newScene(t, "", nil)
			s.run(s.top, "init", "-q")
			s.run(s.top, "add", "Cargo.toml", "src")
			s.age()
			s.newer("build.rs")
			s.newer("Cargo.lock")
			s.check("build.rs")
		},
		"manifest not in the index": func(t *testing.T) {
			s := newScene(t, "", map[string]string{".gitignore": "a.txt\n"})
			s.run(s.top, "init", "-q")
			s.run(s.top, "add", "src")
			s.age()
			s.newer("a.txt")
			s.newer(".gitignore")
			s.check("a.txt")
		},
		"worktree": func(t *testing.T) {
			s := newScene(t, "m", map[string]string{".gitignore": "x\n", "m/x": ""})
			s.commit(s.top)
			tree := filepath.Join(filepath.Dir(s.top), "tree")
			s.run(s.top, "worktree", "add", "-q", tree)
			s.top, s.pkg = tree, filepath.Join(tree, "m")
			cargotest.Write(t, s.pkg, map[string]string{"x": "", "y": ""})
			s.age()
			s.newer("m/y")
			s.newer("m/x")
			s.check("y")
		},
		"tracked in target": func(t *testing.T) {
			s := newScene(t, "", map[string]string{"target/kept": "", "target/other": ""})
			s.run(s.top, "init", "-q")
			s.run(s.top, "add", "Cargo.toml", "src", "target/kept")
			s.age()
			s.newer("target/kept")
			s.newer("target/other")
			s.check("target/kept")
		},
		"deleted and changed": func(t *testing.T) {
			s := newScene(t, "", nil)
			s.commit(s.top)
			if err := os.Remove(filepath.Join(s.top, "a.txt")); err != nil {
				t.Fatal(err)
			}
			s.age()
			s.newer("src/lib.rs")
			s.check("src/lib.rs")
		},
		"links": func(t *testing.T) {
			s := newScene(t, "m", map[string]string{"outside/.h": "", "outside/f": "", "outside2/Cargo.toml": "", "outside2/f": ""})
			link(t, s.pkg, "dir", "../outside")
			link(t, s.pkg, "dir2", "../outside2")
			link(t, s.pkg, "file", "../outside/f")
			link(t, s.pkg, "dangling", "nowhere")
			s.commit(s.top)
			s.age()
			s.newer("outside/.h")
			s.newer("outside2/f")
			s.check("dir/.h")
			s.newer("outside/f")
			s.check("")
		},
		"nested repositories": func(t *testing.T) {
			s := newScene(t, "", map[string]string{"plain/a": "", "plain/b": "", "plain/.gitignore": "b\n"})
			s.commit(filepath.Join(s.top, "plain"))
			s.run(s.top, "init", "-q")
			s.run(s.top, "add", "Cargo.toml", "src", "build.rs", "a.txt")
			s.run(s.top, "commit", "-qm", "c")
			s.run(s.top, "worktree", "add", "-q", "trees/one")
			s.age()
			s.newer("plain/a")
			s.newer("plain/b")
			s.newer("trees/one/src/lib.rs")
			s.check("plain/a")
		},
		"nested repository, excluded": func(t *testing.T) {
			rules := "exclude = [\"plain\", \"!plain/a\", \"/target/x\"]\n"
			s := newScene(t, "", map[string]string{
				"Cargo.toml": strings.Replace(manifest, "NAME", "probe", 1) + rules,
				"plain/a":    "", "plain/b": "", "target/x": "", "target/y": "",
			})
			s.commit(filepath.Join(s.top, "plain"))
			s.run(s.top, "init", "-q")
			s.run(s.top, "add", "Cargo.toml", "src", "build.rs", "a.txt", "target")
			s.age()
			s.newer("plain/a")
			s.newer("plain/b")
			s.check("plain/a")
			s.newer("target/y")
			s.newer("target/x")
			s.check("target/y")
		},
		"submodule": func(t *testing.T) {
			s := newScene(t, "", nil)
			other := filepath.Join(filepath.Dir(s.top), "other")
			cargotest.Write(t, other, map[string]string{"f": "", ".gitignore": "g\n", "target/x": ""})
			s.commit(other)
			s.commit(s.top)
			s.run(s.top, "submodule", "add", "-q", other, "sub")
			cargotest.Write(t, s.top, map[string]string{"sub/g": "", "sub/u": ""})
			s.age()
			s.newer("sub/u")
			s.newer("sub/g")
			s.check("sub/u")
			s.newer("sub/target/x") // in the submodule it is tracked
			s.check("sub/target/x")
		},
	} {
		t.Run(name, test)
	}
}

func link(t *testing.T, dir, name, to string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// The list must hold the same files as the one that Cargo packages, but for
// those Cargo makes itself.
func TestListHoldsWhatCargoPackages(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	s := newScene(t, "m", map[string]string{".gitignore": "*.log\n", "m/x.log": "", "m/.hidden": "", "m/deep/er/f": "", "m/in/Cargo.toml": "", "m/in/f": ""})
	s.commit(s.top)
	cargotest.Write(t, s.pkg, map[string]string{"untracked": ""})
	got, err := sourcelist.List(context.Background(), s.pkg, options)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	var want []string
	for name := range strings.Lines(string(cargotest.Run(t, s.pkg, "", nil, "package", "--list", "--allow-dirty"))) {
		switch name = strings.TrimSpace(name); name {
		case ".cargo_vcs_info.json", "Cargo.toml.orig", "Cargo.lock":
		default:
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("List = %q\ncargo  %q", got, want)
	}
}

func TestUnsupported(t *testing.T) {
	write := func(t *testing.T, text string) string {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		cargotest.Write(t, dir, map[string]string{"Cargo.toml": "[package]\nname = \"x\"\n" + text})
		return dir
	}
	for _, rules := range []string{
		`exclude = ["a{b"]`,
		`exclude = ["a}b"]`,
		`exclude = ["[z-a]"]`,
		`exclude = ["a\\"]`,
		`include = ["{"]`,
		"include = [\"*\"]\nexclude = [\"{\"]",
		`include = "src"`,
		`include = [1]`,
		`exclude.workspace = true`,
	} {
		if _, err := sourcelist.Newest(context.Background(), write(t, rules+"\n"), options); !errors.Is(err, sourcelist.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", rules, err)
		}
	}
	dir := write(t, "include = []\nexclude = []\n")
	if _, err := sourcelist.Newest(context.Background(), dir, options); err != nil {
		t.Errorf("empty rules: %v", err)
	}
	link(t, filepath.Dir(dir), "alias", dir)
	defer os.Remove(filepath.Join(filepath.Dir(dir), "alias"))
	if _, err := sourcelist.Newest(context.Background(), filepath.Join(filepath.Dir(dir), "alias"), options); !errors.Is(err, sourcelist.ErrUnsupported) {
		t.Errorf("link: %v, want ErrUnsupported", err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := sourcelist.Newest(context.Background(), dir, sourcelist.Options{}); !errors.Is(err, sourcelist.ErrUnsupported) {
		t.Errorf("no git: %v, want ErrUnsupported", err)
	}
}

func TestListStopsWithItsContext(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cargotest.Write(t, dir, map[string]string{"Cargo.toml": "[package]\nname = \"x\"\n"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sourcelist.List(ctx, dir, options); !errors.Is(err, context.Canceled) {
		t.Errorf("List = %v, want context.Canceled", err)
	}
}
