// Package pooling is what the commands about the pool do: it makes and changes the machine's
// one pool (package pool) for the user who asks, and tells how it is.
//
// A Pooling serves one command. What changes the pool needs root, and says so before anything
// is done.
package pooling

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Variable names the place of the pool where that is not the usual one.
const Variable = "CARGO_COW_POOL"

// Of is the machine's pool, given the environment.
func Of(variables []string) pool.Pool {
	if place := environ.Environ(variables).Get(Variable); place != "" {
		return pool.At(place)
	}
	return pool.At(pool.Default)
}

// A Pooling is a command about the pool.
type Pooling struct {
	Environ []string
	Term    *ui.Terminal
}

func (p Pooling) pool() pool.Pool { return Of(p.Environ) }

// AsRoot is the command line that does for root what was asked for here.
func AsRoot(args ...string) string {
	program, err := os.Executable()
	if err != nil {
		program = "cargo-cow"
	}
	words := []string{"sudo", paths.ShellWord(program), "pool"}
	for _, a := range args {
		words = append(words, paths.ShellWord(a))
	}
	return strings.Join(words, " ")
}

// needRoot fails for anybody else.
func needRoot(what string, args ...string) error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &layers.HelpError{Err: fmt.Errorf("%s: only root may do that", what), Help: AsRoot(args...)}
}

// Helped is an error of package pool with what mends it.
func Helped(err error) error {
	help := func(text string) error { return &layers.HelpError{Err: err, Help: text} }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pool.ErrNone):
		return exit.Missing(err, AsRoot("create"))
	case errors.Is(err, pool.ErrNotMounted):
		return help(AsRoot("mount"))
	case errors.Is(err, pool.ErrNoHome):
		return help(AsRoot("create"))
	case errors.Is(err, pool.ErrInUse):
		return help("see who uses it with `fuser -vm " + paths.ShellWord(Of(os.Environ()).Mount) + "`")
	case errors.Is(err, pool.ErrHolds):
		return help("move what you want to keep, or add --force to remove all of it")
	}
	return err
}

func kept(k pool.Keeper) string {
	if k == pool.Nobody {
		return "until the machine is restarted"
	}
	return "kept by " + string(k)
}
