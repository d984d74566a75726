package project

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Reused counts the codegen units of the crates whose incremental state in a profile's directory was finished at start
// or later, and how many of them are older, which rustc has taken over.
func Reused(profile string, start time.Time) (old, all int, err error) {
	graphs, err := filepath.Glob(filepath.Join(profile, "incremental", "*", "s-*", "dep-graph.bin"))
	if err != nil {
		return 0, 0, err
	}
	for _, graph := range graphs {
		fi, err := os.Stat(graph)
		if err != nil {
			return 0, 0, fmt.Errorf("count codegen units: %w", err)
		}
		if fi.ModTime().Before(start) {
			continue
		}
		err = filepath.WalkDir(filepath.Dir(graph), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".o") {
				return err
			}
			fi, err := d.Info()
			if err != nil {
				return err
			}
			all++
			if fi.ModTime().Before(start) {
				old++
			}
			return nil
		})
		if err != nil {
			return 0, 0, fmt.Errorf("count codegen units: %w", err)
		}
	}
	return old, all, nil
}
