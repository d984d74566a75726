package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers"
)

// A crashWorld is a project on Btrfs that a command is killed in.
type crashWorld struct {
	t   *testing.T
	dir string
	env []string
}

func newCrashWorld(t *testing.T, dir string) *crashWorld {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "CARGO_") && !strings.HasPrefix(kv, "CARGO_HOME=")
	})
	w := &crashWorld{t: t, dir: filepath.Join(dir, "a"), env: append(env,
		"CARGO_COW_STORE="+filepath.Join(dir, "store"), "CARGO_TERM_COLOR=never", "CARGO_NET_OFFLINE=true",
		"XDG_CONFIG_HOME="+filepath.Join(dir, "home"))}
	for name, text := range projectFiles {
		w.write(name, text)
	}
	return w
}

func (w *crashWorld) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *crashWorld) command(env, name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(name, args...)
	if name == "cargo-cow" {
		// TestMain sees by its name that it is to be the program.
		cmd = &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{name}, args...)}
	}
	cmd.Dir, cmd.Env = w.dir, append(w.env, env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func (w *crashWorld) run(name string, args ...string) string {
	w.t.Helper()
	cmd, out := w.command("", name, args...)
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out.String()
}

// killed runs a command that must die at the point.
func (w *crashWorld) killed(point string, args ...string) {
	w.t.Helper()
	cmd, out := w.command("CARGO_COW_CRASHPOINT="+point+"=kill", "cargo-cow", args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		w.t.Fatalf("cargo-cow %q was not killed at %s: %v\n%s", args, point, err, out)
	}
}

// word builds and runs the program, and returns what it prints.
func (w *crashWorld) word() string {
	w.t.Helper()
	w.run("cargo", "build", "-q")
	cmd, out := w.command("", filepath.Join(w.dir, "target/debug/tool"))
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("run the program: %v\n%s", err, out)
	}
	return strings.TrimSpace(out.String())
}

func (w *crashWorld) has(name string) bool {
	_, err := os.Lstat(filepath.Join(w.dir, name))
	return err == nil
}

// whole asserts what must hold after any crash: the store is clean, the program
// that cargo builds is that of the sources, and the command can be run again.
func (w *crashWorld) whole(word string, again ...string) {
	w.t.Helper()
	w.run("cargo-cow", "check")
	if got := w.word(); got != word {
		w.t.Errorf("the program says %q, its source %q", got, word)
	}
	w.run("cargo-cow", again...)
	w.run("cargo-cow", "check")
	if got := w.word(); got != word {
		w.t.Errorf("after %q the program says %q, its source %q", again, got, word)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, ".target.cargo-cow-tmp-*")); len(left) > 0 {
		w.t.Errorf("left over: %q", left)
	}
}

// TestCrash kills each command at each of its named points. Whatever it was
// doing, either the old or the new state stands afterwards, whole.
func TestCrash(t *testing.T) {
	mount := loopfs.Btrfs(t, loopfs.Size(4<<30))
	const two = `pub fn word() -> &'static str { "two" }` + "\n"
	for _, point := range layers.Crashpoints() {
		verb, _, _ := strings.Cut(point, ".")
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t, filepath.Join(mount, point))
			w.run("cargo", "build", "-q")
			if verb == "init" {
				w.killed(point, "init")
				w.whole("one", "init")
				w.run("cargo-cow", "snapshot")
				return
			}
			w.run("cargo-cow", "init")
			if verb == "snapshot" {
				w.killed(point, "snapshot", "--label", "first")
				w.whole("one", "snapshot", "--label", "first")
				if n := strings.Count(w.run("cargo-cow", "--json", "list"), `"reason":"layer"`); n != 1 {
					t.Errorf("%d layers of one state", n)
				}
				w.write("src/lib.rs", two)
				w.run("cargo-cow", "restore")
				w.whole("two", "snapshot")
				return
			}
			w.run("cargo-cow", "snapshot")
			w.write("src/lib.rs", two)
			w.run("cargo", "build", "-q")
			w.write("target/mine", "")
			if verb == "undo" {
				w.run("cargo-cow", "restore")
				w.killed(point, "undo")
				w.whole("two", "undo")
				return
			}
			w.killed(point, "restore")
			if w.has("target/mine") {
				w.whole("two", "restore") // as before
			} else {
				w.whole("two", "status") // replaced, and not lost
			}
			w.run("cargo-cow", "undo")
			if !w.has("target/mine") {
				t.Error("what was replaced is lost")
			}
			w.whole("two", "restore")
		})
	}
}
