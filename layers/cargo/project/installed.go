package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Installed returns what each compiler of this machine says of itself, rustc -vV byte by
// byte, sorted: those of all toolchains of rustup, linked ones among them, and those that
// the PATH leads to. It fails if one of them cannot be asked.
func (t Tool) Installed(ctx context.Context) ([]string, error) {
	programs, err := t.compilers()
	if err != nil {
		return nil, fmt.Errorf("list compilers: %w", err)
	}
	var said []string
	for _, p := range programs {
		// Where the command was given, a file may choose another toolchain, but only of a
		// proxy of rustup's, and those are not asked.
		out, err := t.run(ctx, "/", p, "-vV")
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", p, err)
		}
		said = append(said, string(out))
	}
	slices.Sort(said)
	return slices.Compact(said), nil
}

// compilers lists the programs that Installed asks.
func (t Tool) compilers() (programs []string, err error) {
	home := t.Getenv("RUSTUP_HOME")
	if home == "" {
		home = filepath.Join(t.Getenv("HOME"), ".rustup")
	}
	toolchains := filepath.Join(home, "toolchains")
	entries, err := os.ReadDir(toolchains)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		dir := filepath.Join(toolchains, e.Name())
		// A link leads to a toolchain that somebody has made, on a disk perhaps that is
		// not there now.
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		rustc := filepath.Join(dir, "bin", "rustc")
		if _, err := os.Stat(rustc); err == nil {
			programs = append(programs, rustc)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, dir := range filepath.SplitList(t.Getenv("PATH")) {
		rustc := filepath.Join(dir, "rustc")
		if _, err := os.Stat(rustc); err != nil || !filepath.IsAbs(dir) {
			continue
		}
		// Beside rustup lie its proxies, which start a compiler of a toolchain above.
		if _, err := os.Stat(filepath.Join(dir, "rustup")); err == nil {
			continue
		}
		// Each environment of theirs leads to compilers of its own, and all of them stay.
		if real, err := filepath.EvalSymlinks(rustc); err != nil || strings.HasPrefix(real, "/nix/store/") || strings.HasPrefix(real, "/gnu/store/") {
			return nil, fmt.Errorf("%s is one of many that no PATH leads to", rustc)
		}
		programs = append(programs, rustc)
	}
	return programs, nil
}
