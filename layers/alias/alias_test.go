package alias

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Everything is promised to everybody: with a mount namespace alone and with each kind of user namespace.

func TestAsCaller(t *testing.T) {
	needViews(t)
	suite(t, workDir(t, os.Getuid()))
}

func TestAsOrdinaryUser(t *testing.T) { asNobody(t, suite) }

func TestAsBoundRoot(t *testing.T) { asBoundRoot(t, suite) }

func suite(t *testing.T, dir string) {
	for _, test := range []struct {
		name string
		test func(t *testing.T, dir string)
		both bool // where nothing is shown, too: with a view and without
	}{
		{"directory", testDirectory, false},
		{"file", testFile, false},
		{"through a link", testFromLink, false},
		{"nested", testNested, false},
		{"earlier binds come along", testCarried, false},
		{"two directories", testTwo, false},
		{"read-only", testReadOnly, false},
		{"refused", testRefused, false},
		{"not run", testNotRun, false},
		{"status", testStatus, true},
		{"streams", testStreams, true},
		{"environment", testEnvironment, true},
		{"as without a view", testSameAsPlain, true},
		{"descriptors", testDescriptors, true},
		{"files of others", testFilesOfOthers, false},
		{"signals", testSignals, true},
		{"interrupted group", testInterruptedGroup, true},
		{"caller killed", testCallerKilled, false},
		{"caller of a plain command killed", testPlainCallerKilled, false},
		{"many goroutines", testManyGoroutines, false},
		{"many processes", testManyProcesses, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			must(t, os.Mkdir(dir, 0o755))
			before := mounts(t, dir)
			open := descriptors(t)
			test.test(t, dir)
			if test.both {
				testOnlyInView = true
				defer func() { testOnlyInView = false }()
				dir += "-in-view"
				must(t, os.Mkdir(dir, 0o755))
				test.test(t, dir)
			}
			if after := mounts(t, dir); after != before {
				t.Errorf("mounts of the caller, before:\n%s\nafter:\n%s", before, after)
			}
			if after := descriptors(t); !slices.Equal(after, open) {
				t.Errorf("open descriptors %v, were %v", after, open)
			}
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
				t.Errorf("a child is left: %d, %v", pid, err)
			}
		})
	}
}

// mounts are those of this process at dir and below. Elsewhere others may mount what they like.
func mounts(t testing.TB, dir string) string {
	var found strings.Builder
	for line := range strings.Lines(read(t, "/proc/self/mountinfo")) {
		if at := strings.Fields(line)[4]; at == dir || strings.HasPrefix(at, dir+"/") {
			found.WriteString(line)
		}
	}
	return found.String()
}

func descriptors(t testing.TB) []string {
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	var names []string
	for _, e := range entries {
		// The directory's own descriptor is gone by now, and the runtime's are not ours.
		what, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err == nil && !strings.HasPrefix(what, "anon_inode:") {
			names = append(names, e.Name()+" "+what)
		}
	}
	return names
}

func testDirectory(t *testing.T, dir string) {
	a, b := dir+"/a", dir+"/b"
	files(t, dir, map[string]string{"a/name": "origin", "a/sub/only-a": "", "b/name": "place", "b/sub/only-b": ""})
	got := output(t, View{Binds: []Bind{{b, a}}}, a+"/sub",
		fmt.Sprintf("/bin/pwd; echo $PWD; ls; cd ..; ls; cat name %s/name %s/name; echo text >made", a, b))
	if want := fmt.Sprintf("%s/sub\n%[1]s/sub\nonly-b\nname\nsub\nplaceplaceplace", a); got != want {
		t.Errorf("the command sees %q, want %q", got, want)
	}
	if exists(a+"/made") || read(t, b+"/made") != "text\n" {
		t.Error("what the command made is not where it was shown")
	}
	if read(t, a+"/name") != "origin" {
		t.Error("the caller sees the view")
	}
}

func testFile(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/config": "origin", "a/other": "other", "config": "place"})
	v := View{Binds: []Bind{{dir + "/config", dir + "/a/config"}}}
	if got := output(t, v, dir+"/a", "cat config other"); got != "placeother" {
		t.Errorf("the command sees %q", got)
	}
}

func testFromLink(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/name": "origin", "real/b/name": "place"})
	must(t, os.Symlink("real", dir+"/link"))
	if got := output(t, View{Binds: []Bind{{dir + "/link/b", dir + "/a"}}}, dir+"/a", "cat name"); got != "place" {
		t.Errorf("the command sees %q", got)
	}
}

// A checkout inside the origin is seen at both its paths, and what it lies in is hidden.
func testNested(t *testing.T, dir string) {
	a, b := dir+"/a", dir+"/a/.worktrees/n"
	files(t, dir, map[string]string{
		"a/name": "origin", "a/.worktrees/n/name": "place", "a/.worktrees/n/.worktrees/n/": "",
	})
	v := View{Binds: []Bind{{b, a}, {b, b}}}
	got := output(t, v, a, fmt.Sprintf("cat name %s/name; echo; ls -a %s; echo text >%s/made; cat made", b, a, b))
	if want := "placeplace\n.\n..\n.worktrees\nname\ntext\n"; got != want {
		t.Errorf("the command sees %q, want %q", got, want)
	}
	if read(t, b+"/made") != "text\n" {
		t.Error("what the command made is not in the place")
	}
}

// The worktree's git directory is moved into the checkout, which then hides where it was.
func testCarried(t *testing.T, dir string) {
	a, b := dir+"/a", dir+"/b"
	files(t, dir, map[string]string{
		"a/.git/HEAD": "origin", "a/.git/worktrees/b/HEAD": "place",
		"b/.git": "gitdir: " + a + "/.git/worktrees/b", "b/target/git/": "",
		"b/target/gitfile": "gitdir: " + b + "/target/git/worktrees/b",
	})
	v := View{Binds: []Bind{{a + "/.git", b + "/target/git"}, {b + "/target/gitfile", b + "/.git"}, {b, a}}}
	got := output(t, v, a, `cat .git; echo; dir=$(sed 's/gitdir: //' .git); cat $dir/HEAD target/git/HEAD`)
	if want := fmt.Sprintf("gitdir: %s/target/git/worktrees/b\nplaceorigin", b); got != want {
		t.Errorf("the command sees %q, want %q", got, want)
	}
}

func testTwo(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/name": "origin", "b/name": "place", "ta/out": "origin's", "tb/out": "place's"})
	v := View{Binds: []Bind{{dir + "/b", dir + "/a"}, {dir + "/tb", dir + "/ta"}}}
	if got := output(t, v, dir+"/a", "cat name ../ta/out"); got != "placeplace's" {
		t.Errorf("the command sees %q", got)
	}
}

// A checkout that is shown at the origin's path is read-only there and at its own; what is shown inside it is not.
func testReadOnly(t *testing.T, dir string) {
	a, b := dir+"/a", dir+"/b"
	files(t, dir, map[string]string{"a/target/": "", "b/name": "place", "b/target/own": "", "copy/target/": ""})
	v := View{Binds: []Bind{{b, a}, {dir + "/copy/target", a + "/target"}}, ReadOnly: []string{a, b}}
	got := output(t, v, a, fmt.Sprintf("echo x 2>&- >name || echo kept; echo x 2>&- >%s/target/own || echo kept; rm -f target/own; echo x >target/made; cat name target/made", b))
	if want := "kept\nkept\nplacex\n"; got != want {
		t.Errorf("the command says %q, want %q", got, want)
	}
	if read(t, b+"/name") != "place" || read(t, b+"/target/own") != "" || read(t, dir+"/copy/target/made") != "x\n" {
		t.Error("what was to stay has changed, or what was written is not where it was shown")
	}
}

func testRefused(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/sub/x": "", "a/only/": "", "b/sub/x": "", "file": ""})
	must(t, os.Symlink("a", dir+"/link"))
	must(t, os.Symlink("loop", dir+"/loop"))
	for _, tt := range []struct {
		name string
		bind Bind
		dir  string
		want error
	}{
		{"no From", Bind{"/none", "/a"}, "/a", unix.ENOENT},
		{"no At", Bind{"/b", "/none"}, "/b", unix.ENOENT},
		{"At below a file", Bind{"/b", "/file/a"}, "/b", unix.ENOTDIR},
		{"directory over file", Bind{"/b", "/file"}, "/b", unix.ENOTDIR},
		{"file over directory", Bind{"/file", "/a"}, "/b", unix.EISDIR},
		{"At is a link", Bind{"/b", "/link"}, "/b", unix.ELOOP},
		{"At through a link", Bind{"/b/sub", "/link/sub"}, "/b", unix.ELOOP},
		{"At is an endless link", Bind{"/b", "/loop"}, "/b", unix.ELOOP},
		{"From is an endless link", Bind{"/loop", "/a"}, "/b", unix.ELOOP},
		{"At not clean", Bind{"/b", "/a/../a"}, "/b", unix.EINVAL},
		{"At ends in a slash", Bind{"/b", "/a/"}, "/b", unix.EINVAL},
		{"working directory only outside", Bind{"/b", "/a"}, "/a/only", unix.ENOENT},
		{"working directory a file", Bind{"/b", "/a"}, "/a/sub/x", unix.ENOTDIR},
	} {
		v := View{Binds: []Bind{{dir + tt.bind.From, dir + tt.bind.At}}}
		wantRefused(t, tt.name, v, shell(dir+tt.dir, "touch "+dir+"/ran"), tt.want)
	}
	touch := shell(dir, "touch "+dir+"/ran")
	wantRefused(t, "From hidden by its own At", View{Binds: []Bind{{dir + "/b", dir + "/a"}, {dir + "/a", dir + "/b"}}}, touch, unix.ESTALE)
	wantRefused(t, "At is the root", View{Binds: []Bind{{dir, "/"}}}, touch, nil)
	wantRefused(t, "relative From", View{Binds: []Bind{{"b", dir + "/a"}}}, touch, unix.EINVAL)
	wantRefused(t, "relative At", View{Binds: []Bind{{dir + "/b", "a"}}}, touch, unix.EINVAL)
	wantRefused(t, "read-only through a link", View{ReadOnly: []string{dir + "/link"}}, touch, unix.ELOOP)
	wantRefused(t, "read-only and not there", View{ReadOnly: []string{dir + "/none"}}, touch, unix.ENOENT)
	wantRefused(t, "read-only not clean", View{ReadOnly: []string{dir + "/a/"}}, touch, unix.EINVAL)
	wantRefused(t, "no working directory", View{}, shell("", "touch "+dir+"/ran"), unix.EINVAL)
	wantRefused(t, "NUL in a path", View{Binds: []Bind{{dir + "/b\x00", dir + "/a"}}}, touch, unix.EINVAL)
	touch.Args = append(touch.Args, "a\x00b")
	wantRefused(t, "NUL in an argument", View{}, touch, unix.EINVAL)
	if exists(dir + "/ran") {
		t.Error("a refused command ran")
	}
}

func wantRefused(t *testing.T, name string, v View, c Command, cause error) {
	t.Helper()
	p, err := v.Start(c)
	if p != nil || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotRun) || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: Start = %v, %v; want ErrUnavailable by %v", name, p, err, cause)
	}
}

// The command that cannot be executed is told apart from the view that cannot be made.
func testNotRun(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/compiler": "#!/bin/sh\n", "b/text": "", "b/missing-interpreter": "#!/none\n"})
	must(t, os.Chmod(dir+"/a/compiler", 0o755))
	must(t, os.Chmod(dir+"/b/missing-interpreter", 0o755))
	v := View{Binds: []Bind{{dir + "/b", dir + "/a"}}}
	long := make([]string, 200)
	for i := range long {
		long[i] = strings.Repeat("x", 100_000)
	}
	for _, tt := range []struct {
		name, path string
		args       []string
		want       error
	}{
		{"hidden by the view", dir + "/a/compiler", nil, unix.ENOENT},
		{"missing interpreter", dir + "/b/missing-interpreter", nil, unix.ENOENT},
		{"not executable", dir + "/b/text", nil, unix.EACCES},
		{"a directory", dir + "/b", nil, unix.EACCES},
		{"no path", "", nil, unix.ENOENT},
		{"too many arguments", "/bin/true", long, unix.E2BIG},
	} {
		p, err := v.Start(Command{Path: tt.path, Args: append([]string{tt.path}, tt.args...), Dir: dir + "/a"})
		if p != nil || !errors.Is(err, ErrNotRun) || errors.Is(err, ErrUnavailable) || !errors.Is(err, tt.want) {
			t.Errorf("%s: Start = %v, %v; want ErrNotRun by %v", tt.name, p, err, tt.want)
		}
	}
}

func testStatus(t *testing.T, dir string) {
	for _, code := range []int{0, 1, 2, 101, 127, 255} {
		_, status := run(t, View{}, shell(dir, fmt.Sprintf("exit %d", code)))
		if !status.Exited() || status.ExitStatus() != code {
			t.Errorf("exit %d became status %#x", code, int(status))
		}
	}
	for _, signal := range []syscall.Signal{unix.SIGKILL, unix.SIGTERM, unix.SIGINT, unix.SIGSEGV, unix.SIGABRT, unix.SIGPIPE} {
		_, status := run(t, View{}, shell(dir, fmt.Sprintf("ulimit -c 0; kill -%d $$", signal)))
		if !status.Signaled() || status.Signal() != signal {
			t.Errorf("death by %v became status %#x", signal, int(status))
		}
	}
}

func testStreams(t *testing.T, dir string) {
	files(t, dir, map[string]string{"in": "to the command"})
	in, err := os.Open(dir + "/in")
	must(t, err)
	defer in.Close()
	c := shell(dir, "cat; echo again; echo complaint >&2; test ! -t 0")
	c.Stdin = in
	for _, stream := range []struct {
		to   **os.File
		name string
	}{{&c.Stdout, "out"}, {&c.Stderr, "err"}} {
		f, err := os.Create(filepath.Join(dir, stream.name))
		must(t, err)
		defer f.Close()
		*stream.to = f
	}
	p, err := View{}.Start(c)
	must(t, err)
	status, err := p.Wait()
	if status != 0 || err != nil {
		t.Errorf("status %#x, %v", int(status), err)
	}
	if out, complaint := read(t, dir+"/out"), read(t, dir+"/err"); out != "to the commandagain\n" || complaint != "complaint\n" {
		t.Errorf("standard output %q, standard error %q", out, complaint)
	}
	if at, err := in.Seek(0, io.SeekCurrent); at != int64(len("to the command")) || err != nil {
		t.Errorf("standard input was read up to %d, %v: it is not the caller's open file", at, err)
	}
	if again, err := p.Wait(); again != status || err != nil {
		t.Errorf("second Wait = %#x, %v", int(again), err)
	}
	// The caller's own, by default: a process whose streams are known shows it.
	cmd := request{View: View{}, Path: "/bin/cat", Args: []string{"cat"}, Dir: dir}.command()
	cmd.Stdin = strings.NewReader("handed through")
	if out, err := cmd.Output(); string(out) != "handed through" || err != nil {
		t.Errorf("output %q, %v", out, err)
	}
}

func testEnvironment(t *testing.T, dir string) {
	c := Command{Path: "/usr/bin/env", Args: []string{"env", "-0"}, Dir: dir, Env: []string{
		"A=1", "EMPTY=", "TWICE=1", "TWICE=2", "LINES=a\nb", "PWD=/elsewhere", "GODEBUG=x=y", "GOMAXPROCS=many", "Z==",
	}}
	want := slices.Clone(c.Env)
	want[5] = "PWD=" + dir
	out, status := run(t, View{}, c)
	if got := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"); status != 0 || !slices.Equal(got, want) {
		t.Errorf("environment %q, status %#x, want %q", got, int(status), want)
	}
	c.Env = nil
	if out, _ := run(t, View{}, c); out != "PWD="+dir+"\x00" {
		t.Errorf("environment %q, want PWD alone", out)
	}
}

// Nothing a program can ask the kernel about itself differs from what it would be told if it had been executed directly.
func testSameAsPlain(t *testing.T, dir string) {
	script := `grep -E '^(Umask|Uid|Gid|Cap|NoNewPrivs|Seccomp:|Sig(Pnd|Blk|Ign)|ShdPnd|Cpus_allowed_list)' /proc/self/status
cat /proc/self/limits; umask; nice; id -u; id -g
cat /proc/self/oom_score_adj /proc/self/cgroup; cut -d' ' -f5,6,7 /proc/$$/stat; /bin/pwd; echo $PWD`
	c := shell(dir, script)
	ask := func(plain bool) string {
		cmd := request{Plain: plain, Path: c.Path, Args: c.Args, Env: c.Env, Dir: dir}.command()
		// Not what a process has by default.
		old := unix.Umask(0o027)
		defer unix.Umask(old)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("plain %v: %v\n%s", plain, err, out)
		}
		return string(out)
	}
	plain, shown := ask(true), ask(false)
	if plain != shown || !strings.Contains(plain, "CapBnd") {
		t.Errorf("without a view:\n%s\nwith:\n%s", plain, shown)
	}
}

// Root keeps its power over the files of others, for which they need numbers in a user namespace.
func testFilesOfOthers(t *testing.T, dir string) {
	if os.Getuid() != 0 {
		return
	}
	const other = 4711
	files(t, dir, map[string]string{"b/secret": "other's", "a/": ""})
	must(t, os.Chown(dir+"/b/secret", other, other))
	must(t, os.Chmod(dir+"/b/secret", 0o600))
	got := output(t, View{Binds: []Bind{{dir + "/b", dir + "/a"}}}, dir+"/a", "cat secret; stat -c ' %u %g' secret; touch new; chown 4712 new")
	if got != "other's 4711 4711\n" {
		t.Errorf("the command sees %q", got)
	}
}

// Descriptors such as a jobserver's keep their numbers, wherever they lie and whatever lies between.
func testDescriptors(t *testing.T, dir string) {
	const first, last = 3, 48
	in, out, err := os.Pipe()
	must(t, err)
	defer in.Close()
	defer out.Close()
	for seed := range 12 {
		var extra []*os.File
		for n := first; n <= last; n++ {
			switch (seed*7919 + n*n*31 + n*seed) % 5 {
			case 0:
				extra = append(extra, in)
			case 1:
				extra = append(extra, out)
			default:
				extra = append(extra, nil)
			}
		}
		ask := func(plain bool) string {
			cmd := request{
				Plain: plain, Pipe: true, Path: self, Args: []string{"descriptors"}, Env: []string{roleEnv + "=descriptors", quickExit}, Dir: dir,
			}.command()
			cmd.ExtraFiles = extra
			got, err := cmd.Output()
			must(t, err)
			var lines []string
			for line := range strings.Lines(string(got)) {
				if !strings.HasPrefix(line, "1 ") && !strings.HasPrefix(line, "2 ") {
					lines = append(lines, line)
				}
			}
			return strings.Join(lines, "")
		}
		if plain, shown := ask(true), ask(false); plain != shown || !strings.Contains(plain, "pipe:") {
			t.Errorf("seed %d: descriptors without a view:\n%s\nwith:\n%s", seed, plain, shown)
		}
	}
	// A token goes through.
	cmd := request{Path: "/bin/sh", Args: []string{"sh", "-c", "head -c1 <&6; echo + >&7"}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir}.command()
	cmd.ExtraFiles = []*os.File{nil, nil, nil, in, out}
	_, err = out.WriteString("|")
	must(t, err)
	got, err := cmd.Output()
	token := make([]byte, 2)
	if _, readErr := io.ReadFull(in, token); string(got) != "|" || string(token) != "+\n" || errors.Join(err, readErr) != nil {
		t.Errorf("command read %q, wrote %q, %v, %v", got, token, err, readErr)
	}
}

func TestProbe(t *testing.T) {
	if err := Probe(); err != nil {
		loopfs.Unavailable(t, err.Error())
	}
	before := mounts(t, "/proc")
	must(t, Probe())
	if after := mounts(t, "/proc"); after != before {
		t.Errorf("mounts before:\n%s\nafter:\n%s", before, after)
	}
}

// A program that does not become the child would run itself again and again.
func TestMainNotCalled(t *testing.T) {
	mainCalled.Store(false)
	defer mainCalled.Store(true)
	wantRefused(t, "Start", View{}, shell("/", "exit"), nil)
	if err := Probe(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Probe = %v, want ErrUnavailable", err)
	}
}

// Whoever is called like the child but was not started by Start does nothing.
func TestImpostor(t *testing.T) {
	for _, stdin := range []io.Reader{nil, strings.NewReader("true\x001\x00")} {
		cmd := exec.Command(self)
		cmd.Args = []string{childName}
		cmd.Stdin = stdin
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) > 0 {
			t.Errorf("child without a caller: %v, output %q", err, out)
		}
	}
}
