package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	cowwrapper "github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// needViews skips where no command can be shown other paths.
func needViews(t testing.TB) {
	t.Helper()
	if err := alias.Probe(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no views here: ", err)
	}
}

// A stand is a restored checkout with the state of one unit, and a shell script for a compiler.
type stand struct {
	t    testing.TB
	dir  string
	argv []string // of the compiler
	env  []string
	list string
}

func newStand(t testing.TB, script string) *stand {
	t.Helper()
	needViews(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := fixture.NewWorld(t, dir)
	w.Script("rustc", script)
	w.Write("a/x.rs", "of the origin")
	w.Write("b/x.rs", "of the place")
	for _, d := range []string{"a/target", "b/target/debug/deps", "b/target/debug/incremental/x-1abc/s-1-1-1"} {
		if err := os.MkdirAll(w.Path(d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	s := &stand{t: t, dir: dir, list: w.Path("b/target/debug/deps/x-01.d")}
	w.Write("b/target/debug/deps/x-01.d", dir+"/a/target/debug/deps/x-01.d: x.rs\n\nx.rs:\n")
	p := handoff.Handoff{Root: w.Path("b"), Build: []string{w.Path("b/target")}, Origins: []handoff.Origin{{Root: w.Path("a"), Build: []string{w.Path("a/target")}}}}
	if err := p.Write(w.Path("b/target")); err != nil {
		t.Fatal(err)
	}
	s.argv = []string{w.Path("rustc"), "--crate-name", "x", "x.rs", "--emit=dep-info,link", "-C", "metadata=01", "-C", "extra-filename=-01",
		"--out-dir", w.Path("b/target/debug/deps"), "-C", "incremental=" + w.Path("b/target/debug/incremental")}
	s.env = []string{"PATH=" + os.Getenv("PATH"), "B=" + w.Path("b")}
	return s
}

func (s *stand) command() (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command(fixture.Wrapper(s.t), s.argv...)
	cmd.Dir, cmd.Env = s.dir+"/b", s.env
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func (s *stand) run() (code int, stdout, stderr string) {
	s.t.Helper()
	cmd, out, errs := s.command()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (s *stand) marked() bool {
	text, err := os.ReadFile(s.list)
	if err != nil {
		s.t.Fatal(err)
	}
	_, ok := handoff.ParseState(string(text))
	return ok
}

// done is what rustc tells cargo first; listed has it list its inputs.
const listed = `
for a; do case $before in --out-dir) out=$a;; esac; before=$a; done
echo "$out/x-01.d: x.rs" > $out/x-01.d
echo '{"$message_type":"artifact","artifact":"'$out'/x-01.d","emit":"dep-info"}' >&2
`

func TestDirect(t *testing.T) {
	s := newStand(t, listed+`pwd; cat x.rs $B/x.rs; echo " $*"; echo "$PWD says" >&2; exit 3`)
	code, stdout, stderr := s.run()
	want := s.dir + "/a\nof the placeof the place " + strings.ReplaceAll(strings.Join(s.argv[1:], " "), s.dir+"/b", s.dir+"/a") + "\n"
	if code != 3 || stdout != want {
		t.Errorf("exit status %d, standard output\n%s\nwant\n%s", code, stdout, want)
	}
	want = `{"$message_type":"artifact","artifact":"` + s.dir + `/b/target/debug/deps/x-01.d","emit":"dep-info"}` + "\n" + s.dir + "/b says\n"
	if stderr != want {
		t.Errorf("standard error\n%s\nwant\n%s", stderr, want)
	}
	text, err := os.ReadFile(s.list)
	if want := s.dir + "/b/target/debug/deps/x-01.d: x.rs\n# cargo-cow-state " + strconv.Quote(s.dir+"/a") + " " + strconv.Quote(s.dir+"/a/target") + "\n"; err != nil || string(text) != want {
		t.Errorf("list of inputs\n%s\nwant\n%s", text, want)
	}
}

// Each of these calls is passed on as it is.
func TestPassedOn(t *testing.T) {
	for name, change := range map[string]func(s *stand){
		"another package's directory": func(s *stand) { s.argv[3] = s.dir + "/b/x.rs" },
		"out of the workspace":        func(s *stand) { s.argv[3] = "../b/x.rs" },
		"no state":                    func(s *stand) { os.RemoveAll(s.dir + "/b/target/debug/incremental") },
		"state unfinished": func(s *stand) {
			os.Rename(s.dir+"/b/target/debug/incremental/x-1abc/s-1-1-1", s.dir+"/b/target/debug/incremental/x-1abc/s-1-1-working")
		},
		"no list":           func(s *stand) { os.Remove(s.list) },
		"made here":         func(s *stand) { os.WriteFile(s.list, []byte(s.dir+"/b/target/debug/deps/x-01.d: x.rs\n"), 0o666) },
		"made anywhere":     func(s *stand) { os.WriteFile(s.list, []byte("/nowhere/target/debug/deps/x-01.d: x.rs\n"), 0o666) },
		"no place":          func(s *stand) { os.Remove(s.dir + "/b/target/.cargo-cow/place") },
		"torn place":        func(s *stand) { os.Truncate(s.dir+"/b/target/.cargo-cow/place", 40) },
		"origin gone":       func(s *stand) { os.RemoveAll(s.dir + "/a") },
		"origin a file":     func(s *stand) { os.RemoveAll(s.dir + "/a"); os.WriteFile(s.dir+"/a", nil, 0o666) },
		"origin is a link":  func(s *stand) { os.Rename(s.dir+"/a", s.dir+"/c"); os.Symlink("c", s.dir+"/a") },
		"origin is here":    func(s *stand) { os.RemoveAll(s.dir + "/a"); os.Symlink("b", s.dir+"/a") },
		"argument":          func(s *stand) { s.argv = append(s.argv, "-Clink-arg="+s.dir+"/a/script") },
		"position":          func(s *stand) { s.argv = append(s.argv, "-L", s.dir+"/a/native") },
		"value":             func(s *stand) { s.env = append(s.env, "FLAGS=-I"+s.dir+"/a/include") },
		"value by a link":   func(s *stand) { os.Symlink("a", s.dir+"/l"); s.env = append(s.env, "DIRS=/usr:"+s.dir+"/l/x.rs") },
		"link":              func(s *stand) { os.Symlink(s.dir+"/a/x.rs", s.dir+"/b/l") },
		"place moved":       func(s *stand) { os.Rename(s.dir+"/b", s.dir+"/c"); os.Symlink("c", s.dir+"/b") },
		"crate of the list": func(s *stand) { s.plain("x") },
		"compiler hidden": func(s *stand) {
			os.Rename(s.dir+"/rustc", s.dir+"/a/rustc")
			os.Symlink("a/rustc", s.dir+"/rustc")
		},
		"debug information apart": func(s *stand) { s.argv = append(s.argv, "-Csplit-debuginfo=unpacked") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, listed+"pwd; echo $*; echo said >&2; exit 4")
			change(s)
			before, _ := filepath.EvalSymlinks(s.dir + "/b")
			code, stdout, stderr := s.run()
			if want := before + "\n" + strings.Join(s.argv[1:], " ") + "\n"; code != 4 || stdout != want || strings.Count(stderr, "said\n") != 1 {
				t.Errorf("exit status %d, standard output\n%s\nwant\n%s\nstandard error %q", code, stdout, want, stderr)
			}
			if s.marked() {
				t.Error("the state is said to be another checkout's")
			}
		})
	}
}

func (s *stand) plain(crate string) {
	p, err := handoff.Read(s.dir + "/b/target")
	if err == nil {
		p.InPlaceCrates = []string{crate}
		err = p.Write(s.dir + "/b/target")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// What spoke against the other path is remembered until it does no longer.
func TestRemembered(t *testing.T) {
	s := newStand(t, listed)
	os.Rename(s.dir+"/a", s.dir+"/away")
	s.run()
	if why := handoff.Unavailable(s.dir + "/b/target"); !strings.Contains(why, "gone") {
		t.Errorf("remembered %q", why)
	}
	os.Rename(s.dir+"/away", s.dir+"/a")
	os.WriteFile(s.list, []byte(s.dir+"/a/target/debug/deps/x-01.d: x.rs\n"), 0o666)
	if s.run(); handoff.Unavailable(s.dir+"/b/target") != "" || !s.marked() {
		t.Errorf("still remembered %q", handoff.Unavailable(s.dir+"/b/target"))
	}
}

// What fails at the other path before rustc has read all, or because something
// is not found, runs once more; the user hears of the second run only.
func TestAgain(t *testing.T) {
	s := newStand(t, `if [ $(pwd) != $B ]; then echo early >&2; exit 1; fi;`+listed+`echo late >&2`)
	if code, _, stderr := s.run(); code != 0 || strings.Contains(stderr, "early") || strings.Count(stderr, "late\n") != 1 || s.marked() {
		t.Errorf("before the list: exit status %d, standard error %q, marked %v", code, stderr, s.marked())
	}
	const odd, bad = `{"message":"odd","level":"warning"}`, `{"message":"bad (os error 2)","level":"error"}`
	s = newStand(t, listed+`echo '`+odd+`' >&2; if [ $(pwd) != $B ]; then echo '`+bad+`' >&2; exit 1; fi`)
	if code, _, stderr := s.run(); code != 0 || strings.Contains(stderr, "bad") || strings.Count(stderr, odd) != 1 || strings.Count(stderr, "dep-info") != 1 || s.marked() {
		t.Errorf("not found: exit status %d, standard error %q, marked %v", code, stderr, s.marked())
	}
	// A second run that fails as well leaves the state where it is.
	s = newStand(t, listed+`echo '`+odd+`' >&2; echo '`+bad+`' >&2; exit 1`)
	if code, _, stderr := s.run(); code != 1 || strings.Count(stderr, bad) != 1 || strings.Count(stderr, odd) != 1 || !s.marked() {
		t.Errorf("both times: exit status %d, standard error %q, marked %v", code, stderr, s.marked())
	}
	// Once cargo knows of an output others may be built from it.
	const meta = `{"$message_type":"artifact","artifact":"x.rmeta","emit":"metadata"}`
	s = newStand(t, listed+`echo '`+meta+`' >&2; echo '`+bad+`' >&2; if [ $(pwd) != $B ]; then exit 1; fi`)
	if code, _, stderr := s.run(); code != 1 || strings.Count(stderr, bad) != 1 || !s.marked() {
		t.Errorf("announced: exit status %d, standard error %q", code, stderr)
	}
	s = newStand(t, listed+`if [ $(pwd) != $B ]; then touch $B/../go; until [ -e $B/../away ]; do sleep 0.01; done; echo '{"level":"error"}' >&2; exit 1; fi`)
	go func() {
		for range 1000 {
			if _, err := os.Stat(s.dir + "/go"); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		os.Rename(s.dir+"/a", s.dir+"/away")
	}()
	if code, _, stderr := s.run(); code != 0 || strings.Contains(stderr, "error") {
		t.Errorf("origin renamed meanwhile: exit status %d, standard error %q", code, stderr)
	}
}

// startHearing starts a command that ignores this signal no more than others do. What
// is ignored here, as SIGHUP under nohup, or SIGINT in the background of a shell, would
// be ignored there.
func startHearing(t testing.TB, cmd *exec.Cmd, sig os.Signal) {
	t.Helper()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, sig)
	err := cmd.Start()
	signal.Stop(caught)
	if err != nil {
		t.Fatal(err)
	}
}

// The wrapper ends as the compiler has ended.
func TestEndsAsRustc(t *testing.T) {
	for _, n := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGINT, syscall.SIGPIPE, syscall.SIGQUIT} {
		s := newStand(t, listed+"kill -"+strconv.Itoa(int(n))+" $$; sleep 60")
		cmd, _, stderr := s.command()
		startHearing(t, cmd, n)
		cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != n {
			t.Errorf("%v: ended with %v", n, cmd.ProcessState)
		}
		if strings.Contains(stderr.String(), "goroutine") {
			t.Errorf("%v: standard error %s", n, stderr)
		}
	}
}

// A signal that only the wrapper gets reaches the compiler, and SIGKILL of the
// wrapper ends it: its end of the pipe is closed.
func TestSignals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		trap   string
		code   int
	}{
		{"term", syscall.SIGTERM, "trap 'exit 9' TERM", 9},
		{"int", syscall.SIGINT, "trap 'exit 8' INT", 8},
		{"hup", syscall.SIGHUP, "", -1},
		{"kill", syscall.SIGKILL, "trap '' TERM INT HUP", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t, tt.trap+"\n"+listed+"exec 2>&-\necho ready\nwhile :; do sleep 0.01; done")
			cmd, _, _ := s.command()
			cmd.Stdout = nil
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			startHearing(t, cmd, tt.signal)
			timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
			defer timer.Stop()
			if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			// The script, too, has the pipe, and closes it when it ends.
			if _, err := io.ReadAll(out); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if tt.code >= 0 && status.ExitStatus() != tt.code || tt.code < 0 && status.Signal() != tt.signal {
				t.Errorf("ended with %v", cmd.ProcessState)
			}
		})
	}
}

// A signal that the caller ignores stays ignored, by the compiler as well.
func TestIgnoredSignal(t *testing.T) {
	s := newStand(t, listed+"kill -HUP $$; kill -HUP $PPID; exit 5")
	cmd, _, _ := s.command()
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Run()
	if cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

func TestCompilerIsNotThere(t *testing.T) {
	s := newStand(t, "")
	s.argv[0] = s.dir + "/none"
	if code, _, stderr := s.run(); code != notRun || !strings.HasPrefix(stderr, "error: ") {
		t.Errorf("exit status %d, standard error %q", code, stderr)
	}
	s.argv = nil
	if code, _, stderr := s.run(); code != notRun || !strings.Contains(stderr, "build.rustc-wrapper") {
		t.Errorf("exit status %d, standard error %q", code, stderr)
	}
}

// The wrapper that is chained runs around the compiler wherever ours does nothing.
func TestChained(t *testing.T) {
	s := newStand(t, listed+"echo rustc in $(pwd)")
	next := s.dir + "/next"
	if err := os.WriteFile(next, []byte("#!/bin/sh\necho next\nexec \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	link, err := cowwrapper.MakeLink(chain.Link{Next: next}, s.dir+"/links", fixture.Wrapper(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ what, want string }{
		{"taken", "rustc in " + s.dir + "/a\n"},
		{"passed on", "next\nrustc in " + s.dir + "/b\n"},
	} {
		cmd, stdout, _ := s.command()
		cmd.Path, cmd.Args[0] = link, link
		if err := cmd.Run(); err != nil || stdout.String() != step.want {
			t.Errorf("%s: %v, standard output %q, want %q", step.what, err, stdout, step.want)
		}
		os.Remove(s.list)
	}
}
