package survival

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// odd are names that would move a cursor, start a line, be taken for a flag or run
// something, and one that is no text.
var odd = []string{
	"line\nbreak", "\x1b[2J\x1b]0;title\a", "\xff\xfe", "--force", "$(touch ran)", "`touch ran`", "'; touch ran; '", "a\rerror: spoofed", "\u202egnp.exe",
	"tab\there", " ", "%s%n", "*", "\\", "\u2028",
}

// speaks checks that what a command has said can be shown as it is: no control character
// but the ends of lines, nothing that turns text round, and all of it text.
func speaks(t testing.TB, what any, said string) {
	t.Helper()
	for line := range strings.SplitSeq(said, "\n") {
		if !utf8.ValidString(line) {
			t.Errorf("%q: no text: %q", what, line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%q: the line moves or hides something: %q", what, line)
				break
			}
		}
	}
}

// shows runs a command for people.
func (c *checkout) shows(args ...string) {
	c.T.Helper()
	r := c.Run(fixture.Program(c.T), args...)
	speaks(c.T, args, r.Stdout)
	speaks(c.T, args, r.Stderr)
	if r.Signal != 0 || r.Code < 0 || strings.Contains(r.Stderr, "goroutine ") {
		c.T.Errorf("%q: %v", args, r)
	}
}

// listens runs a command both ways: for people, and with --json.
func (c *checkout) listens(args ...string) {
	c.T.Helper()
	c.shows(args...)
	r := c.TryCow(args...)
	for line := range strings.Lines(r.Stdout) {
		if !json.Valid([]byte(line)) || !utf8.ValidString(line) {
			c.T.Errorf("%q: not JSON: %q", args, line)
		}
	}
}

// Files in a build directory and beside it may have any name, as may labels. What is said
// of them is escaped, and what is advised to be run is one word for a shell.
func TestOddNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p := w.origin
	for i, name := range odd {
		p.Write(filepath.Join("target/debug", name), "stray")
		p.Write(filepath.Join("target", name, "debug/.cargo-lock"), "") // a build directory inside
		p.Write(filepath.Join("liba", name), "beside the sources")
		if err := syscall.Mkfifo(p.Target("debug", name+"-pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.listens("label", "latest", name)
		p.listens("list", "--label", name)
		if i%5 == 0 {
			p.listens("show", name)
			p.listens("snapshot", "--label", name)
		}
	}
	p.Write("app/src/main.rs", mainRS("second"))
	for _, args := range [][]string{
		{"status"}, {"list"}, {"list", "--graph"}, {"--verbose", "explain", "--all"}, {"--verbose", "check"}, {"prune", "--max-age", "0d", "--labelled", "--dry-run", "--verbose"},
		{"restore"}, {"undo"}, {"diff", "latest"}, {"--verbose", "status"}, {"restore", "--from", odd[len(odd)-1]}, {"rm", odd[len(odd)-1]},
	} {
		p.listens(args...)
	}
	// As a copy by files, which tells of the pipes.
	p.listens("--store", w.Path("copies"), "init")
	p.listens("--store", w.Path("copies"), "snapshot")
	for _, where := range []string{p.Dir, w.Dir, "."} {
		if fixture.Exists(filepath.Join(where, "ran")) {
			t.Error("a name was run")
		}
	}
}

// A checkout may lie in a directory of any name. git and cargo do not go into all of
// them; whatever they say, what is said by us is escaped.
func TestOddCheckouts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	for _, name := range odd {
		if strings.TrimSpace(name) == "" || strings.HasPrefix(name, "-") {
			continue // git worktree add takes a path that is quoted so for none
		}
		p := w.at("odd/" + name)
		if r := w.origin.Run("git", "worktree", "add", "--quiet", "--detach", p.Dir); r.Code != 0 {
			continue
		}
		for _, args := range [][]string{{"status"}, {"restore"}, {"explain"}, {"snapshot"}, {"undo"}} {
			p.listens(args...)
		}
	}
	w.origin.listens("list")
	w.origin.listens("prune", "--gone-worktrees", "--dry-run")
	w.origin.checks()
}

// Where a help says what to run, it is one command, whatever the directory is called.
func TestHelpIsOneCommand(t *testing.T) {
	t.Parallel()
	const uid = 31000
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, loopfs.Btrfs(t, loopfs.Owner(uid)), userEnv(t, uid)...)
	name := "it's $(touch ran); touch ran"
	p := w.at(name)
	for file, text := range project {
		p.Write(file, text)
	}
	w.Own(name, uid)
	p.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	p.cow("init")
	p.sudo("chown root target")
	help, _ := p.TryCow("restore").Line(t, "error")["help"].(string)
	if !strings.HasPrefix(help, "sudo chown") {
		t.Fatalf("the help is %q", help)
	}
	// As who pastes it would run it, less the sudo.
	p.sudo(strings.TrimPrefix(help, "sudo "))
	if fi, err := os.Stat(p.Target()); err != nil || fi.Sys().(*syscall.Stat_t).Uid != uid {
		t.Errorf("%q did not give the directory back: %v", help, err)
	}
	if fixture.Exists(p.Path("ran")) {
		t.Errorf("%q ran what the directory is called", help)
	}
	p.cow("status")
}

// Values of the environment that make no sense are told, or change nothing: no command
// panics, hangs, or writes where it was not told to.
func TestOddEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	for _, vars := range [][]string{
		{"CARGO_COW_STORE="}, {"CARGO_COW_STORE=\n"}, {"CARGO_COW_STORE=relative"}, {"CARGO_COW_STORE=/dev/null"}, {"CARGO_COW_STORE=/proc"},
		{"CARGO_COW_STORE=" + strings.Repeat("/x", 3000)}, {"CARGO_COW_STORE=\xff"}, {"CARGO_COW_STORE=-"},
		{"HOME="}, {"HOME=relative"}, {"HOME=/dev/null"}, {"HOME=/nonexistent", "CARGO_COW_STORE="}, {"XDG_CACHE_HOME=relative"}, {"XDG_CONFIG_HOME=/dev/null"},
		{"XDG_CONFIG_HOME=/proc/self"}, {"XDG_DATA_HOME=/dev/zero"}, {"TMPDIR=/nonexistent"}, {"TMPDIR=relative"}, {"PATH="}, {"PATH=."}, {"CARGO=/dev/null"},
		{"CARGO=nonexistent"}, {"CARGO_TERM_COLOR=\x1b[31m"}, {"LANG=\xff"}, {"CARGO_COW_CRASHPOINT=x=y"}, {"CARGO_COW_CRASHPOINT==="}, {"CARGO_TARGET_DIR=/dev/null"},
		{"CARGO_TARGET_DIR=/"}, {"CARGO_TARGET_DIR=."}, {"CARGO_TARGET_DIR=.."}, {"CARGO_TARGET_DIR=" + w.Path("home")}, {"GIT_DIR=/nonexistent"},
		{"GIT_CONFIG_COUNT=x"}, {"GIT_CONFIG_GLOBAL=/dev/zero/x"}, {"CARGO_COW_HOOK=probe:/nonexistent/x"}, {"CARGO_COW_WAREHOUSE=x"}, {"RUSTC=/dev/null"},
		{"PWD=/nonexistent"}, {"PWD=relative"}, {"CARGO_HOME=relative"}, {"COLUMNS=-1", "TERM=x"},
	} {
		w.Write("home/letter", "of somebody")
		p := w.origin.with(vars...)
		for _, args := range [][]string{{"status"}, {"init"}} {
			began := time.Now()
			p.shows(args...)
			if took := time.Since(began); took > time.Minute {
				t.Errorf("%q %q took %v", vars, args, took)
			}
		}
		if w.Read("home/letter") != "of somebody" || w.Read("a/name") != "cow" {
			t.Fatalf("%q: somebody's files are gone", vars)
		}
	}
	if r := w.origin.TryCow("check"); r.Code != 0 {
		t.Errorf("check: %v", r)
	}
}
