package tool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A Kit is a tool that is installed: it makes one for each world. It may be used by several goroutines.
type Kit struct {
	make func() world.Tool
	env  func(dir string) []string
}

// Tool is the tool for a new world.
func (k *Kit) Tool() world.Tool { return k.make() }

// Env is the environment of everything in the world in dir.
func (k *Kit) Env(dir string) []string {
	if k.env == nil {
		return nil
	}
	return k.env(dir)
}

// A preparation installs a tool in dir.
type preparation func(ctx context.Context, dir string) (*Kit, error)

var kits = map[string]preparation{
	"cargo-cow": prepareCow,
	"plain-copy": func(context.Context, string) (*Kit, error) {
		return &Kit{make: func() world.Tool { return &copies{} }}, nil
	},
	"plain-cargo": func(context.Context, string) (*Kit, error) {
		return &Kit{make: func() world.Tool { return plain{} }}, nil
	},
}

// Names are the tools there are.
func Names() []string {
	var names []string
	for name := range kits {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Prepare installs the tool called name in dir.
func Prepare(ctx context.Context, name, dir string) (*Kit, error) {
	prepare, ok := kits[name]
	if !ok {
		return nil, fmt.Errorf("no tool is called %q: there are %q", name, Names())
	}
	kit, err := prepare(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", name, err)
	}
	return kit, nil
}

// prepareCow builds cargo-cow from this checkout, as tests have it: so that a rule can be switched off.
func prepareCow(ctx context.Context, dir string) (*Kit, error) {
	const cmd = "github.com/cargo-cow/cargo-cow/cmd/"
	if _, err := project.Run(ctx, "", nil, "go", "build", "-tags=cowtest", "-o", dir+"/", cmd+"cargo-cow", cmd+"cargo-cow-rustc"); err != nil {
		return nil, err
	}
	return &Kit{
		make: func() world.Tool { return &cow{program: filepath.Join(dir, "cargo-cow")} },
		env: func(world string) []string {
			return []string{
				"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), // for the hook
				"CARGO_COW_STORE=" + filepath.Join(world, "store"),
				"XDG_CONFIG_HOME=" + filepath.Join(world, "config"), // what the history has of it
				"XDG_DATA_HOME=" + filepath.Join(world, "data"), "XDG_CACHE_HOME=" + filepath.Join(world, "cache"),
			}
		},
	}, nil
}
