// Package program builds cargo-cow from this checkout and runs it as a user would, with a store of its own. It is for the
// demo and the benchmarks, which work from within the module. A Program may be used by several goroutines.
package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A Program is a built cargo-cow.
type Program struct {
	Path    string   // of the executable
	Wrapper string   // of cargo-cow-rustc, beside it
	Store   string   // where it keeps its layers
	Config  string   // where a user's configuration is, as XDG_CONFIG_HOME; "" for that of who runs this
	More    []string // more environment
}

// Build builds cargo-cow into dir/bin; its store will be dir/store.
func Build(ctx context.Context, dir string) (*Program, error) {
	bin := filepath.Join(dir, "bin")
	p := &Program{Path: filepath.Join(bin, "cargo-cow"), Wrapper: filepath.Join(bin, "cargo-cow-rustc"), Store: filepath.Join(dir, "store")}
	// The packages' import paths, so that any directory of the module will do to build from.
	const cmd = "github.com/cargo-cow/cargo-cow/cmd/"
	env := project.Env("CGO_ENABLED=0") // as it is given out
	if _, err := project.Run(ctx, "", env, "go", "build", "-o", bin+"/", cmd+"cargo-cow", cmd+"cargo-cow-rustc"); err != nil {
		return nil, fmt.Errorf("build cargo-cow: %w", err)
	}
	return p, nil
}

// Env is the environment in which the program works and git's hook finds it.
func (p *Program) Env() []string {
	path := filepath.Dir(p.Path) + string(os.PathListSeparator) + os.Getenv("PATH")
	env := []string{"PATH=" + path, "CARGO_COW_STORE=" + p.Store}
	if p.Config != "" {
		env = append(env, "XDG_CONFIG_HOME="+p.Config)
	}
	return project.Env(append(env, p.More...)...)
}

// An Answer is the line of a command's --json output that carries the command's own name as its reason, as far as anybody
// here asks for it.
type Answer struct {
	Reason  string
	Driver  string // init
	Layer   string // snapshot, restore
	Created bool   // snapshot
	Kept    int    // restore
	Rebuild int    // restore
	Grafted int    // restore, graft
}

// Run runs a command (args[0] is its name) in dir and returns its answer.
func (p *Program) Run(ctx context.Context, dir string, args ...string) (Answer, error) {
	out, err := project.Run(ctx, dir, p.Env(), p.Path, append([]string{"--json"}, args...)...)
	if err != nil {
		// With --json the error, too, is told on stdout.
		return Answer{}, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	return answer(args[0], out)
}

func answer(reason string, out []byte) (Answer, error) {
	for line := range bytes.Lines(out) {
		var a Answer
		if err := json.Unmarshal(line, &a); err != nil {
			return Answer{}, fmt.Errorf("read what cargo-cow %s answers: %w", reason, err)
		}
		if a.Reason == reason {
			return a, nil
		}
	}
	return Answer{}, fmt.Errorf("read what cargo-cow %s answers: no %q among its lines:\n%s", reason, reason, out)
}
