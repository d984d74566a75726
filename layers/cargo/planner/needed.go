package planner

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Needed returns the keys (manifest.Entry.Key) of the units that the builds need. If
// cargo cannot plan a build, because a profile is unknown or a crate was not
// downloaded, the error wraps ErrPlanning and holds cargo's own words; the keys of the
// other builds are returned with it.
func (p *Planner) Needed(ctx context.Context, builds ...Build) (map[string]bool, error) {
	needed := map[string]bool{}
	need := func(keys []string) {
		for _, k := range keys {
			needed[k] = true
		}
	}
	var unknown []Build
	var paths []string
	for i, path := range p.planPaths(builds) {
		keys := loadKept(path)
		if need(keys); keys == nil {
			unknown, paths = append(unknown, builds[i]), append(paths, path)
		}
	}
	if len(unknown) == 0 {
		return needed, nil
	}
	found, err := p.ask(ctx, unknown)
	for i, keys := range found {
		need(keys)
		if paths[i] != "" && len(keys) > 0 {
			keepPlan(paths[i], keys)
		}
	}
	return needed, err
}

// ask asks cargo for the units of each build.
func (p *Planner) ask(ctx context.Context, builds []Build) ([][]string, error) {
	dir, err := os.MkdirTemp(p.Temp, "cargo-cow-planning-")
	if err != nil {
		return nil, fmt.Errorf("plan build: %w", err)
	}
	defer os.RemoveAll(dir)
	var (
		failed = make([]error, len(builds))
		found  = make([][]string, len(builds))
		wg     sync.WaitGroup
		// Cargo and its questions keep the processors busy.
		turns = make(chan struct{}, 2)
	)
	for i, b := range builds {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			found[i], failed[i] = p.plan(ctx, filepath.Join(dir, fmt.Sprint(i)), b)
		})
	}
	wg.Wait()
	return found, errors.Join(failed...)
}

func (p *Planner) plan(ctx context.Context, scratch string, b Build) ([]string, error) {
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return nil, fmt.Errorf("plan build: %w", err)
	}
	notes := filepath.Join(scratch, compilerNotes)
	known, err := regular.Read(p.Notes)
	if err == nil {
		_ = os.WriteFile(notes, known, 0o600)
	}
	cmd := exec.CommandContext(ctx, p.Tool.Cargo, b.args()...)
	cmd.Dir = p.Workspace.Root
	cmd.Env = append(slices.Clone(p.Tool.Environ), "PWD="+cmd.Dir, PlanningVariable+"=1", "RUSTC_WRAPPER="+p.Wrapper,
		"CARGO_TARGET_DIR="+scratch, "CARGO_BUILD_BUILD_DIR="+scratch, "CARGO_TERM_COLOR=never", "CARGO_BUILD_JOBS=1",
		// Cargo logs for each unit that it was never built. With a backtrace that would
		// take a third of the run.
		"RUST_BACKTRACE=0", "RUST_LIB_BACKTRACE=0",
		// The name changed in 1.99.
		"CARGO_LOG=cargo::core::compiler::fingerprint=debug,cargo::compiler::fingerprint=debug")
	var log bytes.Buffer
	cmd.Stderr = &log
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("plan build: %w", ctx.Err())
	}
	keys, said := readPlan(&log, scratch)
	if len(keys) > 0 { // it failed, as it was made to
		p.keep(notes, known)
		return keys, nil
	}
	if err == nil {
		said = "it had nothing to build"
	}
	return nil, fmt.Errorf("plan `cargo %s`: %w: %s", strings.Join(b.args(), " "), ErrPlanning, said)
}

// keep keeps cargo's notes for the next run. Of several runs at once, the notes of any
// will do.
func (p *Planner) keep(notes string, known []byte) {
	b, err := regular.Read(notes)
	if err != nil || p.Notes == "" || bytes.Equal(b, known) {
		return
	}
	_ = atomicfile.WriteUnsynced(p.Notes, b, 0o600)
}

// readPlan returns the keys of the units that the log names, whose files lie in scratch,
// and the first error that cargo printed.
func readPlan(log io.Reader, scratch string) (keys []string, said string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if text, ok := strings.CutPrefix(line, "error: "); ok && said == "" {
			said = text
		}
		_, path, ok := strings.Cut(line, logMark)
		if !ok {
			continue
		}
		if key, ok := paths.Under(strings.TrimSpace(path), scratch); ok && paths.IsLocal(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), said
}

// RefuseCompile reports whether the compiler of a planning run must fail on a command
// line: it does unless that only asks rustc something. args begin with the compiler.
func RefuseCompile(args []string) (refuse bool) {
	for _, a := range args {
		if a == "-vV" || a == "-V" || a == "--version" || a == "--print" || strings.HasPrefix(a, "--print=") {
			return false
		}
	}
	return true
}
