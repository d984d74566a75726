package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// callLimit is far more than a call by hand takes on a loaded machine.
const callLimit = time.Minute

// byHand runs the wrapper as nobody should, and checks that it ends, by itself, and with
// no trace of a fault.
func byHand(t *testing.T, what string, prepare func(*exec.Cmd), args ...string) (code int, stderr string) {
	t.Helper()
	cmd := exec.Command(fixture.Wrapper(t), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.WaitDelay = time.Second
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.E2BIG) {
			return 0, "" // the kernel's answer
		}
		t.Fatal(err)
	}
	timer := time.AfterFunc(callLimit, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%s: it did not end", what)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() && status.Signal() != syscall.SIGPIPE {
		t.Errorf("%s: ended by %v", what, status.Signal())
	}
	if s := errs.String(); strings.Contains(s, "goroutine ") || strings.Contains(s, "panic") {
		t.Errorf("%s: %s", what, s)
	}
	return status.ExitStatus(), errs.String()
}

// The wrapper may be called by anybody with anything: it ends as a compiler would that is
// not there or does not understand, and harms nothing.
func TestCalledByHand(t *testing.T) {
	dir := t.TempDir()
	w := fixture.NewWorld(t, dir)
	w.Script("rustc", "exit 7\n")
	w.Write("x.rs", "")
	w.Write("loop", "@loop\n@"+w.Path("loop")+"\n")
	w.Write("args", "--crate-name\nx\nx.rs\n--out-dir\n"+w.Path("out")+"\n@args\n")
	w.Write("huge", strings.Repeat("-Cx=y\n", 400_000))
	w.Write("binary", "\x00\xff\xfe\n")
	if err := syscall.Mkfifo(w.Path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	rustc := w.Path("rustc")
	in := func(cmd *exec.Cmd) { cmd.Dir = w.Dir }
	for _, tt := range []struct {
		what string
		args []string
		code int
	}{
		{"no arguments", nil, 127},
		{"an empty one", []string{""}, 127},
		{"a directory as compiler", []string{w.Dir, "--crate-name", "x"}, 127},
		{"a file that cannot be run", []string{w.Path("x.rs"), "-vV"}, 127},
		{"a device as compiler", []string{"/dev/null"}, 127},
		{"nothing as compiler", []string{w.Path("none"), "x.rs"}, 127},
		{"an option as compiler", []string{"--crate-name", "x"}, 127},
		{"the wrapper itself", []string{fixture.Wrapper(t), rustc, "x.rs"}, 7},
		{"an argument file that includes itself", []string{rustc, "@" + w.Path("loop")}, 7},
		{"one that is not there", []string{rustc, "@" + w.Path("none")}, 7},
		{"one that is a directory", []string{rustc, "@" + w.Dir}, 7},
		{"one that has arguments", []string{rustc, "@" + w.Path("args")}, 7},
		{"a huge one", []string{rustc, "@" + w.Path("huge")}, 7},
		{"one that is no text", []string{rustc, "@" + w.Path("binary")}, 7},
		{"a pipe", []string{rustc, "@" + w.Path("pipe")}, 7},
		{"a device", []string{rustc, "@/dev/zero"}, 7},
		{"outputs elsewhere", []string{rustc, "--crate-name", "x", "x.rs", "--crate-type", "lib", "--emit=link", "-o", "/etc/x"}, 7},
		{"outputs in a device", []string{rustc, "--crate-name", "x", "x.rs", "--crate-type", "lib", "--emit=dep-info,link", "--out-dir", "/dev/null"}, 7},
		{"outputs above", []string{rustc, "--crate-name", "../../x", "x.rs", "--crate-type", "lib", "--emit=dep-info,link", "--out-dir", "..", "-C", "extra-filename=/../x"}, 7},
		{"control characters", []string{rustc, "--crate-name", "x\n\x1b[2J", "\xff.rs", "--out-dir", "a\nb"}, 7},
		{"long arguments", []string{rustc, "--crate-name", strings.Repeat("x", 100_000), "x.rs", "--out-dir", strings.Repeat("/y", 50_000)}, 7},
		{"many arguments", append([]string{rustc}, strings.Fields(strings.Repeat("--cfg x ", 200_000))...), 7},
	} {
		began := time.Now()
		code, said := byHand(t, tt.what, in, tt.args...)
		if code != tt.code && !(code == 0 && said == "" && len(tt.args) > 1000) {
			t.Errorf("%s: exit status %d, want %d: %.300q", tt.what, code, tt.code, said)
		}
		if took := time.Since(began); took > callLimit/2 {
			t.Errorf("%s: took %v", tt.what, took)
		}
	}
	for name, prepare := range map[string]func(*exec.Cmd){
		"no environment": func(cmd *exec.Cmd) { cmd.Env = []string{} },
		"odd environment": func(cmd *exec.Cmd) {
			cmd.Env = []string{"PATH", "=x", "CARGO_COW_STORE=/dev/null", "HOME=\xff", "XDG_DATA_HOME=/proc/self/fd", "CARGO_MAKEFLAGS=-j --jobserver-auth=77,99"}
		},
		"a directory that is gone": func(cmd *exec.Cmd) {
			gone := w.Path("gone")
			if err := os.MkdirAll(gone, 0o777); err != nil {
				t.Fatal(err)
			}
			// As a shell is left in one that was removed.
			cmd.Args = []string{"sh", "-c", "cd '" + gone + "' && rmdir '" + gone + "' && exec \"$@\"", "sh", fixture.Wrapper(t), rustc, "x.rs"}
			cmd.Path = "/bin/sh"
		},
	} {
		if code, said := byHand(t, name, prepare, rustc, "--crate-name", "x", "x.rs", "--out-dir", "out"); code != 7 {
			t.Errorf("%s: exit status %d: %s", name, code, said)
		}
	}
	// Standard streams that are closed, each and all.
	for _, closed := range []string{"<&-", ">&-", "2>&-", "<&- >&- 2>&-"} {
		prepare := func(cmd *exec.Cmd) {
			cmd.Path, cmd.Dir = "/bin/sh", w.Dir
			cmd.Args = []string{"sh", "-c", "exec \"$@\" " + closed, "sh", fixture.Wrapper(t), rustc, "--crate-name", "x", "x.rs", "--out-dir", "out"}
		}
		if code, said := byHand(t, closed, prepare); code != 7 {
			t.Errorf("%s: exit status %d: %s", closed, code, said)
		}
	}
}

// The handoff lies in a build directory, where anybody may have written it: a commit, for
// one. Whatever it says, the compiler's outputs are where they were asked for, and nothing
// is written where it leads.
func TestHandoffByHand(t *testing.T) {
	for name, text := range map[string]string{
		"leads to the outside": "root {b}\nbuild {b}/target\norigin {precious}\nmade {precious}\n",
		"shows the outside":    "root {precious}\nbuild {b}/target\norigin {b}\nmade {b}/target\n",
		"of the root":          "root /\nbuild {b}/target\norigin /etc\nmade /etc\n",
		"with git elsewhere":   "root {b}\nbuild {b}/target\ngit {precious} {precious}\norigin {a}\nmade {a}/target\n",
		"nested":               "root {b}\ncheckout {b}\nbuild {b}/target\norigin {dir}\nmade {dir}\n",
		"no origin":            "root {b}\nbuild {b}/target\n",
		"garbage":              "\x00\xff\n",
		"many":                 "root {b}\nbuild {b}/target\n" + strings.Repeat("origin {precious}\nmade {precious}\n", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, listed+`for f in x.rs; do cat $f >/dev/null; done; echo out > $out/libx-01.rlib; exit 0`)
			precious := filepath.Join(s.dir, "precious")
			if err := os.MkdirAll(precious, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(precious, "letter"), []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := strings.NewReplacer("{a}", s.dir+"/a", "{b}", s.dir+"/b", "{dir}", s.dir, "{precious}", precious)
			var quoted strings.Builder
			for line := range strings.Lines(r.Replace(text)) {
				key, values, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				quoted.WriteString(key)
				for value := range strings.FieldsSeq(values) {
					quoted.WriteString(" " + strconv.Quote(value))
				}
				if quoted.WriteString("\n"); !ok {
					break
				}
			}
			place := filepath.Join(s.dir, "b/target/.cargo-cow/place")
			if err := os.WriteFile(place, []byte("cargo-cow place 1\n"+quoted.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			// And the list says that the state was made there.
			if err := os.WriteFile(s.list, []byte(precious+"/debug/deps/x-01.d: x.rs\n\nx.rs:\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := s.run()
			if code != 0 {
				t.Errorf("exit status %d: %s", code, stderr)
			}
			if b, err := os.ReadFile(s.dir + "/b/target/debug/deps/libx-01.rlib"); err != nil || string(b) != "out\n" {
				t.Errorf("the output is %q, %v", b, err)
			}
			if list, err := os.ReadDir(precious); err != nil || len(list) != 1 {
				t.Errorf("outside lies %v, %v", list, err)
			}
			if b, err := os.ReadFile(filepath.Join(precious, "letter")); err != nil || string(b) != "precious" {
				t.Errorf("outside is %q, %v", b, err)
			}
		})
	}
}
