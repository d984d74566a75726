package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// hookPatience is how long the hooks of a checkout are waited for. pre-commit
// makes the environments of its hooks when they first run, which takes tens of
// seconds; what takes longer has the user wait at every checkout, too.
const hookPatience = time.Minute

// A Reach is what running the hooks has shown.
type Reach struct {
	// Reached: git came to our hook, and that to a program of ours.
	Reached bool
	// Program is that program; "" unless reached.
	Program string
	Ran     []string // what was run
	Said    string   // the last line that the hooks printed
	Late    bool     // they were stopped after hookPatience
}

// ProbeHook runs the post-checkout hooks to find out whether git comes to ours. Their text
// does not tell: a hook may end before our line, be another program's script that runs
// ours, or be passed over by git. They are run as `git checkout` of the present commit runs
// them, so each does what it does at every checkout; ours only answers, in a file in the
// directory temp, or where none can be made, in git's. Where the hook has a line of ours
// that was not reached, the hooks are run once more as in a new worktree: the line may
// stand under a condition.
func (c *Checkout) ProbeHook(ctx context.Context, temp string) (*Reach, error) {
	failed := func(err error) (*Reach, error) { return nil, fmt.Errorf("run hooks of %s: %w", c.Root, err) }
	dir, err := os.MkdirTemp(temp, "cargo-cow-probe-")
	if err != nil {
		// In a sandbox it may be read-only, where the repository is not.
		if own, ownErr := os.MkdirTemp(c.CommonDir, "cargo-cow-probe-"); ownErr == nil {
			dir, err = own, nil
		}
	}
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	answer := filepath.Join(dir, "answer")
	if err := os.WriteFile(answer, nil, 0o600); err != nil {
		return failed(err)
	}
	h, text, err := c.readHook(ctx)
	if err != nil {
		return nil, err
	}
	null := strings.Repeat("0", max(len(c.Head), 40))
	head := c.Head
	if head == "" {
		head = null
	}
	r := &Reach{}
	for _, before := range []string{head, null} {
		if err := c.runHook(ctx, h, []string{before, head, "1"}, answer, r); err != nil {
			return failed(err)
		}
		b, err := os.ReadFile(answer)
		if err != nil {
			return failed(err)
		}
		if r.Program = strings.TrimSuffix(string(b), "\n"); r.Program != "" {
			r.Program, _, _ = strings.Cut(r.Program, "\n") // it may have come there twice
			r.Reached = true
			break
		}
		if r.Late || head == null || !strings.Contains(string(text), handMark) {
			break
		}
	}
	return r, nil
}

// Reach corrects the State, which the texts of the hooks told, by what running them has
// shown.
func (h *Hook) Reach(r *Reach) {
	switch {
	case r.Reached:
		h.State, h.Program = HookInstalled, r.Program
	case h.In != "" && h.State != HookDisabled:
		h.State = HookUnreached
	}
}

// File is where our part is, or would be.
func (h *Hook) File() string {
	if h.In != "" {
		return h.In
	}
	return h.Path
}

// AnswerProbe notes that our hook was reached, if that is what it was run for.
// program is who was.
func AnswerProbe(environ []string, program string) bool {
	for _, kv := range environ {
		if path, ok := strings.CutPrefix(kv, HookProbe); ok {
			if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil {
				_, _ = f.WriteString(program + "\n")
				_ = f.Close()
			}
			return true
		}
	}
	return false
}

// runHook runs the post-checkout hooks with arguments, and notes in r what was run
// and what it said last. That a hook fails is no error.
func (c *Checkout) runHook(ctx context.Context, h *Hook, args []string, answer string, r *Reach) error {
	git, err := program(c.environ)
	if err != nil {
		return err
	}
	// A file, since what a hook leaves running would keep a pipe open.
	said, err := os.Create(answer + ".said")
	if err != nil {
		return err
	}
	defer said.Close()
	command := append([]string{git, "hook", "run", "--ignore-missing", "post-checkout", "--"}, args...)
	if !c.runsHooks(ctx) {
		if h.State == HookAbsent || h.State == HookDisabled {
			return nil
		}
		command = append([]string{h.Path}, args...)
	}
	r.Ran = command
	short, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	cmd := exec.CommandContext(short, command[0], command[1:]...)
	cmd.Dir = c.Root
	cmd.Env = slices.DeleteFunc(slices.Clone(c.environ), func(kv string) bool { return strings.HasPrefix(kv, HookVariable+"=") })
	cmd.Env = append(cmd.Env, "PWD="+c.Root, HookProbe+answer)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Second // for those that do not heed it
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.Late = short.Err() != nil
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !r.Late {
		r.Said = err.Error()
		return nil
	}
	text, err := os.ReadFile(said.Name())
	if err != nil {
		return err
	}
	for l := range strings.Lines(string(text)) {
		if l = strings.TrimSpace(l); l != "" {
			r.Said = l
		}
	}
	return nil
}

// runsHooks reports whether git can be asked to run hooks: `git hook run` came
// with 2.36. An older one runs the file it finds; so do we then.
func (c *Checkout) runsHooks(ctx context.Context) bool {
	_, err := c.Run(ctx, "hook", "-h")
	var ge *gitError
	return errors.As(err, &ge) && ge.code == 129
}
