package cargo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	toml "github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

// fingerprintVersion changes when the ingredients do: layers filed under another
// version are found by no restore, which costs a build and nothing else.
const fingerprintVersion = "1"

// Fingerprint is the dependency-set fingerprint of a checkout: the name a layer
// is filed under, with every ingredient that went into it. Two checkouts with
// one fingerprint ask Cargo for the same registry units.
type Fingerprint struct {
	ID          string       `json:"id"` // 32 hex characters
	Ingredients []Ingredient `json:"ingredients"`
}

// Ingredient is one named part of a fingerprint. Value is what a person can
// read; Digest stands for the whole where that is long.
type Ingredient struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Digest string `json:"digest,omitempty"`
}

// Get returns the value of the ingredient called name.
func (f *Fingerprint) Get(name string) string {
	for _, i := range f.Ingredients {
		if i.Name == name {
			return i.Value
		}
	}
	return ""
}

// unhashed names the ingredients that no hash of Cargo's covers: a unit built
// with another one of these is fresh for Cargo.
var unhashed = []string{"linker", "libc", "cpu", "flag-file"}

// differsUnseen returns the name of an ingredient in which two fingerprints
// differ although Cargo would not notice, or "".
func (f *Fingerprint) differsUnseen(g *Fingerprint) string {
	for _, name := range unhashed {
		of := func(f *Fingerprint) []Ingredient {
			return slices.DeleteFunc(slices.Clone(f.Ingredients), func(i Ingredient) bool { return i.Name != name })
		}
		if !slices.Equal(of(f), of(g)) {
			return name
		}
	}
	return ""
}

func (f *Fingerprint) add(name, value string) {
	f.Ingredients = append(f.Ingredients, Ingredient{Name: name, Value: value})
}

func (f *Fingerprint) addDigest(name, value string, content []byte) {
	f.Ingredients = append(f.Ingredients, Ingredient{Name: name, Value: value, Digest: digestBytes(content)})
}

func (f *Fingerprint) seal() {
	var b strings.Builder
	for _, i := range f.Ingredients {
		fmt.Fprintf(&b, "%q %q %q\n", i.Name, i.Value, i.Digest)
	}
	f.ID = digestBytes([]byte(b.String()))
}

// Fingerprint computes the dependency-set fingerprint of the workspace as t
// would build it with the toolchain id. It fails with ErrNoLockfile where there
// is no lockfile.
func (ws *Workspace) Fingerprint(t Tool, id *Toolchain, cfg *config.Config, rules Rules) (*Fingerprint, error) {
	if ws.Lock == nil {
		return nil, fmt.Errorf("fingerprint %s: %w", ws.Root, ErrNoLockfile)
	}
	f := new(Fingerprint)
	f.add("version", fingerprintVersion)
	f.addDigest("packages", fmt.Sprintf("%d from registries and git, %d local", len(ws.Lock.Packages)-len(ws.Lock.Local()), len(ws.Lock.Local())), canonicalLock(ws.Lock))
	if !rules.On(RuleFingerprint) {
		f.seal()
		return f, nil
	}
	rustc, _, _ := strings.Cut(id.rustc, "\n")
	f.addDigest("rustc", rustc, []byte(id.rustc))
	f.add("cargo", id.cargo)
	f.add("cargo-home", ws.CargoHome)
	canonical := cfg.Canonical()
	f.addDigest("settings", fmt.Sprintf("%d bytes of profiles and flags", len(canonical)), canonical)
	f.addDigest("manifest-profiles", "profiles and patches of the workspace's manifest", ws.manifestProfiles())
	if cfg.RustcWorkspaceWrapper != "" {
		f.add("workspace-wrapper", fileIdentity(t.look(ws.Root, cfg.RustcWorkspaceWrapper)))
	}
	f.add("linker", linkerIdentity(t, ws.Root, cfg))
	if strings.Contains(string(canonical), "target-cpu=native") {
		f.addDigest("cpu", "target-cpu=native", cpuIdentity())
	}
	f.add("libc", libcIdentity())
	for _, path := range flagFiles(ws.Root, string(canonical)) {
		if st := readState(path); st.err == nil {
			rel, ok := under(path, ws.Root)
			if !ok {
				rel = path
			}
			f.Ingredients = append(f.Ingredients, Ingredient{Name: "flag-file", Value: rel, Digest: st.digest})
		}
	}
	f.seal()
	return f, nil
}

// canonicalLock is the lockfile without what does not decide a registry unit:
// order, form, and the versions of the workspace's own packages.
func canonicalLock(l *lockfile.Lockfile) []byte {
	var lines []string
	for _, p := range l.Packages {
		if p.Source == "" {
			lines = append(lines, fmt.Sprintf("%q\n", p.Name))
			continue
		}
		lines = append(lines, fmt.Sprintf("%q %q %q %q\n", p.Name, p.Version, p.Source, p.Checksum))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

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

const noFile = "none"

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
	return fmt.Sprintf("%s %d %d", real, fi.Size(), fi.ModTime().UnixNano())
}

// linkerIdentity names the linkers: what configuration asks for, or cc, which
// rustc calls by default.
func linkerIdentity(t Tool, root string, cfg *config.Config) string {
	names := []string{"cc"}
	for _, l := range cfg.Linkers {
		names = append(names, l)
	}
	slices.Sort(names)
	var ids []string
	for _, n := range slices.Compact(names) {
		ids = append(ids, fileIdentity(t.look(root, n)))
	}
	return strings.Join(ids, ", ")
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

// cpuIdentity is what target-cpu=native resolves to, as far as the kernel tells.
func cpuIdentity() []byte {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil
	}
	var keep []string
	for line := range strings.Lines(string(b)) {
		key, _, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part":
			if !slices.Contains(keep, line) {
				keep = append(keep, line)
			}
		}
	}
	return []byte(strings.Join(keep, ""))
}

// flagFiles finds the files that compiler flags name, such as linker scripts:
// Cargo hashes the flag, not the file.
func flagFiles(root, flags string) []string {
	var found []string
	fields := strings.FieldsFunc(flags, func(r rune) bool { return strings.ContainsRune(" \t\n\"',=[]\x1f", r) })
	for _, f := range fields {
		for _, prefix := range []string{"", "-T", "-Wl", "-B"} {
			name, ok := strings.CutPrefix(f, prefix)
			if !ok || name == "" {
				continue
			}
			if !filepath.IsAbs(name) {
				name = filepath.Join(root, name)
			}
			if fi, err := os.Stat(name); err == nil && fi.Mode().IsRegular() && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	return found
}

// manifestProfiles is the part of the workspace's manifest that decides how
// every package is compiled.
func (ws *Workspace) manifestProfiles() []byte {
	b, err := os.ReadFile(filepath.Join(ws.Root, "Cargo.toml"))
	if err != nil {
		return nil
	}
	var manifest map[string]any
	if err := toml.Unmarshal(b, &manifest); err != nil {
		return b // cargo will complain; until then any change counts
	}
	canonical, err := json.Marshal(map[string]any{"profile": manifest["profile"], "patch": manifest["patch"]})
	if err != nil {
		return b
	}
	return canonical
}
