package rustc

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// compiler says which compiler it is that a call runs, and with which libraries.
func (u *unit) compiler() error {
	t, err := u.program(u.Argv[u.Options-1])
	if err != nil {
		return err
	}
	u.add("compiler", identityOf(t.program))
	for _, b := range t.behind {
		u.add("compiler behind it", b)
	}
	u.add("compiler's libraries", t.libraries())
	if u.Options > 1 {
		if err := u.driver(t.root); err != nil {
			return err
		}
	}
	return u.standardLibrary(t.sysroot)
}

// driver says what it is that runs around the compiler.
func (u *unit) driver(root string) error {
	program := u.look(u.Argv[0])
	t, ok := installed(program)
	if !ok {
		// It is run with libraries that are not to be seen from here.
		return &Odd{"driver outside of a toolchain", u.Argv[0]}
	}
	u.add("driver", identityOf(t.program))
	if t.root != root {
		u.add("driver's libraries", t.libraries())
		if err := u.standardLibrary(t.sysroot); err != nil {
			return err
		}
	}
	u.add("driver's settings", u.clippy())
	return nil
}

// A toolchain is a compiler and where it has its libraries.
type toolchain struct {
	program string // by its real path
	// root has the compiler's own libraries, in one of libraryDirs.
	root string
	// sysroot has those that programs are linked with.
	sysroot string
	// behind is what the program runs in its turn, and how, where it is not the
	// compiler itself: then compiler is.
	behind   []string
	compiler string
}

// actual is the compiler itself.
func (t *toolchain) actual() string {
	if t.compiler != "" {
		return t.compiler
	}
	return t.program
}

// libraryDirs are where below a root distributions keep the compiler's libraries.
var libraryDirs = []string{"/lib", "/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"}

// driverLibrary begins the name of the library that is the compiler; its program
// only calls it.
const driverLibrary = "librustc_driver-"

func isLibrary(name string) bool {
	for _, stem := range []string{driverLibrary, "libstd-", "libLLVM"} {
		if strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

func (t *toolchain) libraries() string {
	list := ""
	for _, dir := range libraryDirs {
		list += identities(t.root+dir, isLibrary)
	}
	return list
}

// program finds what a call runs, as cargo's own search does: a name without a
// directory by PATH.
func (u *unit) program(name string) (toolchain, error) {
	path := u.look(name)
	if path == "" {
		return toolchain{}, &Odd{"compiler that is not found", name}
	}
	if t, ok := installed(path); ok {
		return t, nil
	}
	return u.ask(path)
}

// installed is a compiler that lies beside its libraries.
func installed(path string) (toolchain, bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return toolchain{}, false
	}
	root := filepath.Dir(filepath.Dir(real))
	t := toolchain{program: real, root: root, sysroot: root}
	// One that lies beside the library and does not load it runs another: a script, or
	// a program made of one, among links to a toolchain's files.
	library := loads(real)
	return t, library != "" && exists(root+"/lib/rustlib") &&
		slices.ContainsFunc(libraryDirs, func(dir string) bool { return exists(root + dir + "/" + library) })
}

// loads returns the compiler's library that a program is linked with, "" if with
// none.
func loads(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	names, _ := f.ImportedLibraries()
	for _, name := range names {
		if strings.HasPrefix(name, driverLibrary) {
			return name
		}
	}
	return ""
}

// standardLibrary is what lies in a sysroot, for the target.
func (u *unit) standardLibrary(sysroot string) error {
	if exists(sysroot + "/lib/rustlib/src/rust/library/std/src/lib.rs") {
		u.add("compiler's sources", "there") // messages quote them
	}
	found := false
	triples, _ := os.ReadDir(sysroot + "/lib/rustlib")
	for _, t := range triples {
		if t.Type().IsRegular() {
			continue
		}
		dir := sysroot + "/lib/rustlib/" + t.Name()
		// Without --target it is the compiler's own, which one of them is.
		if std := identities(dir+"/lib", all); std != "" && (u.Target == "" || u.Target == t.Name() || filepath.Base(u.Target) == t.Name()+".json") {
			u.add("standard library "+t.Name(), std)
			found = true
		}
		for _, programs := range []string{"/codegen-backends", "/bin", "/bin/gcc-ld"} {
			if list := identities(dir+programs, all); list != "" {
				u.add("compiler's "+t.Name()+programs, list)
			}
		}
	}
	if !found && !strings.HasSuffix(u.Target, ".json") {
		return &Odd{"compiler outside of a toolchain", sysroot}
	}
	return nil
}

func all(string) bool { return true }

// ask finds out what a program runs that is not a compiler itself: rustup's, a
// script, one of a version manager's. It is run as cargo runs a compiler to ask it
// something, but that the source is to come from a pipe. As soon as a process of its
// has the compiler's library loaded, the kernel tells which program that is, with which
// arguments and variables; then all of it is ended, before anything was read.
func (u *unit) ask(path string) (toolchain, error) {
	odd := func(why string) (toolchain, error) {
		return toolchain{}, &Odd{"compiler that does not show what it runs", path + ": " + why}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return odd(err.Error())
	}
	probe := u.probe()
	started, end, err := u.begin(path, probe)
	if err != nil {
		return odd(err.Error())
	}
	defer end()
	found, err := await(started)
	if err != nil {
		return odd(err.Error())
	}
	t := toolchain{program: real, compiler: found.program, root: rootOf(found.library)}
	if t.root == "" {
		return odd(found.library)
	}
	t.behind = append(t.behind, identityOf(found.program))
	t.behind = append(t.behind, difference("argument ", probe[1:], found.args)...)
	t.behind = append(t.behind, difference("variable ", u.steady(u.environ), u.steady(found.environ))...)
	if t.sysroot = sysrootOf(found.args); t.sysroot == "" {
		t.sysroot = t.root
	}
	return t, nil
}

// probe is a command line that compiles what comes from a pipe, under the name that
// cargo gives to what it compiles to ask something (cargo 1.95,
// build_context/target_info.rs), to where nothing can be written.
func (u *unit) probe() []string {
	argv := []string{u.Argv[u.Options-1], "-", "--crate-name", "___", "--crate-type", "lib", "--emit=metadata", "--out-dir", "/dev/null/nowhere"}
	if u.Target != "" {
		argv = append(argv, "--target", u.Target)
	}
	return argv
}

// longestStart is the longest a program may take until it has run the compiler.
const longestStart = 10 * time.Second

// begin starts the program in a group of its own, which end ends.
func (u *unit) begin(path string, argv []string) (pid int, end func(), err error) {
	source, held, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer source.Close()
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		held.Close()
		return 0, nil, err
	}
	defer null.Close()
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Dir: u.cwd, Env: u.environ, Files: []*os.File{source, null, null}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		held.Close()
		return 0, nil, err
	}
	return p.Pid, func() {
		// The group goes first: with the pipe closed a compiler would begin.
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
		held.Close()
		_, _ = p.Wait()
	}, nil
}

// process is a compiler that runs.
type process struct {
	program, library string
	args, environ    []string
}

// await waits until the process, or one that it has started, has the compiler's
// library loaded.
func await(pid int) (*process, error) {
	for until := time.Now().Add(longestStart); time.Now().Before(until); time.Sleep(time.Millisecond / 2) {
		for _, p := range descendants(pid) {
			if found := look(p); found != nil {
				return found, nil
			}
		}
		if ended(pid) {
			return nil, errors.New("it ended")
		}
	}
	return nil, errors.New("it takes too long")
}

// descendants are a process and those below it.
func descendants(pid int) []int {
	list := []int{pid}
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				list = append(list, descendants(child)...)
			}
		}
	}
	return list
}

func ended(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, ok := strings.Cut(string(text), ") ")
	return err != nil || !ok || strings.HasPrefix(state, "Z")
}

// look returns the process as a compiler, nil if it is none.
func look(pid int) *process {
	dir := "/proc/" + strconv.Itoa(pid)
	maps, _ := os.ReadFile(dir + "/maps")
	p := &process{}
	for l := range strings.Lines(string(maps)) {
		if _, path, ok := strings.Cut(strings.TrimSuffix(l, "\n"), " /"); ok && strings.HasPrefix(filepath.Base(path), driverLibrary) {
			p.library = "/" + path
		}
	}
	if p.library == "" {
		return nil
	}
	program, err := os.Readlink(dir + "/exe")
	args, argsErr := os.ReadFile(dir + "/cmdline")
	environ, environErr := os.ReadFile(dir + "/environ")
	if errors.Join(err, argsErr, environErr) != nil || len(args) == 0 {
		return nil
	}
	p.program, p.args, p.environ = program, zeroEnded(args)[1:], zeroEnded(environ)
	return p
}

func zeroEnded(text []byte) []string {
	text = bytes.TrimSuffix(text, []byte{0})
	if len(text) == 0 {
		return []string{}
	}
	return strings.Split(string(text), "\x00")
}

// rootOf is the root that a compiler's library belongs to (rustc 1.95,
// rustc_session/filesearch.rs: default_from_rustc_driver_dll), "" if to none.
func rootOf(library string) string {
	for _, dir := range libraryDirs {
		if root, ok := strings.CutSuffix(filepath.Dir(library), dir); ok && exists(root+"/lib/rustlib") {
			return root
		}
	}
	return ""
}

// sysrootOf is what arguments say of it.
func sysrootOf(args []string) string {
	for i, a := range args {
		if a == "--sysroot" && i+1 < len(args) {
			return args[i+1]
		}
		if dir, ok := strings.CutPrefix(a, "--sysroot="); ok {
			return dir
		}
	}
	return ""
}

// steady is an environment without what differs from one process to the next.
func (u *unit) steady(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return name == "_" || name == "SHLVL" || name == "PWD" || name == "OLDPWD" || name == "RUST_RECURSION_COUNT"
	})
}

// difference are the texts of one list that another has not, and the other way
// round.
func difference(what string, was, now []string) []string {
	var list []string
	rest := slices.Clone(was)
	for _, a := range now {
		if i := slices.Index(rest, a); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			list = append(list, what+a)
		}
	}
	for _, a := range rest {
		list = append(list, "no "+what+a)
	}
	return list
}

// Compiler says which compiler a name stands for in a directory and environment. It
// goes the way that a call goes; the error is the Odd for which all calls would be
// refused.
func Compiler(name, dir string, environ []string) (program string, err error) {
	u := &unit{Call: &Call{Argv: []string{name}, Options: 1}, cwd: dir, environ: environ}
	t, err := u.program(name)
	if err == nil {
		err = u.standardLibrary(t.sysroot)
	}
	if err != nil {
		return "", err
	}
	return t.actual(), nil
}

// Drives reports whether a program is one that runs around the compiler and leaves
// its arguments alone.
func Drives(program string) bool { return drivers[filepath.Base(program)] }
