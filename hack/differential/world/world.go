// Package world does what a history says, with real git, cargo and one tool, and judges every build: what its programs
// and tests print must be what a clean build prints, made at the same moment and at the same path. For that the clean
// build runs where the world is covered by an overlay and the build directory by an empty one, so that it neither finds
// nor leaves anything. A World is for one goroutine; any number of worlds may live beside each other.
//
// Cargo itself misses some changes: of what it does not look at, and of files that got an old time. A tool answers for
// them when it has a build state take the place of another ("acquire", and a switch), and from then on only for what it
// then saw. So a difference is excused where all that differs is due to inputs that have changed, unseen by cargo, since
// the checkout's build directory was last acquired; nothing else is.
package world

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// A Tool gives build states to checkouts. What it does not do returns ErrNot. An error is a fault of the tool's, unless
// it is a Refusal.
type Tool interface {
	Name() string
	// Adopt is what a user does once in a repository, after its first commit; how is "", "hook" or "switching".
	Adopt(c *Checkout, how string) error
	// Cargo is the program that stands for cargo where something is built.
	Cargo() string
	// Env is more environment of cargo in c.
	Env(c *Checkout) []string
	// Worktree adds a worktree dir with the new branch name to c's repository. Acquired: and gave it a build state.
	Worktree(c *Checkout, name, dir string) (acquired bool, err error)
	// Keep is what a user does after a build, so that other checkouts get its state.
	Keep(c *Checkout) error
	// Acquire gives c the best state that was kept, whatever lies there.
	Acquire(c *Checkout) error
	// Do is anything else the tool can: undo, graft, switch, prune, check, wrapper, automatic, better. Acquired says
	// whether the build directory was made true for c as it lies.
	Do(c *Checkout, verb string, args []string) (acquired bool, err error)
	// Promise is which units of the build directory, by [Unit].ID, the next cargo that wants them will build again, and
	// which not; nil where the tool says nothing of it.
	Promise(c *Checkout) (map[string]bool, error)
}

// ErrNot is what a tool says to what it cannot do at all.
var ErrNot = errors.New("not one of the tool's abilities")

var errSkip = errors.New("not possible here")

// A Refusal is an answer of a tool that had a reason not to do it, and said so.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return "refused: " + r.Why }

// A Fault is something wrong, and ends a history.
type Fault struct {
	Step   int    // counted from 0
	Kind   string // stale, broken, promise, tool
	Detail string
}

func (f *Fault) Error() string { return fmt.Sprintf("step %d: %s: %s", f.Step+1, f.Kind, f.Detail) }

// Counts are what was done in a world.
type Counts struct {
	Builds, Clean, Fresh, Rebuilt, Promises, Excused, Refused, Skipped, Acquired, Steps int
	First, Warm                                                                         int // builds where nothing was built; of those that found something fresh
}

// Add adds other to c.
func (c *Counts) Add(o Counts) {
	c.Builds, c.Clean, c.Fresh, c.Rebuilt = c.Builds+o.Builds, c.Clean+o.Clean, c.Fresh+o.Fresh, c.Rebuilt+o.Rebuilt
	c.Promises, c.Excused, c.Refused, c.Skipped = c.Promises+o.Promises, c.Excused+o.Excused, c.Refused+o.Refused, c.Skipped+o.Skipped
	c.Acquired, c.Steps, c.First, c.Warm = c.Acquired+o.Acquired, c.Steps+o.Steps, c.First+o.First, c.Warm+o.Warm
}

// begun counts a first build, and whether it found something that was built elsewhere.
func (w *World) begun(o *Outcome) {
	if !o.First {
		return
	}
	w.Counts.First++
	if slices.ContainsFunc(o.Units, func(u Unit) bool { return u.Fresh }) {
		w.Counts.Warm++
	}
}

// A World is a directory with checkouts, and what lies beside them.
type World struct {
	Dir       string
	Log       func(format string, args ...any)
	Counts    Counts
	ctx       context.Context
	tool      Tool
	base      []string // environment of everything, clean builds too; the last of a name counts
	tools     []string // the tool's own, after that
	env       []string // what steps have set, after both
	checkouts map[string]*Checkout
	inputs    []history.Input
	step      int
	truths    *Truths
	covers    string // a directory for what clean builds need
	away      string // a checkout on a file system of its own
}

// A Checkout is one of the world's.
type Checkout struct {
	Name, Dir  string
	World      *World
	env        map[string]string
	excused    map[string]bool   // keys of which cargo alone may be wrong
	baseline   map[string]string // what hidden inputs were when the build directory was acquired
	before     map[string]string // the same of the build directory that undo brings back
	acquiredAt int               // the step
	built      []string          // what cargo was called with last
	aged       map[string]bool   // keys whose files were ever given an old time here
	looked     bool              // cargo has looked at its compiler where nothing was built, and has built nothing since
}

// Place is where a world is, and with what.
type Place struct {
	Dir     string   // absolute, the world's own, and empty
	Env     []string // of everything
	ToolEnv []string // of everything but clean builds, after Env
	Truths  *Truths
	Away    string // a directory in Dir where another file system is mounted, "" for none
}

// New makes a world with the files of h, in which $WORLD is where it lies.
func New(ctx context.Context, p Place, h *history.History, tool Tool) (*World, error) {
	dir := p.Dir
	w := &World{Dir: dir, ctx: ctx, tool: tool, base: p.Env, tools: p.ToolEnv, checkouts: map[string]*Checkout{}, inputs: h.Inputs, truths: p.Truths,
		covers: dir + ".covers", away: p.Away, Log: func(string, ...any) {}}
	for _, f := range h.Files {
		if !filepath.IsLocal(f.Name) {
			return nil, fmt.Errorf("make world: %q leads out of it", f.Name)
		}
		if err := writeFile(filepath.Join(dir, f.Name), strings.ReplaceAll(string(f.Data), "$WORLD", dir)); err != nil {
			return nil, fmt.Errorf("make world: %w", err)
		}
	}
	w.at("a")
	return w, os.MkdirAll(w.covers, 0o755)
}

func (w *World) at(name string) *Checkout {
	c := &Checkout{Name: name, Dir: filepath.Join(w.Dir, name), World: w, env: map[string]string{}, excused: map[string]bool{}, aged: map[string]bool{}}
	w.checkouts[name] = c
	return c
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// Env is the environment of commands in c.
func (c *Checkout) Env() []string { return c.environ(c.World.tools) }

// environ is the environment in c with one of some tool.
func (c *Checkout) environ(tool []string) []string {
	w := c.World
	env := slices.Concat(w.base, tool, w.env)
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		env = append(env, name+"="+c.env[name])
	}
	return env
}

// Var is the variable's value in c, "" where it has none.
func (c *Checkout) Var(name string) string {
	for _, kv := range slices.Backward(c.Env()) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// buildDirs are where the made-up workspaces have cargo build.
var buildDirs = []string{"target", "intermediate"}

// Path is a path in c; "../" leads beside it.
func (c *Checkout) Path(name string) string { return filepath.Join(c.Dir, name) }

// Command is a command in c.
func (c *Checkout) Command(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.World.ctx, name, args...)
	cmd.Dir, cmd.Env = c.Dir, append(c.Env(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second // for what a killed cargo has left behind holding the pipe
	return cmd
}

func (c *Checkout) run(name string, args ...string) error {
	out, err := c.Command(nil, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// said makes an error of the tool's what it is to the history.
func (c *Checkout) said(err error) error {
	var r *Refusal
	switch {
	case err == nil, errors.Is(err, ErrNot):
		return err
	case errors.As(err, &r):
		c.World.Counts.Refused++
		c.World.Log("   %s", r.Why)
		return nil
	case c.World.ctx.Err() != nil:
		return c.World.ctx.Err()
	}
	return &Fault{Kind: "tool", Detail: err.Error()}
}
