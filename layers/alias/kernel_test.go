package alias

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// What forbids views, by system call: the first as Docker's filter does, the others as a kernel or filter that is too old
// for them. clone3, whose flags no filter can see, always fails with ENOSYS.
var forbidden = map[string][]filter{
	"namespaces": {{unix.SYS_CLONE, unix.CLONE_NEWNS | unix.CLONE_NEWUSER}, {unix.SYS_UNSHARE, 0}},
	"mounts":     {{unix.SYS_MOUNT, 0}},
	"new mounts": {{unix.SYS_OPEN_TREE, 0}, {unix.SYS_MOVE_MOUNT, 0}},
	"openat2":    {{unix.SYS_OPENAT2, 0}},
}

// Where the kernel forbids views, Start says so, nothing has run, and the command runs without one.
func TestForbiddenByFilter(t *testing.T) { testForbiddenByFilter(t, workDir(t, os.Getuid())) }

func TestForbiddenByFilterAsOrdinaryUser(t *testing.T) { asNobody(t, testForbiddenByFilter) }

func testForbiddenByFilter(t *testing.T, dir string) {
	files(t, dir, map[string]string{"a/name": "origin", "b/name": "place"})
	for name, filters := range forbidden {
		for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
			t.Run(fmt.Sprint(name, " ", errno), func(t *testing.T) {
				wantForbidden(t, dir, errno, func(r request) *exec.Cmd {
					r.Forbid, r.Errno = filters, errno
					return r.command()
				})
			})
		}
	}
}

// wantForbidden runs a command in a view and without, in a process that may not make views.
func wantForbidden(t *testing.T, dir string, cause error, command func(request) *exec.Cmd) {
	t.Helper()
	c := shell(dir+"/b", "echo ran | tee ran; cat name")
	r := request{View: View{Binds: []Bind{{dir + "/b", dir + "/a"}}}, Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir}
	out, err := command(r).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUnavailable || exists(dir+"/b/ran") || !strings.Contains(string(out), cause.Error()) {
		t.Errorf("with a view: %v, output %q; want exit status %d, %q, and that nothing runs", err, out, exitUnavailable, cause)
	}
	r.View = View{}
	for _, r.Plain = range []bool{true, false} {
		out, err = command(r).CombinedOutput()
		if string(out) != "ran\nplace" || err != nil {
			t.Errorf("without a view, plain %v: %v, output %q", r.Plain, err, out)
		}
		must(t, os.Remove(dir+"/b/ran"))
	}
}

func TestForbiddenByLimit(t *testing.T) {
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "a user namespace of two users needs root")
	}
	dir := workDir(t, nobody)
	files(t, dir, map[string]string{"a/name": "origin", "b/name": "place"})
	must(t, os.Chown(dir+"/b", nobody, nobody))
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: nobody, HostID: nobody, Size: 1}}
	wantForbidden(t, dir, unix.ENOSPC, func(r request) *exec.Cmd {
		cmd := r.command()
		cmd.Env[0] = roleEnv + "=limit"
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		}
		return cmd
	})
}

// A directory that is renamed between the steps of a bind takes the mount along, and its path names another.
func TestRenamedMeanwhile(t *testing.T) {
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "a mount namespace for one thread needs root")
	}
	for _, tt := range []struct {
		name   string
		rename func(a string) error
		want   error
	}{
		{"left alone", func(string) error { return nil }, nil},
		{"gone", func(a string) error { return os.Rename(a, a+"2") }, unix.ENOENT},
		{"another", func(a string) error { return errors.Join(os.Rename(a, a+"2"), os.Mkdir(a, 0o755)) }, unix.ESTALE},
		{"a link", func(a string) error { return errors.Join(os.Rename(a, a+"2"), os.Symlink("a2", a)) }, unix.ELOOP},
		{"removed", os.Remove, unix.ENOENT},
	} {
		dir := workDir(t, 0)
		files(t, dir, map[string]string{"a/": "", "b/": ""})
		result := make(chan error)
		go func() {
			runtime.LockOSThread() // for good: the thread ends with its namespace
			result <- func() error {
				if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")); err != nil {
					return err
				}
				from, err := unix.Open(dir+"/b", unix.O_PATH|unix.O_CLOEXEC, 0)
				if err != nil {
					return err
				}
				defer unix.Close(from)
				at, err := resolve(dir + "/a")
				if err != nil {
					return err
				}
				defer unix.Close(at)
				if err := tt.rename(dir + "/a"); err != nil {
					return err
				}
				return attach(from, at, dir+"/a")
			}()
		}()
		if err := <-result; !errors.Is(err, tt.want) {
			t.Errorf("%s: attach = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Where mounts are shared between namespaces, as systemd has it, none goes out of the view, and an unmount goes in.
func TestSharedMounts(t *testing.T) {
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "mounting needs root")
	}
	dir := workDir(t, 0)
	must(t, unix.Mount("alias-test", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	must(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
	files(t, dir, map[string]string{"a/name": "origin", "b/name": "place", "m/": ""})
	must(t, unix.Mount("alias-test", dir+"/m", "tmpfs", 0, ""))
	mounted := true
	t.Cleanup(func() {
		if mounted {
			must(t, unix.Unmount(dir+"/m", 0))
		}
	})
	files(t, dir, map[string]string{"m/file": ""})

	in, stdin, err := os.Pipe()
	must(t, err)
	stdout, out, err := os.Pipe()
	must(t, err)
	c := shell(dir+"/a", "cat name; test -e ../m/file && echo; read line; cat name; test -e ../m/file || echo")
	c.Stdin, c.Stdout = in, out
	before := mounts(t, dir)
	p, err := View{Binds: []Bind{{dir + "/b", dir + "/a"}}}.Start(c)
	must(t, err)
	must(t, errors.Join(in.Close(), out.Close()))
	line := make([]byte, len("place\n"))
	_, err = io.ReadFull(stdout, line)
	if string(line) != "place\n" || err != nil {
		t.Errorf("the command sees %q, %v", line, err)
	}
	if during := mounts(t, dir); during != before || read(t, dir+"/a/name") != "origin" {
		t.Errorf("mounts of the caller before:\n%s\nwhile the command runs:\n%s", before, during)
	}
	must(t, unix.Unmount(dir+"/m", 0))
	mounted = false
	must(t, stdin.Close())
	rest, err := io.ReadAll(stdout)
	if string(rest) != "place\n" || err != nil {
		t.Errorf("after an unmount the command sees %q, %v", rest, err)
	}
	must(t, stdout.Close())
	_, err = p.Wait()
	must(t, err)
}

// A user reaches in the view what he reaches by a group of his outside, though the group has no number there.
func TestSupplementaryGroup(t *testing.T) {
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "to have another group needs root")
	}
	const group = 4711
	dir := workDir(t, 0)
	files(t, dir, map[string]string{"b/secret": "for the group", "a/": ""})
	must(t, os.Chown(dir+"/b/secret", 0, group))
	must(t, os.Chmod(dir+"/b/secret", 0o640))
	for _, tt := range []struct {
		groups []uint32
		want   string
	}{{[]uint32{group}, "for the group"}, {nil, ""}} {
		cmd := request{
			View: View{Binds: []Bind{{dir + "/b", dir + "/a"}}}, Path: "/bin/cat", Args: []string{"cat", dir + "/a/secret"}, Dir: dir + "/a",
		}.command()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, Groups: tt.groups}}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == exitUnavailable {
			loopfs.Unavailable(t, stderr.String())
		}
		if string(out) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("with groups %v: read %q, %v\n%s", tt.groups, out, err, &stderr)
		}
	}
}

func TestLift(t *testing.T) {
	in, out, err := os.Pipe()
	must(t, err)
	defer in.Close()
	defer out.Close()
	const base = 150
	// Inherited by children, for as long as this lasts.
	for _, n := range []int{base, base + 2, base + 6, base + 12} {
		must(t, unix.Dup2(int(in.Fd()), n))
		defer unix.Close(n)
	}
	got, err := duplicateAbove(int(out.Fd()), base-1)
	must(t, err)
	defer unix.Close(got)
	if want := base + 7; got != want {
		t.Errorf("lift = %d, want %d: the first free number with four after it that no child inherits", got, want)
	}
	if flags, err := unix.FcntlInt(uintptr(got), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 || err != nil {
		t.Errorf("lifted descriptor: flags %#x, %v", flags, err)
	}
	if _, err := duplicateAbove(int(out.Fd()), 1<<30); err == nil {
		t.Error("lift above the limit gave no error")
	}
}

func TestJobCrossesTheWire(t *testing.T) {
	jobs := []job{
		{},
		{probe: true, parent: 1},
		{
			parent: 1 << 22, userNamespace: true, bounding: 1<<63 | 1, binds: []Bind{{"/b", "/a"}, {"", ""}}, readOnly: []string{"/a", "/b"},
			command: Command{Path: "/p", Dir: "/d", Args: []string{"", "a b", "\xff\n"}, Env: []string{"A=1", ""}},
		},
	}
	for _, j := range jobs {
		message, err := j.encode()
		must(t, err)
		got, err := decode(message)
		if !reflect.DeepEqual(got, j) || err != nil {
			t.Errorf("decode(encode(%+v)) = %+v, %v", j, got, err)
		}
		for n := range message {
			if got, err := decode(message[:n]); err == nil {
				t.Errorf("%d of %d bytes were taken for %+v", n, len(message), got)
			}
		}
		if _, err := decode(append(message, 0)); err == nil {
			t.Error("a job with more after it was taken")
		}
	}
}

func TestVerdict(t *testing.T) {
	view, run := []string{reportView, "2", "open /b"}, []string{reportReady, reportExec, "13", "execute /p"}
	for _, tt := range []struct {
		said []string
		kind error
		text string
	}{
		{[]string{reportReady}, nil, ""},
		{view, ErrUnavailable, "open /b: no such file or directory"},
		{run, ErrNotRun, "execute /p: permission denied"},
		{nil, ErrUnavailable, "start child: " + errLost.Error()},
		{view[:2], ErrUnavailable, "start child: " + errLost.Error()},
	} {
		err := verdict(tt.said)
		if !errors.Is(err, tt.kind) || err != nil && err.Error() != tt.text {
			t.Errorf("verdict(%q) = %v, want %v %q", tt.said, err, tt.kind, tt.text)
		}
	}
}

func TestWithPWD(t *testing.T) {
	for _, tt := range []struct{ env, want string }{
		{`[]`, `["PWD=/d"]`},
		{`["A=1","PWD=/x","B=2"]`, `["A=1","PWD=/d","B=2"]`},
		{`["PWD=/x","A=1","PWD=/y"]`, `["PWD=/d","A=1"]`},
		{`["OLDPWD=/x","PWD"]`, `["OLDPWD=/x","PWD","PWD=/d"]`},
	} {
		var env []string
		must(t, json.Unmarshal([]byte(tt.env), &env))
		got, err := json.Marshal(withPWD(env, "/d"))
		must(t, err)
		if string(got) != tt.want {
			t.Errorf("withPWD(%s) = %s, want %s", tt.env, got, tt.want)
		}
	}
}
