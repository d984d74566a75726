package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// gateMacro holds the compiler itself at a gate.
const gateMacro = `use proc_macro::TokenStream;
#[proc_macro]
pub fn gate(_: TokenStream) -> TokenStream {
    if let Ok(gate) = std::env::var("MACRO_GATE") {
        std::fs::write(format!("{gate}.reached"), "").unwrap();
        while !std::fs::exists(format!("{gate}.open")).unwrap() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    "1".parse().unwrap()
}
`

// macroRS is mainRS held at that gate.
func macroRS(text string) string {
	return fmt.Sprintf("fn main() { let _ = mac::gate!(); println!(\"%s {}\", liba::name()); }\n", text)
}

// wrapped makes an origin, built by plain cargo, and checkouts whose builds go through
// the wrapper.
func wrapped(t *testing.T, names ...string) (w *world, checkouts []*checkout) {
	t.Helper()
	w = newWorld(t, loopfs.Btrfs(t, loopfs.Size(4<<30)))
	o := w.origin
	o.Write(".gitignore", "/target\n/.worktrees\n")
	o.Write("Cargo.toml", "[workspace]\nmembers = [\"app\", \"liba\", \"mac\"]\nresolver = \"3\"\n")
	o.Write("app/Cargo.toml", project["app/Cargo.toml"]+"mac = { path = \"../mac\" }\n")
	o.Write("app/src/main.rs", macroRS("first"))
	o.Write("mac/Cargo.toml", "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n")
	o.Write("mac/src/lib.rs", gateMacro)
	o.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	o.Must("git", "add", "--all")
	o.Must("git", "commit", "--quiet", "--message=second")
	w.sealed()
	for _, name := range names {
		p := w.checkout(name)
		p.cow("restore")
		checkouts = append(checkouts, p.with("RUSTC_WRAPPER="+fixture.Wrapper(t)))
	}
	return w, checkouts
}

// held is a build of the checkout, after an edit, whose rustc waits where the checkout
// is seen at the origin's path.
func (c *checkout) held(text string, command ...string) (*fixture.Process, gate) {
	c.T.Helper()
	c.Write("app/src/main.rs", macroRS(text))
	g := gate{c.T, filepath.Join(c.w.Dir, "macro-"+filepath.Base(c.Dir)+"-"+text)}
	c.T.Cleanup(g.open)
	if len(command) == 0 {
		command = []string{"cargo", "build", "--offline"}
	}
	q := c.with("MACRO_GATE="+g.path).Start(command[0], command[1:]...)
	fixture.Eventually(c.T, "the macro runs", func() bool {
		if !q.Running() {
			c.T.Fatalf("it ended before: %v", q.Wait())
		}
		return fixture.Exists(g.path + ".reached")
	})
	if c.w.compiler(c.w.origin.Target()) == 0 {
		c.T.Fatal("the compiler does not see the place at the origin's path: this shows nothing")
	}
	return q, g
}

// A running is a process by what it was called with.
type running struct {
	pid  int
	argv []string
}

// processes lists what runs in the world, by its arguments.
func (w *world) processes() []running {
	w.T.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		w.T.Fatal(err)
	}
	var all []running
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(line), w.Dir+"/") {
			all = append(all, running{pid, strings.Split(string(line), "\x00")})
		}
	}
	return all
}

// compiler is the rustc that compiles the program into a build directory of that
// name; 0 if there is none.
func (w *world) compiler(target string) int { return w.compiling("rustc", target) }

// wrapper is the process around the compiler of a checkout's program.
func (w *world) wrapper(target string) int { return w.compiling("cargo-cow-rustc", target) }

func (w *world) compiling(program, target string) int {
	w.T.Helper()
	for _, r := range w.processes() {
		if filepath.Base(r.argv[0]) == program && slices.Contains(r.argv, "app") && slices.Contains(r.argv, target+"/debug/deps") {
			return r.pid
		}
	}
	return 0
}

// nothingLeft waits until nothing runs in the world, and checks that nothing is
// mounted there but what was.
func (w *world) nothingLeft(mounts []string) {
	w.T.Helper()
	fixture.Eventually(w.T, "all its processes have ended", func() bool { return len(w.processes()) == 0 })
	if now := w.mounts(); !slices.Equal(now, mounts) {
		w.T.Errorf("mounted now:\n%s\nand before:\n%s", strings.Join(now, "\n"), strings.Join(mounts, "\n"))
	}
}

func (w *world) mounts() []string {
	w.T.Helper()
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		w.T.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(info)) {
		if strings.Contains(line, w.Dir) {
			all = append(all, line)
		}
	}
	return all
}

// says checks what the checkout's program says after a build.
func (c *checkout) says(text string) {
	c.T.Helper()
	if _, said := c.build(); said != text+" cow" {
		c.T.Errorf("the program says %q, want %q", said, text+" cow")
	}
}

// Whatever is killed while rustc sees the checkout elsewhere, cargo says so as it would
// without the wrapper, nothing is left behind, and the next build is right.
func TestWrapperKilled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kill func(p *checkout, q *fixture.Process)
		says string // by cargo; "" if it is killed itself
	}{
		{"cargo", func(p *checkout, q *fixture.Process) { q.Signal(syscall.SIGKILL) }, ""},
		{"wrapper", func(p *checkout, q *fixture.Process) { kill(t, p.w.wrapper(p.Target()), syscall.SIGKILL) }, "(signal: 9, SIGKILL: kill)"},
		{"rustc", func(p *checkout, q *fixture.Process) { kill(t, p.w.compiler(p.w.origin.Target()), syscall.SIGKILL) }, "(signal: 9, SIGKILL: kill)"},
		{"rustc-aborts", func(p *checkout, q *fixture.Process) { kill(t, p.w.compiler(p.w.origin.Target()), syscall.SIGABRT) }, "(signal: 6, SIGABRT: process abort signal)"},
		{"wrapper-terminated", func(p *checkout, q *fixture.Process) { kill(t, p.w.wrapper(p.Target()), syscall.SIGTERM) }, "(signal: 15, SIGTERM: termination signal)"},
		{"interrupted", func(p *checkout, q *fixture.Process) { kill(t, -q.Pid(), syscall.SIGINT) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, checkouts := wrapped(t, "b")
			b := checkouts[0].in(t)
			mounts := w.mounts()
			// A process group of its own, as a shell gives it.
			q, g := b.held("held", "setsid", "cargo", "build", "--offline")
			tt.kill(b, q)
			r := q.Wait()
			switch {
			case tt.says == "" && r.Signal == 0:
				t.Errorf("cargo was not killed: %v", r)
			case tt.says != "" && (r.Code != 101 || !strings.Contains(r.Stderr, tt.says)):
				t.Errorf("cargo does not say %q: %v", tt.says, r)
			}
			g.open()
			w.nothingLeft(mounts)
			b.says("held")
			b.Write("app/src/main.rs", macroRS("next"))
			b.says("next")
			w.origin.builds(nil, "first")
			b.checks()
		})
	}
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if pid == 0 {
		t.Fatal("nothing to kill")
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// The tokens that make lends to cargo come back though the wrapper is killed.
func TestWrapperKilledUnderMake(t *testing.T) {
	t.Parallel()
	w, checkouts := wrapped(t, "b")
	b := checkouts[0]
	b.Write("Makefile", "all: cargo one two three four\ncargo:\n\t+cargo build --offline\none two three four:\n\tsleep 0.1\n\ttouch $@.done\n")
	q, g := b.held("held", "make", "--keep-going", "--jobs=2")
	kill(t, w.wrapper(b.Target()), syscall.SIGKILL)
	r := q.Wait()
	if r.Code != 2 || strings.Contains(r.Stderr, "INTERNAL") || strings.Contains(r.Stderr, "jobserver") {
		t.Errorf("make: %v", r)
	}
	for _, job := range []string{"one", "two", "three", "four"} {
		if !fixture.Exists(b.Path(job + ".done")) {
			t.Errorf("job %s was not done: %v", job, r)
		}
	}
	g.open()
	w.nothingLeft(w.mounts())
	b.says("held")
}

// Whatever becomes of the origin while rustc sees a checkout at its path, that checkout's
// build goes on to the right end, and so does the next.
func TestWrapperWhileOriginChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, o *checkout)
	}{
		{"edited", func(t *testing.T, o *checkout) {
			o.Write("app/src/main.rs", macroRS("of the origin"))
			o.Write("name", "of the origin")
		}},
		{"rebuilt", func(t *testing.T, o *checkout) {
			o.Write("app/src/main.rs", macroRS("of the origin"))
			o.in(t).says("of the origin")
		}},
		{"cleaned", func(t *testing.T, o *checkout) { o.Must("cargo", "clean") }},
		{"restored", func(t *testing.T, o *checkout) { o.cow("restore") }},
		{"deleted", func(t *testing.T, o *checkout) { must(t, os.RemoveAll(o.Dir)) }},
		{"renamed", func(t *testing.T, o *checkout) { must(t, os.Rename(o.Dir, o.Dir+"-away")) }},
		{"replaced", func(t *testing.T, o *checkout) {
			must(t, os.Rename(o.Dir, o.Dir+"-away"))
			must(t, os.MkdirAll(o.Path("app/src"), 0o777))
			o.Write("app/src/main.rs", macroRS("of another"))
		}},
		{"a-link-now", func(t *testing.T, o *checkout) {
			must(t, os.Rename(o.Dir, o.Dir+"-away"))
			must(t, os.Symlink("b", o.Dir))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, checkouts := wrapped(t, "b")
			b := checkouts[0].in(t)
			mounts := w.mounts()
			q, g := b.held("held")
			tt.do(t, w.origin)
			g.open()
			q.Ends()
			b.says("held")
			w.nothingLeft(mounts)
			b.Write("app/src/main.rs", macroRS("next"))
			b.Write("liba/src/lib.rs", project["liba/src/lib.rs"]+"pub fn more() {}\n")
			b.says("next")
			w.nothingLeft(mounts)
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Two checkouts, one of them inside the origin, and the origin are edited and built at
// once, and the origin cleaned as well.
func TestWrapperAtOnce(t *testing.T) {
	t.Parallel()
	w, checkouts := wrapped(t, "b", "a/.worktrees/c")
	mounts := w.mounts()
	done := make(chan bool)
	for i, p := range append(checkouts, w.origin) {
		go func() {
			defer func() { done <- true }()
			for round := range 4 {
				text := fmt.Sprintf("place %d round %d", i, round)
				p.Write("app/src/main.rs", macroRS(text))
				p.Write("name", text)
				if p.Dir == w.origin.Dir && round == 2 {
					if r := p.Run("cargo", "clean"); r.Code != 0 {
						t.Errorf("clean: %v", r)
					}
				}
				r := p.Run("cargo", "build", "--offline", "--quiet")
				if r.Code != 0 {
					t.Errorf("build: %v", r)
					continue
				}
				if said := strings.TrimSpace(p.Run(p.Target("debug", "app")).Stdout); said != text+" "+text {
					t.Errorf("%s: the program says %q", text, said)
				}
			}
		}()
	}
	for range append(checkouts, w.origin) {
		<-done
	}
	w.nothingLeft(mounts)
}
