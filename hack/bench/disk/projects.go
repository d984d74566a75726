package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// Each project is a program of one package, of main.rs and common.toml as all, and what it has alone. The lockfiles are
// fixed: made on one day, so that what two projects have in common they have in one version. `disk -write DIR` writes the
// projects, and `cargo generate-lockfile` in each makes its anew.
//
//go:embed all:projects
var files embed.FS

// A sample is a project by its name, and what its program prints.
type sample struct{ name, says string }

var samples = []sample{
	{"archive", "archive to you: 2 entries, 982d\n"},
	{"feed", "feed to you: 3 1970-01-01 <p><em>text</em></p>\n"},
	{"graph", "graph to you: 2 8 1 6 1180591620717411303424\n"},
	{"picture", "picture to you: 8x6 iVBORw0K\n"},
	{"settings", "settings to you: 1 of 2, 2\n"},
}

// write makes dir a git repository with the project.
func (s sample) write(ctx context.Context, dir string) error {
	common, err := files.ReadFile("projects/common.toml")
	if err != nil {
		return err
	}
	more, err := files.ReadFile(path.Join("projects", s.name, "more.toml"))
	if err != nil {
		return err
	}
	texts := map[string][]byte{
		".gitignore": []byte("/target\n"),
		"Cargo.toml": fmt.Appendf(nil, "[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n\n%s\n%s", s.name, common, more),
	}
	for name, from := range map[string]string{"src/main.rs": "main.rs", "src/work.rs": s.name + "/work.rs", "Cargo.lock": s.name + "/Cargo.lock"} {
		texts[name], err = files.ReadFile(path.Join("projects", from))
		if name == "Cargo.lock" && errors.Is(err, fs.ErrNotExist) {
			delete(texts, name) // it is about to be made
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o755); err != nil {
		return err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return project.Commit(ctx, dir, "Write "+s.name)
}

// share says which part of the units of each target all of them have. Units are told by the names cargo gives them, which
// have a hash of all that decides how they are compiled; packages by these names without it.
func share(targets []string) (units, packages []float64, err error) {
	each := make([]map[string]bool, len(targets))
	names := make([]map[string]bool, len(targets))
	for i, t := range targets {
		entries, err := os.ReadDir(filepath.Join(t, "debug", ".fingerprint"))
		if err != nil {
			return nil, nil, err
		}
		each[i], names[i] = map[string]bool{}, map[string]bool{}
		for _, e := range entries {
			each[i][e.Name()] = true
			if cut := strings.LastIndexByte(e.Name(), '-'); cut > 0 {
				names[i][e.Name()[:cut]] = true
			}
		}
	}
	return common(each), common(names), nil
}

// common is the part of each set that all sets have.
func common(sets []map[string]bool) (parts []float64) {
	count := map[string]int{}
	for _, set := range sets {
		for name := range set {
			count[name]++
		}
	}
	for _, set := range sets {
		all := 0
		for name := range set {
			if count[name] == len(sets) {
				all++
			}
		}
		parts = append(parts, float64(all)/float64(max(len(set), 1)))
	}
	return parts
}
