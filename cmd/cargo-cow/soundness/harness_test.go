package soundness

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// btrfs mounts a file system big enough for all worlds of a test. The image is
// sparse, so the size costs nothing.
func btrfs(t testing.TB) string {
	t.Helper()
	return loopfs.Btrfs(t, loopfs.Size(16<<30))
}

// A world is one directory that holds an origin, a place made from it, and
// whatever lies beside them.
type world struct {
	t      testing.TB
	dir    string
	env    []string
	origin *Place
	place  *Place
	// last is cargo's latest build in the world, restored the lines of the latest
	// restore.
	last     *build
	restored []map[string]any
	// wrapped is more environment of builds in the restored place, elsewhere the
	// crates that were last compiled at another checkout's path there.
	wrapped   []string
	elsewhere []string
	edited    time.Time // when the place's sources were last changed, for what asks
}

// newWorld makes an empty world in dir, which must not exist.
func newWorld(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir}
	path := filepath.Dir(program(t)) + string(filepath.ListSeparator) + os.Getenv("PATH")
	w.env = fixture.Environ(append([]string{"CARGO_COW_STORE=" + filepath.Join(dir, "store"), "PATH=" + path}, env...)...)
	w.origin = w.at("a")
	w.place = w.at("b")
	return w
}

func (w *world) at(name string) *Place {
	return &Place{w: w, Dir: filepath.Join(w.dir, name), env: slices.Clone(w.env)}
}

// path names something in the world.
func (w *world) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}

// lay writes the archive's files whose name begins with from+"/" under the
// directory to. $W in them is the world's directory. Files whose name ends in
// .sh become executable.
func (w *world) lay(ar *txtar.Archive, from, to string) {
	w.t.Helper()
	for _, f := range ar.Files {
		name, ok := strings.CutPrefix(f.Name, from+"/")
		if !ok {
			continue
		}
		w.write(filepath.Join(to, name), strings.ReplaceAll(string(f.Data), "$W", w.dir))
	}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	name = w.path(name)
	mode := fs.FileMode(0o666)
	if strings.HasSuffix(name, ".sh") {
		mode = 0o777
	}
	if err := fixture.WriteFile(name, text, mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.RemoveAll(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) symlink(target, name string) {
	w.t.Helper()
	w.remove(name)
	if err := os.Symlink(target, w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

// touch gives names, in the world, the time at.
func (w *world) touch(at time.Time, names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := os.Chtimes(w.path(name), at, at); err != nil {
			w.t.Fatal(err)
		}
	}
}

// commit makes the origin a git repository with a lockfile and everything in
// it committed.
func (w *world) commit() {
	w.t.Helper()
	o := w.origin
	if _, err := os.Stat(filepath.Join(o.Dir, ".gitignore")); err != nil {
		w.write("a/.gitignore", "/target\n")
	}
	o.must("cargo", "generate-lockfile", "--quiet")
	o.must("git", "init", "--quiet", "--initial-branch=main")
	o.commit("first")
}

// A Place is a checkout, or another directory where commands are run.
type Place struct {
	w   *world
	Dir string
	env []string
}

func (p *Place) commit(message string) {
	p.w.t.Helper()
	p.must("git", "add", "--all")
	p.must("git", "commit", "--quiet", "--allow-empty", "--message="+message)
}

// with is the place with more environment.
func (p *Place) with(env ...string) *Place {
	return &Place{w: p.w, Dir: p.Dir, env: append(slices.Clone(p.env), env...)}
}

type result = fixture.Result

// exec runs a command to its end, whatever its exit code.
func (p *Place) exec(name string, args ...string) result {
	p.w.t.Helper()
	return fixture.Exec(p.w.t, p.Dir, p.env, name, args...)
}

// must runs a command that has to succeed and returns its output, trimmed.
func (p *Place) must(name string, args ...string) string {
	p.w.t.Helper()
	r := p.exec(name, args...)
	if r.Code != 0 {
		p.w.t.Fatalf("%s %q in %s: %v", name, args, p.Dir, r)
	}
	return strings.TrimSpace(r.Stdout)
}

// Cow runs cargo-cow, which has to succeed, and returns its JSON lines.
func (p *Place) Cow(args ...string) []map[string]any {
	p.w.t.Helper()
	r := p.TryCow(args...)
	if r.Code != 0 {
		p.w.t.Fatalf("cargo-cow %q in %s: %v", args, p.Dir, r)
	}
	return fixture.JSONLines(p.w.t, r.Stdout)
}

// TryCow runs cargo-cow with --json, whatever its exit code.
func (p *Place) TryCow(args ...string) result {
	p.w.t.Helper()
	return p.exec(program(p.w.t), append([]string{"--json"}, args...)...)
}

// stopCow is TryCow for a command that is stopped at the crash point while
// meanwhile runs.
func (p *Place) stopCow(point string, meanwhile func(), args ...string) result {
	p.w.t.Helper()
	cmd := exec.Command(program(p.w.t), append([]string{"--json"}, args...)...)
	cmd.Dir = p.Dir
	cmd.Env = append(slices.Clone(p.env), "PWD="+p.Dir, "CARGO_COW_CRASHPOINT="+point+"=stop")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		p.w.t.Fatal(err)
	}
	// WEXITED, for a process that ends without stopping; WNOWAIT leaves it to Wait.
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	const stopped = 5 // CLD_STOPPED, waitid(2)
	if info.Code != stopped {
		cmd.Wait()
		p.w.t.Fatalf("cargo-cow %q did not stop at %s: %v", args, point, result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()})
	}
	meanwhile()
	if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
		p.w.t.Fatal(err)
	}
	cmd.Wait()
	return result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// program builds cargo-cow once for this test binary, with the tag that lets
// single rules be switched off.
func program(t testing.TB) string {
	t.Helper()
	return fixture.Program(t, "-tags=cowtest")
}

// wrapper builds cargo-cow-rustc in the same way.
func wrapper(t testing.TB) string {
	t.Helper()
	return fixture.Wrapper(t, "-tags=cowtest")
}

func TestMain(m *testing.M) { fixture.Main(m) }
