// Package rival has the tools that the program is compared with: it installs published ones, and gives each a home of its
// own to work in. Calls for different tools and homes may run at once.
package rival

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The versions that are compared with: figures of two days are of the same programs.
var (
	Sccache = project.Crate{Name: "sccache", Version: "0.19.0"}
	Mbx     = project.Crate{Name: "mbx", Version: "1.29.1"}
	Kache   = project.Crate{Name: "kache", Version: "2.0.0"}
	GitCow  = project.Crate{Name: "git-cow", Version: "0.4.0"}
)

// Install makes a published program available, once for this user, and returns the directory it lies in.
func Install(ctx context.Context, c project.Crate) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "cargo-cow-rivals", c.String())
	bin := filepath.Join(dir, "bin")
	// Cargo puts a program there in one step, when it is whole.
	if _, err := os.Stat(filepath.Join(bin, c.Name)); err == nil {
		return bin, nil
	}
	args := []string{"install", "--quiet", "--root", dir, "--version", c.Version, c.Name}
	fmt.Fprintf(os.Stderr, "installing %s, which takes minutes\n", c)
	// As its authors tested it; where the registry has withdrawn something of that, as it resolves today.
	_, locked := project.Run(ctx, "", project.Env(), "cargo", append(args, "--locked")...)
	if locked == nil {
		return bin, nil
	}
	if ctx.Err() != nil {
		return "", locked
	}
	fmt.Fprintf(os.Stderr, "%s does not install with its own lockfile, trying without\n", c)
	if _, err := project.Run(ctx, "", project.Env(), "cargo", args...); err != nil {
		return "", fmt.Errorf("install %s: %w", c, errors.Join(locked, err))
	}
	return bin, nil
}

// Environment is one in which programs of bin are found, and have home for their home; cargo and rustup keep theirs.
func Environment(bin, home string, more ...string) ([]string, error) {
	user, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	env := project.Env("HOME="+home, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=",
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, dir := range map[string]string{"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"} {
		value := os.Getenv(name)
		if value == "" {
			value = filepath.Join(user, dir)
		}
		env = append(env, name+"="+value)
	}
	return append(env, more...), nil
}

// Stop ends the processes that have home for their home directory: servers that a tool has left running.
func Stop(home string) error {
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return err
	}
	var failed error
	for _, path := range environs {
		// A process may have ended since, or be another user's.
		environ, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), "HOME="+home) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err != nil {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, fmt.Errorf("stop process %d: %w", pid, err))
		}
	}
	return failed
}
