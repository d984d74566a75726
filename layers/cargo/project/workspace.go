// Package project asks cargo and rustc what a workspace is: where it is rooted and built, which packages
// it has, what its manifests request, which toolchain builds it. Answers are kept in files of the user's
// (Tool.Memo) and given again only while all that they were made from is the same.
//
// A Tool is plain data, for any number of goroutines; so is a Workspace once it is made. Processes may keep
// answers at once: each file is replaced whole.
package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Errors that callers decide on.
var (
	// ErrNoPackage says that there is no Cargo.toml in the directory or above it.
	ErrNoPackage = errors.New("not a cargo project")
	// ErrNoLockfile says that the workspace has no Cargo.lock, so its dependency set
	// has no name.
	ErrNoLockfile = errors.New("no Cargo.lock")
	// ErrOtherRoot says that a workspace is rooted elsewhere; see Tool.RootOnly.
	ErrOtherRoot = errors.New("the root of the workspace is another directory")
	// ErrNoCargo says that cargo could not be started.
	ErrNoCargo = errors.New("cargo is not installed or not on the PATH")
)

// Tool says how to run cargo for one checkout. It is plain data: whoever fills
// it reads the environment, this package does not.
type Tool struct {
	// Cargo is the program to run: $CARGO when cargo started us, else "cargo".
	Cargo string
	// Dir is the directory the command was given in.
	Dir string
	// Environ is the whole environment of the caller, as os.Environ gives it.
	Environ []string
	// Memo is a directory of the user's in which answers are kept; see Ask.
	// "" keeps none.
	Memo string
	// RootOnly has Ask fail where the workspace's root is not Dir: a manifest may name any
	// directory, and nothing is to be run there that was not looked at (Steering).
	RootOnly bool
}

// Getenv returns the value of name in t.Environ, the last one given, "" if there is none.
func (t Tool) Getenv(name string) string {
	v, _ := t.Lookup(name)
	return v
}

// Lookup returns the value of name in t.Environ, the last one given, and whether
// there is one.
func (t Tool) Lookup(name string) (string, bool) {
	for _, kv := range slices.Backward(t.Environ) {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

func (t Tool) run(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, t.Environ
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		if _, serr := os.Stat(dir); serr != nil {
			return nil, serr
		}
		return nil, fmt.Errorf("run %s: %w", program, ErrNoCargo)
	}
	if err != nil {
		return nil, &toolError{program: filepath.Base(program) + " " + args[0], stderr: stderr.String(), err: err}
	}
	return out, nil
}

type toolError struct {
	program, stderr string
	err             error
}

func (e *toolError) Unwrap() error { return e.err }

func (e *toolError) Error() string {
	text := strings.TrimSpace(e.stderr)
	if text == "" {
		text = e.err.Error()
	}
	return fmt.Sprintf("run %s: %s", e.program, strings.TrimPrefix(text, "error: "))
}

// Package is one package whose sources can change: a workspace member or any
// other path package. Registry and git packages are not listed.
type Package struct {
	Name    string
	Version string
	// Root is the absolute directory of its Cargo.toml.
	Root string
	// Metadata is a digest of everything the manifest resolves to, inherited
	// values included, with the workspace root taken out.
	Metadata string
	// Requests is a digest of the part of that which says what other packages
	// are to be built for it; see Workspace.Requested.
	Requests string
	// Variables are those that cargo makes of the manifest and compares with what a unit was
	// built with (cargo 1.95, core/manifest.rs:ManifestMetadata::env_var); nil: not known.
	Variables map[string]string
}

// Workspace is what cargo says of a checkout. All paths are absolute.
type Workspace struct {
	Root      string
	TargetDir string // cargo's artifact directory
	BuildDir  string // cargo's build directory; TargetDir unless configured
	// Outer is the build directory that BuildDir lies in, if somebody builds inside
	// of a build directory; else "".
	Outer     string
	CargoHome string
	Packages  []Package          // sorted by Root
	Lock      *lockfile.Lockfile // nil if there is no Cargo.lock
}

// metadata is the part of `cargo metadata` that is used (cargo 1.95,
// ops/cargo_output_metadata.rs:ExportInfo). build_directory is there since 1.91.
type metadata struct {
	Packages []json.RawMessage `json:"packages"`
	Root     string            `json:"workspace_root"`
	Target   string            `json:"target_directory"`
	Build    string            `json:"build_directory"`
}

// Locate asks cargo for the workspace that t.Dir belongs to. A workspace without
// Cargo.lock is located too, with a nil Lock.
func Locate(ctx context.Context, t Tool) (*Workspace, error) {
	m, err := t.metadata(ctx, "--no-deps", "--offline")
	if err != nil {
		return nil, err
	}
	ws := &Workspace{Root: m.Root, TargetDir: m.Target, BuildDir: m.Build, CargoHome: t.CargoHome()}
	if ws.BuildDir == "" {
		ws.BuildDir = ws.TargetDir
	}
	switch b, err := regular.Read(filepath.Join(ws.Root, "Cargo.lock")); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read lockfile: %w", err)
	default:
		if ws.Lock, err = lockfile.Parse(b); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(ws.Root, "Cargo.lock"), err)
		}
	}
	if err := ws.addPackages(m.Packages); err != nil {
		return nil, err
	}
	if ws.unlisted() {
		// Path packages that are no members (outside the workspace, or patched
		// in) are named by the whole graph only, which takes four times as
		// long. A stale lockfile fails here; then their units are unknown.
		if full, err := t.metadata(ctx, "--offline", "--locked"); err == nil {
			if err := ws.addPackages(full.Packages); err != nil {
				return nil, err
			}
		}
	}
	return ws, nil
}

func (t Tool) metadata(ctx context.Context, args ...string) (*metadata, error) {
	out, err := t.run(ctx, t.Dir, t.Cargo, append([]string{"metadata", "--format-version", "1"}, args...)...)
	if err != nil {
		var te *toolError
		if errors.As(err, &te) && strings.Contains(te.stderr, "could not find `Cargo.toml`") {
			err = ErrNoPackage
			if unreadable := unreadableManifest(t.Dir); unreadable != nil {
				err = unreadable
			}
		}
		return nil, fmt.Errorf("locate workspace of %s: %w", t.Dir, err)
	}
	m := new(metadata)
	if err := json.Unmarshal(out, m); err != nil {
		return nil, fmt.Errorf("read cargo metadata: %w", err)
	}
	return m, nil
}

// unreadableManifest says why cargo may find no manifest for a directory though there is
// one: it takes one that it cannot look at for absent.
func unreadableManifest(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (ws *Workspace) addPackages(raw []json.RawMessage) error {
	for _, b := range raw {
		var p struct {
			Name     string  `json:"name"`
			Version  string  `json:"version"`
			Source   *string `json:"source"`
			Manifest string  `json:"manifest_path"`
			described
		}
		if err := json.Unmarshal(b, &p); err != nil {
			return fmt.Errorf("read cargo metadata: %w", err)
		}
		root := filepath.Dir(p.Manifest)
		if p.Source != nil || slices.ContainsFunc(ws.Packages, func(q Package) bool { return q.Root == root }) {
			continue
		}
		resolved, err := ws.resolved(b)
		if err != nil {
			return fmt.Errorf("read cargo metadata: %w", err)
		}
		requests, err := requestsIn(resolved)
		if err != nil {
			return fmt.Errorf("read cargo metadata: %w", err)
		}
		ws.Packages = append(ws.Packages, Package{Name: p.Name, Version: p.Version, Root: root, Metadata: digest.Of(resolved), Requests: requests, Variables: p.variables()})
	}
	slices.SortFunc(ws.Packages, func(a, b Package) int { return strings.Compare(a.Root, b.Root) })
	return nil
}

// described is what a manifest says for people to read.
type described struct {
	Authors     []string `json:"authors"`
	Description string   `json:"description"`
	Homepage    string   `json:"homepage"`
	Repository  string   `json:"repository"`
	License     string   `json:"license"`
	LicenseFile string   `json:"license_file"`
}

// variables are what cargo makes of it; what the manifest does not say is "".
func (d *described) variables() map[string]string {
	return map[string]string{
		"CARGO_PKG_AUTHORS": strings.Join(d.Authors, ":"), "CARGO_PKG_DESCRIPTION": d.Description, "CARGO_PKG_HOMEPAGE": d.Homepage,
		"CARGO_PKG_REPOSITORY": d.Repository, "CARGO_PKG_LICENSE": d.License, "CARGO_PKG_LICENSE_FILE": d.LicenseFile,
	}
}

// resolved is what cargo metadata says of a package, without what depends on where the
// package lies. The id does: it leaves the name out if that is the name of the
// directory.
func (ws *Workspace) resolved(raw json.RawMessage) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	delete(fields, "id")
	b, err := json.Marshal(fields)
	return bytes.ReplaceAll(b, []byte(ws.Root), nil), err
}

// unlisted reports whether the lockfile has path packages that are not known.
func (ws *Workspace) unlisted() bool {
	if ws.Lock == nil {
		return false
	}
	for _, l := range ws.Lock.Local() {
		if !slices.ContainsFunc(ws.Packages, func(p Package) bool { return p.Name == l.Name && p.Version == l.Version }) {
			return true
		}
	}
	return false
}

// PackageOf returns the package whose directory holds path, the innermost one.
func (ws *Workspace) PackageOf(path string) *Package {
	var best *Package
	for i := range ws.Packages {
		p := &ws.Packages[i]
		if _, ok := paths.Under(path, p.Root); ok && (best == nil || len(p.Root) > len(best.Root)) {
			best = p
		}
	}
	return best
}

// Immutable reports whether path lies where Cargo takes files to be immutable
// (cargo 1.95, fingerprint/mod.rs:find_stale_file).
func (ws *Workspace) Immutable(path string) bool {
	_, registry := paths.Under(path, ws.CargoHome+"/registry")
	_, git := paths.Under(path, ws.CargoHome+"/git")
	return registry || git
}

// CargoHome returns the absolute directory that cargo keeps its registry in.
func (t Tool) CargoHome() string {
	home := t.Getenv("CARGO_HOME")
	if home == "" {
		home = filepath.Join(t.Getenv("HOME"), ".cargo")
	}
	if !filepath.IsAbs(home) {
		home = filepath.Join(t.Dir, home)
	}
	return home
}

// requestsIn digests what a package's resolved manifest says of its dependencies.
func requestsIn(resolved []byte) (string, error) {
	var r struct {
		Name         string          `json:"name"`
		Edition      string          `json:"edition"` // decides the resolver
		Dependencies json.RawMessage `json:"dependencies"`
		Features     json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(resolved, &r); err != nil {
		return "", err
	}
	b, err := json.Marshal(r)
	return digest.Of(b), err
}
