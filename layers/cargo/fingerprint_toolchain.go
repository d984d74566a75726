package cargo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Toolchain is what would build: the full text that rustc and cargo print of
// themselves.
type Toolchain struct{ rustc, cargo string }

// Toolchain asks rustc and cargo, as they would be run in dir, what they are.
func (t Tool) Toolchain(ctx context.Context, dir string, cfg *config.Config) (*Toolchain, error) {
	rustc := t.rustc(cfg)
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

// rustc is the compiler that cargo would call.
func (t Tool) rustc(cfg *config.Config) string {
	return cmp.Or(t.Getenv("RUSTC"), cfg.Rustc, "rustc")
}

// host is the triple that rustc builds for unasked; "" if it does not say.
func (id *Toolchain) host() string {
	for line := range strings.Lines(id.rustc) {
		if host, ok := strings.CutPrefix(line, "host: "); ok {
			return strings.TrimSpace(host)
		}
	}
	return ""
}

// minor is the second number of cargo's version, 0 if it does not say.
func (id *Toolchain) minor() int {
	minor := 0
	fmt.Sscanf(id.cargo, "cargo 1.%d.", &minor)
	return minor
}

// incremental adds to the lines of the profiles that nothing is compiled
// incrementally, where cargo decides so since it runs in CI: whether a member is,
// shows in its id (cargo 1.99, core/profiles.rs: Profiles::new; cargo-util, is_ci).
func (id *Toolchain) incremental(t Tool, lines []string) []string {
	_, ci := t.lookup("CI")
	_, build := t.lookup("TF_BUILD")
	const off = config.IncrementalKey + "false"
	if id.minor() < 99 || !ci && !build || slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, config.IncrementalKey) }) {
		return lines
	}
	lines = append(lines, off)
	slices.Sort(lines)
	return lines
}

// unstable reports whether cargo is of a channel that allows unstable features
// (cargo 1.95, core/features.rs: channel).
func (id *Toolchain) unstable() bool {
	return strings.Contains(id.cargo, "-nightly") || strings.Contains(id.cargo, "-dev")
}

// rustcLines is the text of rustc -vV as lines "key = value".
func rustcLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Replace(strings.TrimSpace(line), ": ", " = ", 1))
	}
	return lines
}

// compilerScript is what runs the compiler where that is a script: what it adds to
// a call, the compiler does not tell of itself.
func compilerScript(ws *Workspace, t Tool, cfg *config.Config) []string {
	f, err := os.Open(t.look(ws.Root, t.rustc(cfg)))
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, len("#!"))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != "#!" {
		return nil
	}
	rest, err := io.ReadAll(f)
	if err != nil {
		return []string{"script = " + err.Error()}
	}
	return []string{"script = content " + digest.Of(rest)}
}

// libcs are where systems keep the C library, which programs are linked with by
// name only: Debian, Fedora, Arch, and musl.
var libcs = []string{
	"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6",
	"/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1",
}

func libcIdentity() string {
	for _, path := range libcs {
		if id := fileIdentity(path); id != noFile {
			return id
		}
	}
	return noFile
}

// noFile is the identity of a file that is not there.
const noFile = "not found"

// fileIdentity tells one version of a program or library from another without
// reading it.
func fileIdentity(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return noFile
	}
	fi, err := os.Stat(real)
	if err != nil {
		return noFile
	}
	return fmt.Sprintf("%s, %d bytes, %s", real, fi.Size(), fi.ModTime().UTC().Format(time.RFC3339Nano))
}

// programIdentity is the identity of a program that t would find. One of the
// workspace's own is the same in every checkout that has the same content.
func programIdentity(ws *Workspace, t Tool, name string) string {
	path := t.look(ws.Root, name)
	if rel, ok := paths.Under(path, ws.Root); ok {
		if f, err := digest.OfFile(path); err == nil {
			return rel + ", content " + f.Digest
		}
		return noFile
	}
	return fileIdentity(path)
}

// linkers names the linkers that may be called, a line each: what configuration,
// flags and target specifications ask for, and cc, which rustc calls by default,
// and ld, which cc calls.
func linkersOf(ws *Workspace, t Tool, cfg *config.Config, flags []string, targets targetSet) []string {
	names := []string{"cc", "ld"}
	for _, l := range cfg.Linkers {
		names = append(names, l)
	}
	names = append(names, codegen(flags, "linker")...)
	names = append(names, targets.linkers()...)
	for _, f := range flags {
		// What these name is for cc to find: ld.NAME in PATH, or a path.
		for _, option := range []string{"-fuse-ld=", "--ld-path="} {
			if _, name, ok := strings.Cut(f, option); ok {
				name, _, _ = strings.Cut(name, ",")
				if name, _, _ = strings.Cut(name, " "); name == "" {
					continue
				}
				if !strings.Contains(name, "/") {
					name = "ld." + name
				}
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	var lines []string
	for _, n := range slices.Compact(names) {
		id := programIdentity(ws, t, n)
		if rel, ok := paths.Under(n, ws.Root); ok {
			n = rel
		}
		lines = append(lines, n+" = "+id)
	}
	return lines
}

// look finds a program as a child with t's environment would.
func (t Tool) look(root, name string) string {
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

// cpuIdentity is what the processor called native resolves to, as far as the
// kernel tells.
func cpuIdentity() Ingredient {
	i := Ingredient{Name: ingCPU, Value: "native, which the system does not describe"}
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return i
	}
	var model string
	var keep []string
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		switch key = strings.TrimSpace(key); key {
		case "model name", "uarch":
			model = strings.TrimSpace(value)
		case "vendor_id", "cpu family", "model", "stepping", "flags", "Features", // x86; arm
			"CPU implementer", "CPU part", "CPU variant", "isa", "mvendorid", "marchid": // arm; riscv
			if !slices.Contains(keep, line) {
				keep = append(keep, line)
			}
		}
	}
	slices.Sort(keep)
	i.Digest = digest.OfText(strings.Join(keep, ""))
	i.Value = "native: " + cmp.Or(model, "a processor without a name")
	return i
}
