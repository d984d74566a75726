package survival

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// commandLimit bounds one command, so that a lock nobody gives back fails the
// test. Each takes less than a second on a machine with nothing else to do.
const commandLimit = 2 * time.Minute

// project is the workspace of all tests: a program, and a library with a build
// script that can be held at a gate, a file named by GATE: it makes GATE.reached
// and goes on when GATE.open is there. Only the program is ever edited.
var project = map[string]string{
	".gitignore":      "/target\n",
	"Cargo.toml":      "[workspace]\nmembers = [\"app\", \"liba\"]\nresolver = \"3\"\n",
	"app/Cargo.toml":  "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nliba = { path = \"../liba\" }\n",
	"liba/Cargo.toml": "[package]\nname = \"liba\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
	"name":            "cow",
	// A file outside the package is watched by its absolute path.
	"liba/src/lib.rs": "pub fn name() -> &'static str { include_str!(\"../../name\") }\n",
	"app/src/main.rs": mainRS("first"),
	"liba/build.rs": `fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GATE");
    let Ok(gate) = std::env::var("GATE") else { return };
    std::fs::write(format!("{gate}.reached"), "").unwrap();
    while !std::fs::exists(format!("{gate}.open")).unwrap() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
`,
}

// mainRS is a program that says text and the library's name.
func mainRS(text string) string {
	return fmt.Sprintf("fn main() { println!(\"%s {}\", liba::name()); }\n", text)
}

// A world is a directory with an origin, a store, and the checkouts made from
// the origin.
type world struct {
	t      *testing.T
	dir    string
	store  string
	env    []string
	cred   *syscall.Credential // nil: as the test itself
	origin *place
}

// newWorld makes the origin in dir, under git, and builds nothing yet.
func newWorld(t *testing.T, dir string, env ...string) *world {
	t.Helper()
	return newWorldAs(t, nil, dir, env...)
}

func newWorldAs(t *testing.T, cred *syscall.Credential, dir string, env ...string) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, store: filepath.Join(dir, "store"), cred: cred}
	w.env = fixture.Environ(append([]string{"CARGO_COW_STORE=" + w.store}, env...)...)
	w.origin = w.at("a")
	for name, text := range project {
		w.origin.write(name, text)
	}
	if cred != nil {
		w.origin.chown(int(cred.Uid))
	}
	w.origin.must("cargo", "generate-lockfile", "--offline", "--quiet")
	w.origin.must("git", "init", "--quiet", "--initial-branch=main")
	w.origin.must("git", "add", "--all")
	w.origin.must("git", "commit", "--quiet", "--message=first")
	return w
}

// sealed makes the origin ready: initialised, built, marked, and sealed.
func (w *world) sealed() *world {
	w.t.Helper()
	w.origin.cow("init")
	if w.cred == nil { // else the files would be another's
		fixture.Acquaint(w.t, w.origin.target(), w.env)
	}
	w.origin.must("cargo", "build", "--quiet")
	w.origin.mark("layer")
	w.origin.cow("snapshot")
	return w
}

// checkout adds a worktree.
func (w *world) checkout(name string) *place {
	w.t.Helper()
	p := w.at(name)
	w.origin.must("git", "worktree", "add", "--quiet", "--detach", p.dir)
	return p
}

func (w *world) at(name string) *place { return &place{w: w, t: w.t, dir: filepath.Join(w.dir, name)} }

// A place is a checkout.
type place struct {
	w   *world
	t   *testing.T
	dir string
	env []string // beside the world's
	// restored is what the last restore said, for the message when cargo then
	// disagrees.
	restored string
}

// in is the place seen by a subtest.
func (p *place) in(t *testing.T) *place { return &place{w: p.w, t: t, dir: p.dir, env: p.env} }

// with is the place with more environment.
func (p *place) with(env ...string) *place {
	return &place{w: p.w, t: p.t, dir: p.dir, env: append(slices.Clone(p.env), env...)}
}

func (p *place) path(elem ...string) string {
	return filepath.Join(append([]string{p.dir}, elem...)...)
}

func (p *place) target(elem ...string) string {
	return p.path(append([]string{"target"}, elem...)...)
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) chown(uid int) {
	p.t.Helper()
	err := filepath.WalkDir(p.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// mark leaves a file in the build directory by which it is known again.
func (p *place) mark(name string) {
	p.t.Helper()
	p.write("target/debug/incremental/which", name)
}

// marked reads the mark; "" where there is no build directory, or none marked.
func (p *place) marked() string {
	p.t.Helper()
	b, err := os.ReadFile(p.target("debug/incremental/which"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(b)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

type result struct {
	code           int
	signal         syscall.Signal // 0: it ended by itself
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d, signal %d\nstdout:\n%s\nstderr:\n%s", r.code, int(r.signal), r.stdout, r.stderr)
}

// A process is a command that runs.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	done           chan struct{}
	mu             sync.Mutex
	stdout, stderr bytes.Buffer // guarded by mu while it runs
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// start runs a command in the place. It is killed if the test ends first.
func (p *place) start(name string, args ...string) *process {
	p.t.Helper()
	env := slices.Concat(p.w.env, p.env, []string{"PWD=" + p.dir})
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	q := &process{t: p.t, done: make(chan struct{})}
	q.cmd = exec.CommandContext(ctx, lookPath(env, name), args...)
	q.cmd.Dir, q.cmd.Env = p.dir, env
	q.cmd.Stdout, q.cmd.Stderr = lockedWriter{&q.mu, &q.stdout}, lockedWriter{&q.mu, &q.stderr}
	q.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.w.cred}
	// A child that keeps the pipes must not hang the test.
	q.cmd.WaitDelay = 10 * time.Second
	if err := q.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer cancel()
		defer close(q.done)
		q.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		cancel()
		<-q.done
	})
	return q
}

// lookPath finds a program by the PATH of env, its last one.
func lookPath(env []string, name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, kv := range slices.Backward(env) {
		path, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if fi, err := os.Stat(filepath.Join(dir, name)); err == nil && fi.Mode()&0o111 != 0 {
				return filepath.Join(dir, name)
			}
		}
		break
	}
	return name
}

// wait waits for the command's end, whatever it is.
func (q *process) wait() result {
	q.t.Helper()
	<-q.done
	ws, ok := q.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		q.t.Fatalf("%s: no wait status", q.cmd)
	}
	r := result{code: ws.ExitStatus(), stdout: q.stdout.String(), stderr: q.stderr.String()}
	if ws.Signaled() {
		r.signal = ws.Signal()
	}
	return r
}

// says waits until the running command has written text to stderr.
func (q *process) says(text string) {
	q.t.Helper()
	eventually(q.t, fmt.Sprintf("%s says %q", q.cmd, text), func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return strings.Contains(q.stderr.String(), text)
	})
}

func (q *process) running() bool {
	select {
	case <-q.done:
		return false
	default:
		return true
	}
}

// stopped waits until the command has stopped itself at a crash point.
func (q *process) stopped() {
	q.t.Helper()
	eventually(q.t, fmt.Sprintf("%s stops", q.cmd), func() bool {
		if !q.running() {
			q.t.Fatalf("%s did not stop: %v", q.cmd, q.wait())
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", q.cmd.Process.Pid))
		if err != nil {
			return false
		}
		// The state follows the name, which is in parentheses (proc(5)).
		i := bytes.LastIndexByte(stat, ')')
		return i >= 0 && len(stat) > i+2 && stat[i+2] == 'T'
	})
}

func (q *process) signal(sig syscall.Signal) {
	q.t.Helper()
	if err := q.cmd.Process.Signal(sig); err != nil {
		q.t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(commandLimit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (p *place) exec(name string, args ...string) result {
	p.t.Helper()
	return p.start(name, args...).wait()
}

// must runs a command that has to succeed.
func (p *place) must(name string, args ...string) result {
	p.t.Helper()
	r := p.exec(name, args...)
	if r.code != 0 {
		p.t.Fatalf("%s %q in %s: %v", name, args, p.dir, r)
	}
	return r
}

// startCow starts cargo-cow with --json.
func (p *place) startCow(args ...string) *process {
	p.t.Helper()
	return p.start(program(p.t), append([]string{"--json"}, args...)...)
}

// tryCow runs cargo-cow with --json, whatever comes of it.
func (p *place) tryCow(args ...string) result {
	p.t.Helper()
	return p.startCow(args...).wait()
}

// cow runs cargo-cow, which has to succeed, and returns the line that carries
// the command's own name as its reason.
func (p *place) cow(args ...string) map[string]any {
	p.t.Helper()
	r := p.tryCow(args...)
	if r.code != 0 {
		p.t.Fatalf("cargo-cow %q in %s: %v", args, p.dir, r)
	}
	if args[0] == "restore" {
		p.restored = r.stdout
	}
	return answer(p.t, r, args[0])
}

// stopCow starts cargo-cow and returns when it has stopped at the crash point.
func (p *place) stopCow(point string, args ...string) *process {
	p.t.Helper()
	q := p.with("CARGO_COW_CRASHPOINT=" + point + "=stop").startCow(args...)
	q.stopped()
	return q
}

// answer finds the JSON line with the given reason; nil when there is none.
func answer(t *testing.T, r result, reason string) map[string]any {
	t.Helper()
	for line := range strings.Lines(r.stdout) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("parse JSON line %q: %v", line, err)
		}
		if v["reason"] == reason {
			return v
		}
	}
	return nil
}

// fails checks that a command failed with the code and said all of the texts in
// its error or its help.
func fails(t *testing.T, r result, code int, texts ...string) {
	t.Helper()
	e := answer(t, r, "error")
	if r.code != code || r.signal != 0 || e == nil {
		t.Fatalf("want exit code %d and an error, got %v", code, r)
	}
	said := fmt.Sprint(e["message"], "\n", e["help"])
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("the error does not say %q: %s", text, said)
		}
	}
}

// build builds with plain cargo and returns the units that rustc ran for, and
// what the program then says.
func (p *place) build(args ...string) (compiled []string, says string) {
	p.t.Helper()
	r := p.must("cargo", append([]string{"build", "--offline", "--message-format=json"}, args...)...)
	lines := bufio.NewScanner(strings.NewReader(r.stdout))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m struct {
			Reason string
			Target struct {
				Name string
				Kind []string
			}
			Fresh bool
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			p.t.Fatalf("read cargo's message %q: %v", lines.Text(), err)
		}
		if m.Reason == "compiler-artifact" && !m.Fresh {
			compiled = append(compiled, m.Target.Kind[0]+" "+m.Target.Name)
		}
	}
	slices.Sort(compiled)
	profile := "debug"
	if slices.Contains(args, "--release") {
		profile = "release"
	}
	return compiled, strings.TrimSpace(p.must(p.target(profile, "app")).stdout)
}

// builds checks what a build compiles and what the program says then.
func (p *place) builds(want []string, says string) {
	p.t.Helper()
	compiled, said := p.build()
	if !slices.Equal(compiled, want) {
		p.t.Errorf("cargo compiled %q, want %q; the restore had said:\n%s", compiled, want, p.restored)
	}
	if said != says+" cow" {
		p.t.Errorf("the program says %q, want %q", said, says+" cow")
	}
}

// checks runs `cargo cow check`, which must find nothing.
func (p *place) checks() {
	p.t.Helper()
	if r := p.tryCow("check"); r.code != 0 || answer(p.t, r, "check")["clean"] != true {
		p.t.Errorf("check: %v", r)
	}
}

// tidy checks that nothing half-made lies beside the build directory or in the
// store.
func (p *place) tidy() {
	p.t.Helper()
	for dir, prefixes := range map[string][]string{
		p.dir:                               {".target.cargo-cow-tmp"},
		filepath.Join(p.w.store, "layers"):  {".tmp-", ".trash-"},
		filepath.Join(p.w.store, "records"): {".tmp-", ".trash-"},
		p.w.store:                           {".tmp-", ".trash-"},
	} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, e := range entries {
			for _, prefix := range prefixes {
				if strings.HasPrefix(e.Name(), prefix) {
					p.t.Errorf("%s is left over", filepath.Join(dir, e.Name()))
				}
			}
		}
	}
	if exists(p.target(".cargo-cow/prepared")) {
		p.t.Error("the build directory is marked as not in place yet")
	}
}

// isTree reports whether a path is a subvolume: the root of each has this inode
// number (Linux, include/uapi/linux/btrfs_tree.h:BTRFS_FIRST_FREE_OBJECTID).
func isTree(t *testing.T, path string) bool {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino == 256
}

// program builds cargo-cow once for this test binary.
func program(t testing.TB) string {
	t.Helper()
	return fixture.Program(t)
}

func TestMain(m *testing.M) { fixture.Main(m) }
