package tool

import (
	"context"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
)

// cached is a tool that serves single units to a build in an empty build directory: to acquire a state is to begin with
// none.
type cached struct {
	plain
	name string
	env  []string
}

func (t *cached) Name() string                 { return t.name }
func (t *cached) Env(*world.Checkout) []string { return t.env }

// mbx stands in for cargo.
type mbx struct {
	plain
	program string
}

func (t *mbx) Name() string  { return "mbx" }
func (t *mbx) Cargo() string { return t.program }

// gitCow clones whole checkouts with what was built in them.
type gitCow struct {
	plain
	program string
	keeping bool // its first worktree also makes the checkout that it clones all later ones from
}

func (t *gitCow) Name() string { return "git-cow" }

func (t *gitCow) Keep(c *world.Checkout) error {
	if t.keeping {
		return nil
	}
	t.keeping = true
	return run(c, nil, t.program, "add", "-b", "git-cow-first", c.Path("../git-cow-first"))
}

func (t *gitCow) Worktree(c *world.Checkout, name, dir string) (bool, error) {
	if !t.keeping {
		return t.plain.Worktree(c, name, dir)
	}
	return true, run(c, nil, t.program, "add", "-b", name, dir)
}

// Acquire: it has no way to give a checkout that is there another state.
func (t *gitCow) Acquire(*world.Checkout) error { return world.ErrNot }

func init() {
	for _, r := range []struct {
		crate project.Crate
		make  func(bin string) *Kit
	}{
		{rival.Sccache, func(bin string) *Kit {
			return &Kit{
				// It caches nothing that is built incrementally (its README, "Rust").
				make: func() world.Tool {
					return &cached{name: "sccache", env: []string{"RUSTC_WRAPPER=" + filepath.Join(bin, "sccache"), "CARGO_INCREMENTAL=0"}}
				},
				env: func(world string) []string {
					return []string{"SCCACHE_DIR=" + world + ".sccache", "SCCACHE_SERVER_UDS=" + world + ".sccache.sock", "SCCACHE_IDLE_TIMEOUT=60"}
				},
			}
		}},
		{rival.Kache, func(bin string) *Kit {
			return &Kit{
				make: func() world.Tool {
					return &cached{name: "kache", env: []string{"RUSTC_WRAPPER=" + filepath.Join(bin, "kache")}}
				},
				env: ownHome,
			}
		}},
		{rival.Mbx, func(bin string) *Kit {
			return &Kit{make: func() world.Tool { return &mbx{program: filepath.Join(bin, "mbx")} }, env: ownHome}
		}},
		{rival.GitCow, func(bin string) *Kit {
			return &Kit{make: func() world.Tool { return &gitCow{program: filepath.Join(bin, "git-cow")} }, env: ownHome}
		}},
	} {
		kits[r.crate.Name] = func(ctx context.Context, _ string) (*Kit, error) {
			bin, err := rival.Install(ctx, r.crate)
			if err != nil {
				return nil, err
			}
			return r.make(bin), nil
		}
	}
}

// ownHome keeps what a tool keeps for its user in the world; cargo and rustup have theirs.
func ownHome(world string) []string {
	home, _ := os.UserHomeDir()
	at := func(name, below string) string {
		if dir := os.Getenv(name); dir != "" {
			return name + "=" + dir
		}
		return name + "=" + filepath.Join(home, below)
	}
	return []string{at("CARGO_HOME", ".cargo"), at("RUSTUP_HOME", ".rustup"), "HOME=" + world + ".home", "XDG_CACHE_HOME=" + world + ".home/cache",
		"XDG_DATA_HOME=" + world + ".home/data", "XDG_STATE_HOME=" + world + ".home/state", "XDG_CONFIG_HOME=" + world + ".home/config", "XDG_RUNTIME_DIR=" + world + ".home"}
}
