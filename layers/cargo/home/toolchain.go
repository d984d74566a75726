package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// ErrNoRustup says that rustup is neither on the PATH nor in Cargo's home.
var ErrNoRustup = errors.New("rustup is not installed or not on the PATH")

// Toolchains asks rustup which toolchains are installed, and finds out what compiler each has. Where rustup is not
// there it is ErrNoRustup.
func Toolchains(ctx context.Context, t project.Tool) ([]Toolchain, error) {
	program := rustupProgram(t)
	if program == "" {
		return nil, ErrNoRustup
	}
	out, err := run(ctx, t, program, "toolchain", "list", "-v")
	var list []Toolchain
	if err == nil {
		list, err = parseToolchains(out)
	}
	if err != nil {
		return nil, fmt.Errorf("list toolchains: %w", err)
	}
	kept := filepath.Join(Rustup(t), "toolchains")
	for i := range list {
		tc := &list[i]
		if !filepath.IsAbs(tc.Path) {
			tc.Path = filepath.Join(kept, tc.Path)
		}
		if info, err := os.Lstat(filepath.Join(kept, tc.Name)); err == nil {
			tc.Linked = info.Mode()&os.ModeSymlink != 0
		} else {
			tc.Linked = !strings.HasSuffix(tc.Path, "/toolchains/"+tc.Name) // rustup has another home than we know of
		}
		tc.identify(ctx, t)
	}
	return list, nil
}

// Unasked lists the toolchains that lie in rustup's home, for where it cannot be asked: nothing but directories is
// looked at.
func Unasked(ctx context.Context, t project.Tool) (list []Toolchain) {
	kept := filepath.Join(Rustup(t), "toolchains")
	entries, _ := os.ReadDir(kept)
	for _, e := range entries {
		tc := Toolchain{Name: e.Name(), Path: filepath.Join(kept, e.Name()), Linked: e.Type() == os.ModeSymlink}
		if tc.Linked {
			if real, err := filepath.EvalSymlinks(tc.Path); err == nil {
				tc.Path = real
			}
		} else if !e.IsDir() {
			continue
		}
		tc.identify(ctx, t)
		list = append(list, tc)
	}
	return list
}

// identify finds out which compiler a toolchain has. What rustup has installed says so in files; starting each rustc
// takes some 50 ms, and more where nothing of it is in memory. A linked one is asked: whoever made it may have built it
// anew since anything was noted there.
func (tc *Toolchain) identify(ctx context.Context, t project.Tool) {
	program := filepath.Join(tc.Path, "bin", "rustc")
	if _, err := os.Stat(program); err != nil {
		return
	}
	if !tc.Linked {
		if c, ok := installedCompiler(tc.Path); ok {
			tc.Compiler = c
			return
		}
	}
	tc.Compiler, tc.Err = ask(ctx, t, program)
}

// installedCompiler reads what rustup has noted of a toolchain: which components are installed, and what version each
// had in the channel's manifest (rustup 1.29, dist/manifestation.rs: Manifestation::update).
func installedCompiler(dir string) (Compiler, bool) {
	components, err := regular.Read(filepath.Join(dir, "lib", "rustlib", "components"))
	if err != nil {
		return Compiler{}, false
	}
	manifest, err := regular.Read(filepath.Join(dir, "lib", "rustlib", "multirust-channel-manifest.toml"))
	if err != nil {
		return Compiler{}, false
	}
	version, ok := versionIn(string(manifest))
	host := hostIn(string(components))
	return Compiler{Version: "rustc " + version, Host: host}, ok && host != ""
}

// ask has a compiler say what it is.
func ask(ctx context.Context, t project.Tool, program string) (Compiler, error) {
	out, err := run(ctx, t, program, "-vV")
	if err != nil {
		return Compiler{}, err
	}
	c, ok := parseVerbose(out)
	if !ok {
		return Compiler{}, fmt.Errorf("run %s -vV: it does not say what it is", program)
	}
	return c, nil
}

// rustupProgram finds rustup: on the PATH, or where it installs itself.
func rustupProgram(t project.Tool) string {
	for _, dir := range append(searched(t), filepath.Join(t.CargoHome(), "bin")) {
		if path := filepath.Join(dir, "rustup"); isProgram(path) {
			return path
		}
	}
	return ""
}

// searched are the directories of the PATH, the relative ones left out: they are other ones in each directory.
func searched(t project.Tool) []string {
	return slices.DeleteFunc(filepath.SplitList(t.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// patience bounds one question. rustup itself gives a rustc as long (rustup 1.29, toolchain.rs: rustc_version).
const patience = 10 * time.Second

// run asks a program that says something and changes nothing. It is run in the topmost directory, where no toolchain
// file of a checkout decides, and rustup is to install nothing that it misses.
func run(ctx context.Context, t project.Tool, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	for _, kv := range t.Environ {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "RUSTUP_TOOLCHAIN", "RUST_BACKTRACE", "PWD":
			continue
		case "RUSTUP_HOME":
			kv = name + "=" + Rustup(t) // a relative one is the caller's
		}
		cmd.Env = append(cmd.Env, kv)
	}
	cmd.Env = append(cmd.Env, "RUSTUP_AUTO_INSTALL=0", "RUSTUP_TERM_COLOR=never")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("run %s %s: %w", program, strings.Join(args, " "), context.Cause(ctx))
	case errors.As(err, &exit):
		first, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("run %s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimPrefix(first, "error: "))
	case err != nil:
		return "", fmt.Errorf("run %s: %w", program, err)
	}
	return string(out), nil
}
