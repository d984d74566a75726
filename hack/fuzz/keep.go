package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// largestKept is the size in bytes of the largest input that is kept: larger ones reach what smaller ones reach, and a
// repository has them for ever.
const largestKept = 2 << 10

// keepAll copies the smallest inputs of go's cache to the kept corpora. Each was new to what it reached when it was
// found, and the small ones were found first or made small.
func keepAll(found []fuzzer, most int) error {
	for _, f := range found {
		cache, err := goCache(f.pkg)
		if err != nil {
			return err
		}
		inputs, err := smallest(filepath.Join(cache, f.name), most)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		for _, name := range inputs {
			text, err := os.ReadFile(filepath.Join(cache, f.name, name))
			if err == nil {
				err = os.MkdirAll(f.corpus(), 0o777)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(f.corpus(), name), text, 0o666)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
		}
		fmt.Printf("%3d  %s\n", len(inputs), f)
	}
	return nil
}

// smallest returns the names of the smallest files in a directory.
func smallest(dir string, most int) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	var names []string
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() <= largestKept {
			sizes[e.Name()] = info.Size()
			names = append(names, e.Name())
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(sizes[a], sizes[b]) })
	// Not the very smallest alone, which all say "this is nothing": every so many of all.
	if len(names) > most {
		step := float64(len(names)) / float64(most)
		var some []string
		for i := range most {
			some = append(some, names[int(float64(i)*step)])
		}
		names = some
	}
	return names, nil
}
