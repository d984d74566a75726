package rustc

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
)

// A scene is a checkout with its build directory and a compiler, and a call that is
// made there.
type scene struct {
	t     *testing.T
	top   string // everything is below
	root  string // working directory
	out   string // where the outputs go
	tools string // the toolchain
	// wrapper is another one around the compiler, "" for none.
	wrapper string
	argv    []string
	env     map[string]string
}

// A change is made to a scene. What it must lead to is said in one text: "" is no
// difference, "odd: REASON" a refusal, "foreign" a call that is not understood, and
// all else is what Differs or Holds say.
type change struct {
	name string
	do   func(s *scene)
	want string
}

const triple = "x86_64-unknown-linux-gnu"

// newScene has a compiler of empty files, which nobody runs.
func newScene(t *testing.T) *scene {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, top: top, root: top + "/ws", out: top + "/ws/target/debug/deps", tools: top + "/tools"}
	for _, name := range []string{
		"lib/librustc_driver-1.so", "lib/libLLVM.so.1", "lib/rustlib/" + triple + "/lib/libstd-1.rlib",
		"lib/rustlib/" + triple + "/bin/rust-lld", "lib/rustlib/other/lib/libstd-2.rlib",
	} {
		s.write(s.tools+"/"+name, name)
	}
	for _, name := range []string{"bin/rustc", "bin/clippy-driver"} {
		s.write(s.tools+"/"+name, rustctest.LinkedWith("librustc_driver-1.so"))
	}
	s.write("src/lib.rs", "")
	s.write(s.out+"/.keep", "")
	s.write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
	s.argv = append([]string{s.tools + "/bin/rustc"}, strings.Split("--crate-name lib_a --edition=2021 src/lib.rs --error-format=json "+
		"--json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib --emit=dep-info,metadata,link -C opt-level=0 "+
		"--check-cfg cfg(docsrs,test) -C metadata=0123 -C extra-filename=-4567 --out-dir OUT -L dependency=OUT", " ")...)
	s.swap("OUT", s.out)
	s.swap("dependency=OUT", "dependency="+s.out)
	s.env = map[string]string{
		"HOME": top + "/home", "CARGO_HOME": top + "/home/.cargo", "PATH": top + "/path:/usr/bin:/bin", "CARGO_MANIFEST_DIR": s.root,
		"CARGO_PKG_NAME": "lib-a", "CARGO_PKG_VERSION": "0.1.0",
	}
	return s
}

// sysroot is the installed compiler's own directory, not that of a shim before it.
var sysrootDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("rustc", "--print", "sysroot").Output()
	return strings.TrimSpace(string(out)), err
})

// newRealScene has the installed compiler, and asks it for metadata only.
func newRealScene(t *testing.T, files map[string]string) *scene {
	t.Helper()
	sysroot, err := sysrootDir()
	if err != nil {
		loopfs.Unavailable(t, "rustc does not run: "+err.Error())
	}
	s := newScene(t)
	s.tools = sysroot
	s.argv[0] = sysroot + "/bin/rustc"
	s.swap("--emit=dep-info,metadata,link", "--emit=dep-info,metadata")
	for name, text := range files {
		s.write(name, text)
	}
	return s
}

// linking has the scene make a program.
func (s *scene) linking() *scene {
	s.swap("lib", "bin")
	for _, emit := range []string{"--emit=dep-info,metadata,link", "--emit=dep-info,metadata"} {
		s.swap(emit, "--emit=dep-info,link")
	}
	return s
}

// path is absolute, or below the working directory.
func (s *scene) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return s.root + "/" + name
}

// write writes a file, which can be run at once if it is a program.
func (s *scene) write(name, text string) {
	s.t.Helper()
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		s.t.Fatal(err)
	}
	// What another test starts meanwhile would have the file open for writing, until
	// it is the other program, and the kernel runs no such file (ETXTBSY).
	syscall.ForkLock.RLock()
	err := os.WriteFile(path, []byte(text), 0o777)
	syscall.ForkLock.RUnlock()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) remove(name string) {
	if err := os.RemoveAll(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) link(to, name string) {
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o777); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Symlink(to, s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// age sets a file's time to another one.
func (s *scene) age(name string) {
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.path(name), then, then); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) add(args ...string) { s.argv = append(s.argv, args...) }

func (s *scene) swap(old, new string) {
	for i, a := range s.argv {
		if a == old {
			s.argv[i] = new
		}
	}
}

// gone takes arguments away, which follow each other.
func (s *scene) gone(args ...string) {
	for i := range s.argv {
		if i+len(args) <= len(s.argv) && slices.Equal(s.argv[i:i+len(args)], args) {
			s.argv = slices.Delete(s.argv, i, i+len(args))
			return
		}
	}
	s.t.Fatalf("%q has no %q", s.argv, args)
}

// join puts one argument in the place of two.
func (s *scene) join(name, value, joint string) {
	for i := range s.argv[1:] {
		if s.argv[i] == name && s.argv[i+1] == value {
			s.argv = slices.Replace(s.argv, i, i+2, joint)
			return
		}
	}
	s.t.Fatalf("%q has no %s %s", s.argv, name, value)
}

func (s *scene) environ() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		list = append(list, name+"="+s.env[name])
	}
	return list
}

func (s *scene) request() (*Request, error) {
	c, err := Parse(s.argv)
	if err != nil {
		return nil, err
	}
	return NewRequest(c, Context{Dir: s.root, Environ: s.environ(), Wrapper: s.wrapper})
}

func (s *scene) mustRequest() *Request {
	s.t.Helper()
	r, err := s.request()
	if err != nil {
		s.t.Fatalf("request: %v", err)
	}
	return r
}

// refusal is what an error comes to.
func refusal(err error) string {
	var refused *Uncacheable
	switch {
	case errors.As(err, &refused):
		return "odd: " + refused.Reason
	case errors.Is(err, ErrForeign):
		return "foreign"
	}
	return "error: " + err.Error()
}

// against says in what the scene's request differs from an earlier one.
func (s *scene) against(was *Request) string {
	now, err := s.request()
	if err != nil {
		return refusal(err)
	}
	if now.Digest() == was.Digest() && now.Unit == was.Unit {
		return ""
	}
	return now.Differs(&Record{Ingredients: was.Ingredients})
}

// requests makes each change in a fresh scene, between two requests.
func requests(t *testing.T, fresh func(t *testing.T) *scene, changes []change) {
	t.Helper()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			s := fresh(t)
			was := s.mustRequest()
			c.do(s)
			if got := s.against(was); got != c.want {
				t.Errorf("the request differs in %q, want %q", got, c.want)
			}
		})
	}
}

// run runs the compiler.
func (s *scene) run() (Run, string, error) {
	run := Run{Began: time.Now()}
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Dir, cmd.Env = s.root, s.environ()
	var text strings.Builder
	cmd.Stderr = &text
	err := cmd.Run()
	for line := range strings.Lines(text.String()) {
		var notice struct{ Artifact, Emit string }
		if json.Unmarshal([]byte(line), &notice) != nil || notice.Artifact == "" {
			run.Messages = append(run.Messages, strings.TrimSuffix(line, "\n"))
		} else if notice.Emit != "dep-info" {
			run.Files = append(run.Files, Artifact{notice.Artifact, notice.Emit})
		}
	}
	return run, text.String(), err
}

// record runs the compiler and adds a trailer to what it has written.
func (s *scene) record() (*Record, error) {
	s.t.Helper()
	r, err := s.request()
	if err != nil {
		return nil, err
	}
	run, text, err := s.run()
	if err != nil {
		s.t.Fatalf("%q: %v\n%s", s.argv, err, text)
	}
	rec, err := r.Record(run)
	if err != nil {
		return nil, err
	}
	depFile := r.unit.DepFile()
	list, err := os.ReadFile(depFile)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(depFile, rec.Trailer(r).AppendTo(string(list)))
	return rec, nil
}

// useMacros compiles the macro crate m from one file, and has the scene use it.
func (s *scene) useMacros(source string) {
	s.t.Helper()
	m := *s
	m.argv = append([]string{}, s.argv...)
	m.swap("lib", "proc-macro")
	m.swap("lib_a", "m")
	m.swap("src/lib.rs", source)
	m.swap("--emit=dep-info,metadata", "--emit=dep-info,link")
	m.add("--extern", "proc_macro")
	m.mustRecord()
	s.add("--extern", "m="+s.out+"/libm-4567.so")
}

func (s *scene) mustRecord() *Record {
	s.t.Helper()
	rec, err := s.record()
	if err != nil {
		s.t.Fatalf("record: %v", err)
	}
	return rec
}

// holds says why a record does not hold here.
func (s *scene) holds(rec *Record) string {
	r, err := s.request()
	if err != nil {
		return refusal(err)
	}
	return strings.ReplaceAll(r.Holds(rec), s.root+"/", "")
}

// records makes each change in a fresh scene behind a run of the compiler. Where
// its record still holds, another run must write and say the same, unless it is made
// elsewhere and names of files differ; that is left out where tests are to be quick.
func records(t *testing.T, fresh func(t *testing.T) *scene, changes []change) {
	t.Helper()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := fresh(t)
			rec := s.mustRecord()
			if why := s.holds(rec); why != "" {
				t.Fatalf("the record does not hold where nothing was changed: %s", why)
			}
			before := s.out + s.env["OUT_DIR"]
			c.do(s)
			got := s.holds(rec)
			if got != c.want {
				t.Errorf("the record does not hold because of %q, want %q", got, c.want)
			}
			if got == "" && !testing.Short() && before == s.out+s.env["OUT_DIR"] {
				again := s.mustRecord()
				if !slices.Equal(again.Files, rec.Files) || !slices.Equal(again.Messages, rec.Messages) {
					t.Errorf("the compiler makes something else of it:\n%v %q\n%v %q", rec.Files, rec.Messages, again.Files, again.Messages)
				}
			}
		})
	}
}
