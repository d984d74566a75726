package project

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Answers is all that cargo and rustc are asked about a checkout.
type Answers struct {
	Workspace *Workspace
	Toolchain *Toolchain
	Config    *config.Config
}

// Ask asks cargo and rustc about the checkout that t.Dir belongs to. That costs some
// 60 ms of process time, which is most of a restore; so the answers are kept in t.Memo,
// with digests of everything that decides them, and asked for again only when one of
// those has changed.
//
// Answers are kept only for a workspace whose root is t.Dir, has no manifest
// above it and no packages outside: everything else is asked every time.
func (t Tool) Ask(ctx context.Context) (*Answers, error) {
	cfg, err := config.Load(t.Dir, t.CargoHome(), t.Environ)
	if err != nil {
		return nil, err
	}
	key := t.memoKey(cfg)
	if a := t.readMemo(key); a != nil {
		a.Config = cfg
		return a, nil
	}
	a, err := t.askAll(ctx, cfg, t.knownToolchain(key))
	if err != nil {
		return nil, err
	}
	t.writeMemo(key, a)
	return a, nil
}

// askAll runs the programs side by side. known is what would build in t.Dir, nil where that is not known.
func (t Tool) askAll(ctx context.Context, cfg *config.Config, known *Toolchain) (*Answers, error) {
	var (
		a                 = &Answers{Config: cfg, Toolchain: known}
		located, answered error
		wg                sync.WaitGroup
	)
	wg.Go(func() { a.Workspace, located = Locate(ctx, t) })
	if known == nil {
		wg.Go(func() { a.Toolchain, answered = t.Toolchain(ctx, t.Dir, cfg) })
	}
	wg.Wait()
	if located != nil {
		return nil, located
	}
	if answered != nil {
		return nil, answered
	}
	root := a.Workspace.Root
	if root == t.Dir {
		return a, nil
	}
	if t.RootOnly {
		return nil, fmt.Errorf("ask cargo in %s: %w: %s", t.Dir, ErrOtherRoot, root)
	}
	// Configuration and toolchain can differ from one directory to another.
	var err error
	if a.Config, err = config.Load(root, a.Workspace.CargoHome, t.Environ); err != nil {
		return nil, err
	}
	a.Toolchain, err = t.Toolchain(ctx, root, a.Config)
	return a, err
}

// memo is one kept answer. Paths are relative to the workspace root.
type memo struct {
	Rustc    string        `json:"rustc"`
	Cargo    string        `json:"cargo"`
	Target   paths.Path    `json:"target"`
	Build    paths.Path    `json:"build"`
	Packages []memoPackage `json:"packages"`
	// Inputs is a digest of what cargo looked at: manifests, by name, and the
	// listings in which it finds targets and members; see memoInputs.
	Inputs string `json:"seen"`
}

// passed are what lies in the root of one checkout and not of another though cargo would
// describe both alike: its build directories, which a new worktree lacks, and .git, which
// is a file there.
func (m *memo) passed() []string { return []string{".git", string(m.Target), string(m.Build)} }

type memoPackage struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Root      paths.Path        `json:"root"`
	Metadata  string            `json:"metadata"`
	Requests  string            `json:"requests"`
	Variables map[string]string `json:"variables"`
}

// buildDirVariables tell cargo where to build (cargo 1.95, util/context/mod.rs: target_dir, build_dir).
var buildDirVariables = []string{"CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"}

// memoKey is a digest of all that decides the answers but the sources: the
// programs, the environment, the configuration. It is "" where answers are not
// kept.
func (t Tool) memoKey(cfg *config.Config) string {
	if t.Memo == "" || strings.Contains(cfg.BuildDir, "{workspace-path-hash}") || underManifest(filepath.Dir(t.Dir)) {
		return ""
	}
	var b strings.Builder
	add := func(name, value string) { fmt.Fprintf(&b, "%q %q\n", name, value) }
	for _, kv := range slices.Sorted(slices.Values(t.Environ)) {
		name, value, _ := strings.Cut(kv, "=")
		if name == "PATH" || name == "HOME" || strings.HasPrefix(name, "RUST") || strings.HasPrefix(name, "CARGO") && !strings.HasPrefix(name, "CARGO_COW") {
			// One inside the checkout is memo.Target, or memo.Build: where another one's is, is no answer there.
			if rel, ok := paths.Under(value, t.Dir); ok && slices.Contains(buildDirVariables, name) {
				value = rel
			}
			add(name, value)
		}
	}
	rustc := t.RustcPath(cfg)
	add("form", "3") // of the memo
	add("cargo", FileIdentity(t.LookPath(t.Dir, t.Cargo)))
	add("rustc", FileIdentity(t.LookPath(t.Dir, rustc)))
	t.addRustup(add)
	for _, f := range cfg.Files {
		text, err := regular.Read(f)
		if err != nil {
			return ""
		}
		if rel, ok := paths.Under(f, t.Dir); ok {
			f = rel
		}
		add(f, string(text))
	}
	return digest.OfText(b.String())
}

// addRustup adds what rustup's programs choose a toolchain by (rustup 1.28,
// config.rs:find_override_config): its settings, with overrides by directory,
// toolchain files in the directory or above, and what is installed.
func (t Tool) addRustup(add func(name, value string)) {
	home := t.Getenv("RUSTUP_HOME")
	if home == "" {
		home = filepath.Join(t.Getenv("HOME"), ".rustup")
	}
	settings, _ := regular.Read(filepath.Join(home, "settings.toml"))
	add("rustup", string(settings))
	for dir := t.Dir; ; dir = filepath.Dir(dir) {
		for _, name := range []string{"rust-toolchain", "rust-toolchain.toml"} {
			if text, err := regular.Read(filepath.Join(dir, name)); err == nil {
				add(name, string(text))
			}
		}
		if strings.Contains(string(settings), dir) && dir != "/" {
			add("override", dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	programs, _ := filepath.Glob(filepath.Join(escapeGlob(home), "toolchains", "*", "bin", "*"))
	for _, p := range programs {
		if base := filepath.Base(p); base == "rustc" || base == "cargo" {
			add("installed", p+" "+FileIdentity(p))
		}
	}
}

// underManifest reports whether dir or a directory above it has a manifest: then
// the workspace's root may be there.
func underManifest(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, "Cargo.toml")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// memoInputs digests what cargo reads and lists below root to describe packages in
// roots (cargo 1.95, workspace/members.rs and util/toml/targets.rs). Any doubt
// makes a digest that nothing equals. Names in the root that are in passed do not
// count: cargo has no use for them, and they tell the origin from a new worktree.
func memoInputs(root string, roots []string, passed ...string) string {
	var b strings.Builder
	for _, rel := range roots {
		dir := filepath.Join(root, rel)
		text, err := regular.Read(filepath.Join(dir, "Cargo.toml"))
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, "%q %s\n", rel, digest.Of(text))
		for _, sub := range []string{"", "src", "src/bin", "tests", "examples", "benches"} {
			entries, err := os.ReadDir(filepath.Join(dir, sub))
			if err != nil {
				continue
			}
			for _, e := range entries {
				if rel == "" && sub == "" && (strings.Contains(e.Name(), paths.BesideMark) || slices.Contains(passed, e.Name())) {
					continue
				}
				program := false
				if !e.Type().IsRegular() { // a directory, or a link to one
					_, err := os.Stat(filepath.Join(dir, sub, e.Name(), "main.rs"))
					program = err == nil
				}
				fmt.Fprintf(&b, "%q %v %v\n", sub+"/"+e.Name(), e.Type(), program)
			}
		}
	}
	// The root manifest need not be a package's; what members inherit is there.
	var manifest struct {
		Workspace struct {
			Members []string `toml:"members"`
		} `toml:"workspace"`
	}
	text, err := regular.Read(filepath.Join(root, "Cargo.toml"))
	if err != nil || toml.Unmarshal(text, &manifest) != nil {
		return ""
	}
	fmt.Fprintf(&b, "root %s\n", digest.Of(text))
	for _, glob := range manifest.Workspace.Members {
		members, err := filepath.Glob(filepath.Join(escapeGlob(root), glob, "Cargo.toml"))
		if err != nil {
			return ""
		}
		for _, m := range members {
			rel, _ := paths.Under(m, root)
			fmt.Fprintf(&b, "member %q\n", rel)
		}
	}
	return digest.OfText(b.String())
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func (t Tool) memoPath(key string) string { return filepath.Join(t.Memo, key+".json") }

// memos are the answers that are kept under a key.
func (t Tool) memos(key string) (all []memo) {
	if key == "" {
		return nil
	}
	text, err := regular.Read(t.memoPath(key))
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil
	}
	return all
}

// knownToolchain is what any checkout was told that has the same key: all that decides which programs are
// run, and what they are, is in that, and no sources are.
func (t Tool) knownToolchain(key string) *Toolchain {
	if all := t.memos(key); len(all) > 0 && all[0].Rustc != "" && all[0].Cargo != "" {
		return &Toolchain{all[0].Rustc, all[0].Cargo}
	}
	return nil
}

// readMemo returns the kept answer if everything that decides it is as it was, else nil.
func (t Tool) readMemo(key string) *Answers {
	inputs := map[string]string{} // of this checkout, by what they are the inputs of
	for _, m := range t.memos(key) {
		var roots []string
		ws := &Workspace{Root: t.Dir, TargetDir: t.Dir + "/" + string(m.Target), BuildDir: t.Dir + "/" + string(m.Build), CargoHome: t.CargoHome()}
		for _, p := range m.Packages {
			roots = append(roots, string(p.Root))
			ws.Packages = append(ws.Packages, Package{p.Name, p.Version, filepath.Join(t.Dir, string(p.Root)), p.Metadata, p.Requests, p.Variables})
		}
		of := strings.Join(append(m.passed(), roots...), "\x00")
		if _, known := inputs[of]; !known {
			inputs[of] = memoInputs(t.Dir, roots, m.passed()...)
		}
		if m.Inputs == "" || inputs[of] != m.Inputs {
			continue
		}
		lock, err := regular.Read(filepath.Join(t.Dir, "Cargo.lock"))
		if err != nil {
			return nil
		}
		if ws.Lock, err = lockfile.Parse(lock); err != nil || ws.unlisted() {
			return nil
		}
		return &Answers{Workspace: ws, Toolchain: &Toolchain{m.Rustc, m.Cargo}}
	}
	return nil
}

const (
	// keptAnswers bounds how many answers are kept for one environment: enough for the
	// worktrees one has at a time, each of which may have another list of sources.
	keptAnswers = 64
	// keptBytes bounds what they take together, since all are read each time (4 ms).
	keptBytes = 256 << 10
)

// writeMemo keeps an answer. If it cannot be kept, it is asked for again next time.
func (t Tool) writeMemo(key string, a *Answers) {
	ws := a.Workspace
	target, ok := paths.Under(ws.TargetDir, ws.Root)
	build, ok2 := paths.Under(ws.BuildDir, ws.Root)
	if key == "" || ws.Root != t.Dir || !ok || !ok2 || ws.Lock == nil || ws.unlisted() {
		return
	}
	m := memo{Rustc: a.Toolchain.Rustc, Cargo: a.Toolchain.Cargo, Target: paths.Path(target), Build: paths.Path(build)}
	var roots []string
	for _, p := range ws.Packages {
		rel, ok := paths.Under(p.Root, ws.Root)
		if !ok {
			return
		}
		roots = append(roots, rel)
		m.Packages = append(m.Packages, memoPackage{p.Name, p.Version, paths.Path(rel), p.Metadata, p.Requests, p.Variables})
	}
	if m.Inputs = memoInputs(ws.Root, roots, m.passed()...); m.Inputs == "" {
		return
	}
	all := append([]memo{m}, slices.DeleteFunc(t.memos(key), func(o memo) bool { return o.Inputs == m.Inputs })...)
	text, err := json.Marshal(all[:min(len(all), keptAnswers)])
	for err == nil && len(text) > keptBytes && len(all) > 1 {
		all = all[:len(all)/2]
		text, err = json.Marshal(all)
	}
	if err != nil || os.MkdirAll(t.Memo, 0o700) != nil {
		return
	}
	_ = atomicfile.WriteUnsynced(t.memoPath(key), text, 0o600)
}
