package project

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
)

// Toolchain is what would build a workspace, by what the programs print of themselves.
type Toolchain struct {
	Rustc string // rustc -vV
	Cargo string // cargo -V
}

// Toolchain asks rustc and cargo, as they would be run in dir, what they are.
func (t Tool) Toolchain(ctx context.Context, dir string, cfg *config.Config) (*Toolchain, error) {
	rustc := t.RustcPath(cfg)
	var (
		of, version        []byte
		errRustc, errCargo error
		wg                 sync.WaitGroup
	)
	wg.Go(func() { of, errRustc = t.run(ctx, dir, rustc, "-vV") })
	wg.Go(func() { version, errCargo = t.run(ctx, dir, t.Cargo, "-V") })
	wg.Wait()
	for _, err := range []error{errRustc, errCargo} {
		if err != nil {
			return nil, fmt.Errorf("identify toolchain: %w", err)
		}
	}
	return &Toolchain{strings.TrimSpace(string(of)), strings.TrimSpace(string(version))}, nil
}

// RustcPath returns the compiler that cargo would call, as it is configured.
func (t Tool) RustcPath(cfg *config.Config) string {
	return cmp.Or(t.Getenv("RUSTC"), cfg.Rustc, "rustc")
}

// Host returns the target that rustc builds for by default; "" if it does not say.
func (id *Toolchain) Host() string {
	for line := range strings.Lines(id.Rustc) {
		if host, ok := strings.CutPrefix(line, "host: "); ok {
			return strings.TrimSpace(host)
		}
	}
	return ""
}

// minor is the second number of cargo's version, 0 if it does not say.
func (id *Toolchain) minor() int {
	minor := 0
	fmt.Sscanf(id.Cargo, "cargo 1.%d.", &minor)
	return minor
}

// Incremental adds to the lines of the profiles that nothing is compiled incrementally,
// if cargo decides so because it runs in CI. The ids of members depend on it (cargo 1.99,
// core/profiles.rs: Profiles::new; cargo-util, is_ci).
func (id *Toolchain) Incremental(t Tool, lines []string) []string {
	_, ci := t.Lookup("CI")
	_, build := t.Lookup("TF_BUILD")
	const off = config.IncrementalKey + "false"
	if id.minor() < 99 || !ci && !build || slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, config.IncrementalKey) }) {
		return lines
	}
	lines = append(lines, off)
	slices.Sort(lines)
	return lines
}

// Unstable reports whether cargo is of a channel that allows unstable features
// (cargo 1.95, core/features.rs: channel).
func (id *Toolchain) Unstable() bool {
	return strings.Contains(id.Cargo, "-nightly") || strings.Contains(id.Cargo, "-dev")
}

// NotFound is what FileIdentity returns of a file that is missing.
const NotFound = "not found"

// FileIdentity returns a text that tells one version of a program or library from another,
// without reading it.
func FileIdentity(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return NotFound
	}
	fi, err := os.Stat(real)
	if err != nil {
		return NotFound
	}
	return fmt.Sprintf("%s, %d bytes, %s", real, fi.Size(), fi.ModTime().UTC().Format(time.RFC3339Nano))
}

// LookPath finds a program as a child with t's environment would that runs in root. One
// that is not found is returned as it is named.
func (t Tool) LookPath(root, name string) string {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(root, name)
		}
		return name
	}
	for _, dir := range filepath.SplitList(t.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return name
}
