package justintime

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Flag has the command restore, and only where nothing is built. Its value is what for ([Command]).
const Flag = "just-in-time"

// patience bounds how long cargo waits for a restore, which is over in a tenth of a second where files share data, and
// copies some gigabytes where they cannot. Whoever is killed then leaves nothing behind.
const patience = 60 * time.Second

// A request is what is to be restored.
type request struct {
	dir    string // where the command is to be run
	target string // where cargo is told to build; "" where nothing tells it
	env    []string
	// command is what cargo is about to build.
	command Command
}

// run runs the command that restores, without a word.
func (r *request) run() {
	program := r.program()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if program == "" || err != nil {
		return
	}
	defer null.Close()
	p, err := os.StartProcess(program, []string{program, "--quiet", "--directory", r.dir, "restore", "--" + Flag + "=" + r.command.String()}, &os.ProcAttr{
		Dir: r.dir, Env: r.env, Files: []*os.File{null, null, null},
		// What it starts ends with it, and no key that is pressed for cargo ends it half-way.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) })
	_, _ = p.Wait()
	late.Stop()
}

// program is cargo-cow: beside this program, else where the PATH leads to.
func (r *request) program() string {
	var dirs []string
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	dirs = append(dirs, filepath.SplitList(locate.Getenv(r.env)("PATH"))...)
	for _, dir := range dirs {
		path := filepath.Join(dir, paths.User)
		if fi, err := os.Stat(path); filepath.IsAbs(path) && err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// with returns env with variables set; one without a value is removed.
func with(env []string, set ...string) []string {
	env = slices.Clone(env)
	for _, kv := range set {
		name, value, _ := strings.Cut(kv, "=")
		env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if value != "" {
			env = append(env, kv)
		}
	}
	return env
}
