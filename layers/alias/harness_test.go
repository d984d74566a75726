package alias

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// The test binary, run again with roleEnv set, is another program: one that calls Start and ends as its command does.
const (
	roleEnv    = "ALIAS_TEST_ROLE"
	requestEnv = "ALIAS_TEST_REQUEST"
	// rerunDir is set when a test runs again in a process of other rights, and says where it may work.
	rerunDir = "ALIAS_TEST_DIR"
	// With the race detector a process waits for a second at its end.
	quickExit = "GORACE=atexit_sleep_ms=0"
)

// self is the test binary by a name that works for every user and in every view.
const self = "/proc/self/exe"

const nobody = 65534

// Exit statuses of the role "start", beside those of its command.
const (
	exitUnavailable = 100
	exitNotRun      = 101
	exitSignaled    = 102
)

func TestMain(m *testing.M) {
	Main()
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "start":
		os.Exit(startRole())
	case "limit":
		os.Exit(limitRole())
	case "descriptors":
		listDescriptors()
	}
}

// A request is what the role "start" does.
type request struct {
	View   View
	Path   string
	Args   []string
	Env    []string
	Dir    string
	Plain  bool          // execute the command without a view
	InView bool          // testOnlyInView
	Pipe   bool          // the command's standard error is a pipe, which is copied
	Forbid []filter      // system calls that fail
	Errno  syscall.Errno // and how
}

func (r request) command() *exec.Cmd {
	r.InView = testOnlyInView
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{roleEnv + "=start", requestEnv + "=" + string(text), "PATH=/usr/bin:/bin", quickExit}
	return cmd
}

func startRole() int {
	var r request
	if err := json.Unmarshal([]byte(os.Getenv(requestEnv)), &r); err != nil {
		return fail(err)
	}
	testOnlyInView = r.InView
	if len(r.Forbid) > 0 {
		if err := forbid(r.Forbid, r.Errno); err != nil {
			return fail(err)
		}
	}
	if r.Plain {
		if err := os.Chdir(r.Dir); err != nil {
			return fail(err)
		}
		return fail(syscall.Exec(r.Path, r.Args, withPWD(r.Env, r.Dir)))
	}
	// Caught, not ignored, as the documentation of Start says.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM)
	c := Command{Path: r.Path, Args: r.Args, Env: r.Env, Dir: r.Dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	copied := make(chan error, 1)
	if r.Pipe {
		// Numbers below the pipe's are free when the command is started.
		var low []*os.File
		for range 8 {
			f, err := os.Open(os.DevNull)
			if err != nil {
				return fail(err)
			}
			low = append(low, f)
		}
		in, out, err := os.Pipe()
		if err != nil {
			return fail(err)
		}
		for _, f := range low {
			f.Close()
		}
		go func() {
			_, err := io.Copy(os.Stderr, in)
			copied <- err
		}()
		c.Stderr = out
	}
	p, err := r.View.Start(c)
	if r.Pipe {
		c.Stderr.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	switch {
	case errors.Is(err, ErrUnavailable):
		return exitUnavailable
	case errors.Is(err, ErrNotRun):
		return exitNotRun
	case err != nil:
		return 1
	}
	status, err := p.Wait()
	if err != nil {
		return fail(err)
	}
	if r.Pipe {
		if err := <-copied; err != nil {
			return fail(err)
		}
	}
	if status.Signaled() {
		return exitSignaled
	}
	return status.ExitStatus()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// limitRole forbids user namespaces in the user namespace it is root of, and becomes the role "start" as nobody.
func limitRole() int {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return fail(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"=start")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		return fail(err)
	}
	return 0
}

// listDescriptors prints what this process has inherited.
func listDescriptors() {
	var list bytes.Buffer
	for n := range 256 {
		if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			what, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n))
			fmt.Fprintln(&list, n, what, err)
		}
	}
	os.Stdout.Write(list.Bytes())
}

// A filter names a system call, and if Flags is not 0, only those calls whose first argument has one of these bits.
type filter struct{ Call, Flags uint32 }

// forbid makes system calls of this process and its children fail with errno.
func forbid(filters []filter, errno syscall.Errno) error {
	// struct seccomp_data: the number at 0, the low half of the first argument, on a little-endian machine, at 16.
	const number, argument = 0, 16
	code := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number}}
	refuse := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	for _, f := range filters {
		if f.Flags == 0 {
			code = append(code, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: f.Call, Jf: 1}, refuse)
			continue
		}
		code = append(code,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: f.Call, Jf: 4},
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: argument},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: f.Flags, Jf: 1}, refuse, allow)
	}
	code = append(code,
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)}, allow)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		return os.NewSyscallError("seccomp", failed)
	}
	return nil
}

// workDir makes a directory that belongs to a user and that everybody can reach, by its real path.
func workDir(t testing.TB, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "alias-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chown(dir, uid, -1))
	dir, err = filepath.EvalSymlinks(dir)
	must(t, err)
	return dir
}

// asNobody runs the calling test again as an ordinary user.
func asNobody(t *testing.T, test func(t *testing.T, dir string)) {
	if os.Getuid() != 0 && os.Getuid() != nobody {
		loopfs.Unavailable(t, "to become another user needs root")
	}
	drivertest.AsUser(t, nobody, func(t testing.TB) string { return workDir(t, nobody) }, func(t *testing.T, dir string) {
		needViews(t)
		test(t, dir)
	})
}

// asBoundRoot runs the calling test again as root without CAP_SYS_ADMIN, as in a container.
func asBoundRoot(t *testing.T, test func(t *testing.T, dir string)) {
	if dir := os.Getenv(rerunDir); dir != "" {
		needViews(t)
		test(t, dir)
		return
	}
	if os.Getuid() != 0 {
		loopfs.Unavailable(t, "to drop one capability and keep the others needs root")
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = []string{rerunDir + "=" + workDir(t, 0), "PATH=/usr/bin:/bin", "CI=" + os.Getenv("CI")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread, which is not like the others any more, ends with the goroutine.
		runtime.LockOSThread()
		err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0)
		if err == nil {
			err = cmd.Run()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatalf("without CAP_SYS_ADMIN: %v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "--- PASS: "+t.Name()) || strings.Contains(out.String(), "--- SKIP") {
		t.Errorf("without CAP_SYS_ADMIN the test did not run in full:\n%s", &out)
	}
}

// needViews ends a test that needs what this machine does not give its users.
func needViews(t testing.TB) {
	t.Helper()
	if err := Probe(); err != nil {
		loopfs.Unavailable(t, "no views for this user: "+err.Error())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files makes files, with their directories, below dir. A name that ends in a slash is an empty directory.
func files(t testing.TB, dir string, contents map[string]string) {
	t.Helper()
	for name, text := range contents {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// shell is a command that runs a script.
func shell(dir, script string) Command {
	return Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir,
	}
}

// output runs a script in a view and returns what it prints, on both streams.
func output(t testing.TB, v View, dir, script string) string {
	t.Helper()
	out, status := run(t, v, shell(dir, script))
	if status != 0 {
		t.Fatalf("%q in %s: status %#x\n%s", script, dir, int(status), out)
	}
	return out
}

func run(t testing.TB, v View, c Command) (string, syscall.WaitStatus) {
	t.Helper()
	out, status, err := tryRun(v, c)
	must(t, err)
	return out, status
}

// tryRun is run for other goroutines than the test's.
func tryRun(v View, c Command) (string, syscall.WaitStatus, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return "", 0, err
	}
	defer null.Close()
	c.Stdin, c.Stdout, c.Stderr = null, out, out
	p, err := v.Start(c)
	out.Close()
	if err != nil {
		return "", 0, err
	}
	text, readErr := io.ReadAll(in)
	status, err := p.Wait()
	return string(text), status, errors.Join(readErr, err)
}
