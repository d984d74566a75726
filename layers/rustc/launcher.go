package rustc

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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

// startProbe starts the program in a group of its own, which end ends.
func (u *unit) startProbe(path string, argv []string) (pid int, end func(), err error) {
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
		Dir: u.Dir, Env: u.Environ, Files: []*os.File{source, null, null}, Sys: &syscall.SysProcAttr{Setpgid: true},
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

// awaitCompiler waits until the process, or one that it has started, has the compiler's
// library loaded.
func awaitCompiler(pid int) (*process, error) {
	for until := time.Now().Add(longestStart); time.Now().Before(until); time.Sleep(time.Millisecond / 2) {
		for _, p := range descendants(pid) {
			if found := compilerAt(p); found != nil {
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

// compilerAt returns the process as a compiler, nil if it is none.
func compilerAt(pid int) *process {
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

// steadyVariables is an environment without what differs from one process to the next.
func (u *unit) steadyVariables(environ []string) []string {
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

// driverLibrary begins the name of the library that is the compiler; its program
// only calls it.
const driverLibrary = "librustc_driver-"
