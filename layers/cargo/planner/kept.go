package planner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// keptPlans bounds how many plans are kept, at some 66 bytes for each unit (9 kB for
// the 132 of hyperfine 1.20): two or four for each lockfile, and the branches one
// works on in a month or so.
const keptPlans = 64

const planHeader = "cargo-cow plan 1\n"

// planPaths names the files in which the plans of builds are kept, each by all that
// decides the plan: the dependency-set fingerprint, what is requested of its packages,
// the path packages by name, directory and manifest, and the arguments that cargo would
// get. Sources do not decide it. The names are "" where plans are not kept.
func (p *Planner) planPaths(builds []Build) []string {
	files := make([]string, len(builds))
	if p.Kept == "" || p.Fingerprint == nil {
		return files
	}
	lines := []string{planHeader, p.Fingerprint.ID, p.Workspace.Requested()}
	for _, pkg := range p.Workspace.Packages {
		root := pkg.Root
		if rel, ok := paths.Under(root, p.Workspace.Root); ok {
			root = "./" + rel
		}
		lines = append(lines, fmt.Sprintf("%q %q %q %q", pkg.Name, pkg.Version, root, pkg.Metadata))
	}
	checkout := strings.Join(lines, "\n")
	for i, b := range builds {
		files[i] = filepath.Join(p.Kept, digest.Of(fmt.Appendf(nil, "%s\n%q", checkout, b.args())))
	}
	return files
}

// loadKept reads a kept plan, nil if there is none, and marks it as used.
func loadKept(path string) []string {
	b, err := regular.Read(path)
	if err != nil {
		return nil
	}
	keys := readKept(string(b))
	if len(keys) > 0 {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // those not used for longest go first
	}
	return keys
}

// readKept returns the keys in the text of a kept plan; nil if it is incomplete.
func readKept(text string) []string {
	text, ok := strings.CutPrefix(text, planHeader)
	text, end := strings.CutSuffix(text, ".\n")
	if !ok || !end {
		return nil
	}
	keys := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if slices.ContainsFunc(keys, func(k string) bool { return !paths.IsLocal(k) }) {
		return nil
	}
	return keys
}

// keepPlan keeps a plan. If it cannot be kept, cargo is asked again next time.
func keepPlan(path string, keys []string) {
	dir := filepath.Dir(path)
	if slices.ContainsFunc(keys, func(k string) bool { return strings.Contains(k, "\n") }) || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	text := planHeader + strings.Join(keys, "\n") + "\n.\n"
	if atomicfile.WriteUnsynced(path, []byte(text), 0o600) != nil {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= keptPlans {
		return
	}
	age := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			age[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return age[a.Name()].Compare(age[b.Name()]) })
	for _, e := range entries[:len(entries)-keptPlans] {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
}
