package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/cmd/internal/manual"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
)

func TestMain(m *testing.M) {
	alias.Main()
	if os.Getenv(realCargo) == "" { // before the one that stands in for it is in PATH
		cargo, _ := exec.LookPath("cargo")
		os.Setenv(realCargo, cargo)
	}
	testscript.Main(fixture.Tests(m), map[string]func(){"cargo-cow": main, chain.Program: passOn, "cargo": checkedCargo})
}

// passOn stands in for the wrapper of rustc where it does not matter what that
// does, but only that and how it is called.
func passOn() {
	args := os.Args[1:]
	if next := chain.Next(os.Args[0]); next != "" {
		args = append([]string{next}, args...)
	}
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = syscall.Exec(path, args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestScript runs testdata/script/AREA_BEHAVIOUR.txt, each in a directory of its
// own on Btrfs, with real cargo and git and an empty home. Besides the commands
// of testscript they have:
//
//	project DIR        make DIR a package "tool" with a library and a program
//	crate NAME VERSION publish a crate whose function version tells its version
//	code N CMD...      run CMD, which must exit with code N
//	repo DIR           make DIR a repository and commit all that is in it
//	field VAR NAME     set VAR to field NAME of the last JSON line of stdout that has it
//	until CMD...       run CMD until it succeeds, 30 s at most
//	tmpfs DIR          mount another file system at DIR
//	bind DIR           make DIR a mount point
//
// and the condition [build-dir]: cargo has a build directory of its own, as since 1.91.
//
// $WRAPPER is the real wrapper of rustc, for RUSTC_WRAPPER.
func TestScript(t *testing.T) {
	t.Parallel()
	runScripts(t, nil)
}

// TestToolchains: some scripts with each version of Rust that is held to, and two with
// one in another setting; in make soak all of these. `make toolchains` runs all scripts.
func TestToolchains(t *testing.T) {
	t.Parallel()
	if os.Getenv("CARGO_COW_TEST_ENVIRON") != "" {
		return // then it is for the whole run
	}
	for _, v := range fixture.Toolchains(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			scripts := []string{"restore_worktree", "status_strange"}
			if !v.Setting || fixture.EveryCargo() {
				scripts = append(scripts, "explain_tells", "snapshot_unchanged", "graft_lockfile", "switch", "warehouse_tells")
			}
			runScripts(t, v.Env, scripts...)
		})
	}
}

// runScripts runs the scripts of these names, or all, with more environment.
func runScripts(t *testing.T, more []string, names ...string) {
	for _, tool := range []string{"cargo", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			loopfs.Unavailable(t, err.Error())
		}
	}
	rustup := os.Getenv("RUSTUP_HOME")
	if rustup == "" {
		rustup = filepath.Join(os.Getenv("HOME"), ".rustup")
	}
	cargo := os.Getenv(realCargo)
	mount := loopfs.Btrfs(t, loopfs.Size(4<<30))
	// In PATH there is only what stands in for it, which does no more than to pass on.
	wrapper := fixture.Wrapper(t)
	// Run returns before its parallel scripts end; the group waits for them, so
	// that the mount outlives them.
	dir := "testdata/script"
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(dir, name+".txt"))
	}
	if files != nil {
		dir = ""
	}
	more = append(fixture.More(), more...)
	t.Run("group", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 dir,
			Files:               files,
			WorkdirRoot:         mount,
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				home := filepath.Join(env.WorkDir, "home")
				env.Vars = append(env.Vars,
					"HOME="+home,
					"RUSTUP_HOME="+rustup,
					"CARGO_HOME="+filepath.Join(home, ".cargo"),
					"CARGO_NET_OFFLINE=true",
					"CARGO_TERM_COLOR=never", "CARGO_COW_WAREHOUSE=now",
					"CARGO_COW_STORE="+filepath.Join(env.WorkDir, "store"),
					"WRAPPER="+wrapper,
					"GIT_CONFIG_NOSYSTEM=1",
					"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
					"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
				)
				broken := filepath.Join(env.WorkDir, ".broken")
				env.Vars = append(env.Vars, realCargo+"="+cargo, brokenFile+"="+broken)
				env.Defer(func() {
					if text, err := os.ReadFile(broken); err == nil {
						t.Errorf("in %s explain promised what cargo did not keep:\n%s", filepath.Base(env.WorkDir), text)
					}
				})
				env.Vars = append(env.Vars, more...)
				return os.MkdirAll(home, 0o777)
			},
			Condition: func(name string) (bool, error) {
				if name != "build-dir" {
					return false, fmt.Errorf("unknown condition %q", name)
				}
				return buildDir(more)
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"project": makeProject, "crate": crate, "code": code, "repo": repo, "field": field, "until": until, "tmpfs": tmpfs, "bind": bind,
			},
		})
	})
}

// buildDir reports whether the cargo of the scripts knows build.build-dir.
func buildDir(more []string) (bool, error) {
	cmd := exec.Command("cargo", "--version")
	cmd.Env = append(os.Environ(), more...)
	out, err := cmd.Output()
	if err != nil {
		return false, err
	}
	var minor int
	_, err = fmt.Sscanf(string(out), "cargo 1.%d.", &minor)
	return minor >= 91, err
}

// projectFiles are a package with a library and a program that prints its word.
var projectFiles = map[string]string{
	"Cargo.toml":  "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
	"Cargo.lock":  "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n\n[[package]]\nname = \"tool\"\nversion = \"0.1.0\"\n",
	".gitignore":  "/target\n",
	"src/lib.rs":  "pub fn word() -> &'static str { \"one\" }\n",
	"src/main.rs": "fn main() { println!(\"{}\", tool::word()) }\n",
}

func makeProject(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: project DIR")
	}
	for name, text := range projectFiles {
		path := filepath.Join(ts.MkAbs(args[0]), name)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
		ts.Check(os.WriteFile(path, []byte(text), 0o666))
	}
}

func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%q: exit code %d, want %d", args[1:], got, want)
	}
}

func repo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: repo DIR")
	}
	for _, git := range []string{"init -q -b main", "add -A", "commit -q -m first"} {
		ts.Check(ts.Exec("git", append([]string{"-C", args[0]}, strings.Fields(git)...)...))
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field VAR NAME")
	}
	for _, line := range slices.Backward(strings.Split(ts.ReadFile("stdout"), "\n")) {
		var object map[string]any
		if json.Unmarshal([]byte(line), &object) == nil && object[args[1]] != nil {
			ts.Setenv(args[0], fmt.Sprint(object[args[1]]))
			return
		}
	}
	ts.Fatalf("no JSON line with field %s", args[1])
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[0], args[1:]...)
		if (err == nil) != neg {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q: not within 30 s: %v", args, err)
		}
	}
}

func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	mountAt(ts, args, "-t", "tmpfs", "cargo-cow-test")
}

func bind(ts *testscript.TestScript, neg bool, args []string) {
	mountAt(ts, args, "--bind", ts.MkAbs(args[0]))
}

func mountAt(ts *testscript.TestScript, args []string, mount ...string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	ts.Check(ts.Exec("mount", append(mount, dir)...))
	ts.Defer(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			ts.Logf("umount %s: %v\n%s", dir, err, out)
		}
	})
}

// The pages in docs/cli are what the commands say of themselves.
func TestDocsAreCurrent(t *testing.T) {
	const dir = "../../docs/cli"
	pages := manual.Pages(newRoot(&app{}))
	for name, want := range pages {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current, run `make docs`: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if pages[e.Name()] == nil {
			t.Errorf("%s describes no command", e.Name())
		}
	}
}

// What the README says of a command is what its help says.
func TestReadmeIsCurrent(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range newRoot(&app{}).Commands() {
		row := fmt.Sprintf("| [`%s`](docs/cli/cargo-cow-%[1]s.md) | %s |\n", cmd.Name(), cmd.Short)
		if cmd.IsAvailableCommand() && cmd.Name() != "completion" && !bytes.Contains(text, []byte(row)) {
			t.Errorf("README.md lacks %s", row)
		}
	}
}

// Programs that read JSON lines find every reason in the manual.
func TestReasonsAreDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/cli/cargo-cow.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, dir := range []string{".", "../internal/du", "../internal/enabled", "../internal/report", "../internal/scan", "../internal/storing", "../internal/ui"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "warm.go" { // which is hidden
				continue
			}
			for _, call := range jsonCall.FindAllSubmatch(text, -1) {
				found++
				if !bytes.Contains(manual, fmt.Appendf(nil, "`%s`", call[1])) {
					t.Errorf("%s: docs/cli/cargo-cow.md does not say what %s is", file, call[1])
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("found %d JSON lines: this looks for the wrong thing", found)
	}
}

// jsonCall is how a JSON line is written (ui.Terminal.JSON).
var jsonCall = regexp.MustCompile(`\b(?:[tT]erm|t)\.JSON\("([a-z-]+)"`)

// Who reads the help finds each command with its like: a new one without a group would stand apart.
func TestCommandsHaveGroups(t *testing.T) {
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("help")
	var titles []string
	for _, g := range root.Groups() {
		titles = append(titles, g.Title)
	}
	if want := []string{"Every day:", "Looking:", "Space:", "Machine:"}; !slices.Equal(titles, want) {
		t.Errorf("groups %q, want %q", titles, want)
	}
	for _, cmd := range root.Commands() {
		if !root.ContainsGroup(cmd.GroupID) || cmd.GroupID == "" {
			t.Errorf("%s has no group: give it one in addCommands", cmd.Name())
		}
	}
	help := root.UsageString()
	for _, text := range []string{"Additional Commands", "Available Commands"} {
		if strings.Contains(help, text) {
			t.Errorf("the help has commands without a group:\n%s", help)
		}
	}
	if example, usage := strings.Index(help, "cargo cow enable"), strings.Index(help, "Usage:"); example < 0 || usage < example || strings.Count(help, root.Example) != 1 {
		t.Errorf("the help does not begin with examples, enable first:\n%s", help)
	}
}
