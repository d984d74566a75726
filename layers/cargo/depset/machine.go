package depset

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

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
func compilerScript(ws *project.Workspace, t project.Tool, cfg *config.Config) []string {
	f, err := os.Open(t.LookPath(ws.Root, t.RustcPath(cfg)))
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

func (f *Fingerprint) libcIdentity() string {
	for _, path := range libcs {
		if id := project.FileIdentity(path); id != project.NotFound {
			f.Changed = max(f.Changed, regular.Changed(path))
			return id
		}
	}
	return project.NotFound
}

// programIdentity is the identity of a program that t would find. For one of the
// workspace's own its content counts: it is the same in every checkout that has it.
func programIdentity(ws *project.Workspace, t project.Tool, name string) string {
	path := t.LookPath(ws.Root, name)
	if rel, ok := paths.Under(path, ws.Root); ok {
		if f, err := digest.OfFile(path); err == nil {
			return rel + ", content " + f.Digest
		}
		return project.NotFound
	}
	return project.FileIdentity(path)
}

// linkersOf names the linkers that may be called, a line each: what configuration,
// flags and target specifications ask for, and cc, which rustc calls by default,
// and ld, which cc calls.
func (f *Fingerprint) linkersOf(ws *project.Workspace, t project.Tool, cfg *config.Config, flags []string, targets targetSet) []string {
	names := []string{"cc", "ld"}
	for _, l := range cfg.Linkers {
		names = append(names, l)
	}
	names = append(names, codegen(flags, "linker")...)
	names = append(names, targets.linkers()...)
	for _, flag := range flags {
		// What these name is for cc to find: ld.NAME in PATH, or a path.
		for _, option := range []string{"-fuse-ld=", "--ld-path="} {
			if _, name, ok := strings.Cut(flag, option); ok {
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
		f.Changed = max(f.Changed, regular.Changed(t.LookPath(ws.Root, n)))
		if rel, ok := paths.Under(n, ws.Root); ok {
			n = rel
		}
		lines = append(lines, n+" = "+id)
	}
	return lines
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
