package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
)

// cow is cargo-cow.
type cow struct {
	plain
	program string // cargo-cow; the wrapper lies beside it
	hook    string // how the repository was adopted
	wrapper bool
	// automatic: it acts by itself, and its store is where the user's configuration says.
	automatic bool
}

func (t *cow) Name() string { return "cargo-cow" }

// Exit codes that are answers (docs/cli/cargo-cow.md).
const (
	codeNothing = 4 // no layer, nothing to bring back
	codeBusy    = 5
)

// answer is a line of --json output, as far as it is read here.
type answer struct {
	Reason, Kind, Profile, Unit, Verdict string
	Restored                             json.RawMessage
}

// do runs a command of cargo-cow in c and returns its lines.
func (t *cow) do(c *world.Checkout, args ...string) ([]answer, error) {
	cmd := c.Command(t.found(), t.program, append([]string{"--json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	far := bytes.Contains(out, []byte("no store here")) || bytes.Contains(out, []byte("is on another file system"))
	if n, ok := code(err); ok && (n == codeNothing || n == codeBusy || far) {
		return nil, &world.Refusal{Why: fmt.Sprintf("cargo-cow %s: %s%s", strings.Join(args, " "), out, stderr.Bytes())}
	}
	if err != nil {
		return nil, fmt.Errorf("cargo-cow %s: %w: %s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	var lines []answer
	for l := range bytes.Lines(out) {
		var a answer
		if err := json.Unmarshal(l, &a); err != nil {
			return nil, fmt.Errorf("cargo-cow %s: its line is no JSON: %w: %s", strings.Join(args, " "), err, l)
		}
		lines = append(lines, a)
	}
	return lines, nil
}

func (t *cow) Adopt(c *world.Checkout, how string) error {
	t.hook = how
	if _, err := t.do(c, "init"); err != nil {
		return err
	}
	var err error
	switch how {
	case "hook":
		_, err = t.do(c, "hook", "install")
	case "switching":
		_, err = t.do(c, "hook", "install", "--switch")
	}
	return err
}

func (t *cow) Env(*world.Checkout) []string {
	if !t.wrapper {
		return t.found()
	}
	return append(t.found(), "RUSTC_WRAPPER="+filepath.Join(filepath.Dir(t.program), "cargo-cow-rustc"))
}

// found has the store found as a user's is who has named none for a command.
func (t *cow) found() []string {
	if !t.automatic {
		return nil
	}
	return []string{"CARGO_COW_STORE="}
}

// automate is what `cargo cow enable` does, but for the user's Cargo configuration: the wrapper is in the environment.
func (t *cow) automate(c *world.Checkout) error {
	t.automatic, t.wrapper = true, true
	file := filepath.Join(c.Var("XDG_DATA_HOME"), "cargo-cow", "automatic")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, nil, 0o644)
}

func (t *cow) Worktree(c *world.Checkout, name, dir string) (bool, error) {
	_, err := t.plain.Worktree(c, name, dir)
	return t.hook != "" && err == nil, err
}

func (t *cow) Keep(c *world.Checkout) error {
	if !exists(c.Path("target")) {
		return world.ErrNot
	}
	_, err := t.do(c, "snapshot")
	if err != nil && strings.Contains(err.Error(), "with the lockfile as it is now") {
		return world.ErrNot // all of it was built with another one
	}
	return err
}

func (t *cow) Acquire(c *world.Checkout) error {
	_, err := t.do(c, "restore")
	return err
}

func (t *cow) Do(c *world.Checkout, verb string, args []string) (bool, error) {
	switch verb {
	case "automatic":
		return false, t.automate(c)
	case "better":
		if !exists(c.Path("target")) {
			return false, world.ErrNot
		}
		lines, err := t.do(c, "restore", "--if-better")
		return slices.ContainsFunc(lines, func(a answer) bool { return a.Reason == "switch" && string(a.Restored) == "true" }), err
	case "wrapper":
		t.wrapper = slices.Equal(args, []string{"on"})
		return false, nil
	case "switch":
		if c.Command(nil, "git", "rev-parse", "-q", "--verify", args[0]).Run() != nil {
			return false, world.ErrNot
		}
		_, err := t.do(c, "switch", "--detach", args[0])
		return err == nil, err
	case "prune":
		_, err := t.do(c, append([]string{"prune", "--margin", "none"}, prunes[slices.Concat(args, []string{"last"})[0]]...)...)
		return false, err
	case "inside":
		_, err := t.do(c, append([]string{"prune", "--inside"}, args...)...)
		return false, err
	case "dedupe":
		if !exists(c.Path("target")) {
			return false, world.ErrNot
		}
		_, err := t.do(c, "dedupe", ".")
		return false, err
	case "check":
		_, err := t.do(c, "check")
		return false, err
	case "undo", "graft":
		if !exists(c.Path("target")) {
			return false, world.ErrNot
		}
		_, err := t.do(c, verb)
		return false, err
	}
	return false, world.ErrNot
}

// prunes are what prune is asked for. All of a history happens within the margin that protects what was just used.
var prunes = map[string][]string{
	"superseded": {"--superseded"}, "last": {"--keep-last", "1"}, "free": {"--free", "1GB"}, "some": {"--free", "2MB"}, "gone": {"--gone-worktrees", "--unreferenced"},
}

func (t *cow) Promise(c *world.Checkout) (map[string]bool, error) {
	if !exists(c.Path("target")) {
		return nil, nil
	}
	lines, err := t.do(c, "explain", "--all")
	if refused := new(world.Refusal); errors.As(err, &refused) {
		return nil, nil // where nothing is restored nothing is promised
	}
	if err != nil {
		return nil, err
	}
	promised := map[string]bool{}
	for _, l := range lines {
		if l.Reason == "unit" && l.Kind != "run-build-script" {
			promised[l.Profile+"/"+l.Unit] = l.Verdict == "dirty"
		}
	}
	return promised, nil
}
