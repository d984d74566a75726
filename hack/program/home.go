package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// Home makes a user's home directory, unless it is there, and returns the variables that have programs use it. Cargo's home
// is in it, so that a configuration written there is nobody else's; what cargo has fetched is that of who runs this, and so
// are rustup's toolchains.
func Home(home string) ([]string, error) {
	user, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	from := func(name, dir string) string {
		if value := os.Getenv(name); value != "" {
			return value
		}
		return filepath.Join(user, dir)
	}
	cargo := filepath.Join(home, ".cargo")
	if err := os.MkdirAll(cargo, 0o755); err != nil {
		return nil, fmt.Errorf("make a home: %w", err)
	}
	fetched := filepath.Join(from("CARGO_HOME", ".cargo"), "registry")
	if err := os.Symlink(fetched, filepath.Join(cargo, "registry")); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make a home: %w", err)
	}
	return []string{"HOME=" + home, "CARGO_HOME=" + cargo, "RUSTUP_HOME=" + from("RUSTUP_HOME", ".rustup"),
		"XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=", "CARGO_COW_STORE="}, nil
}

// Enable has the program act by itself for the user of a home (cargo cow enable), and returns the variables of Home.
func (p *Program) Enable(ctx context.Context, home string) ([]string, error) {
	env, err := Home(home)
	if err != nil {
		return nil, err
	}
	if _, err := project.Run(ctx, home, project.Env(env...), p.Path, "enable"); err != nil {
		return nil, fmt.Errorf("enable for %s: %w", home, err)
	}
	return env, nil
}
