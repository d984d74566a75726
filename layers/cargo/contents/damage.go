package contents

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
)

// Damage is something in a sealed layer that is not as it was sealed.
type Damage struct {
	Path    string // relative to the layer
	Problem string
}

// Damaged reads all of tree, a sealed layer with the manifest m: each file to its end, which
// is where a file system with checksums (Btrfs) finds out what the disk has lost. Units that
// the manifest names are there, and what a compiler wrote of any unit is not empty, which is
// what a power cut leaves of a file that was never written. A layer has no digests of its
// files, since to make them would take as long as to read them: what a file system without
// checksums silently gives another content is not found.
func Damaged(ctx context.Context, tree string, m *manifest.Manifest) ([]Damage, error) {
	bd, err := builddir.Scan(tree, m.Fingerprint.Get(depset.IngredientCargoHome), nil)
	if err != nil {
		return nil, fmt.Errorf("read layer: %w", err)
	}
	var found []Damage
	there, unserved := map[string]bool{}, map[string]bool{}
	for i := range m.Units {
		// What a killed compiler has left was sealed as it was, and is rebuilt everywhere.
		unserved[m.Units[i].Key()] = m.Units[i].Always != nil
	}
	for _, u := range bd.Units {
		there[u.Key] = true
		if unserved[u.Key] {
			continue
		}
		for _, o := range u.Outputs {
			if info, err := os.Lstat(filepath.Join(tree, o.Path)); err == nil && info.Size() == 0 && builddir.Compiled(u, o.Path) {
				found = append(found, Damage{o.Path, "it is empty, and a compiler wrote it"})
			}
		}
	}
	for i := range m.Units {
		if u := &m.Units[i]; !there[u.Key()] {
			found = append(found, Damage{u.Key(), "a unit that was sealed is not there"})
		}
	}
	unreadable, err := readAll(ctx, tree)
	return append(found, unreadable...), err
}

// readAll reads every file below tree.
func readAll(ctx context.Context, tree string) ([]Damage, error) {
	var files []string
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read layer: %w", err)
	}
	var mu sync.Mutex
	var found []Damage
	parallel.Do(len(files), func(i int) {
		if ctx.Err() != nil {
			return
		}
		if err := readFile(files[i]); err != nil {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, Damage{strings.TrimPrefix(files[i], tree+"/"), "it cannot be read: " + err.Error()})
		}
	})
	slices.SortFunc(found, func(a, b Damage) int { return strings.Compare(a.Path, b.Path) })
	return found, ctx.Err()
}

func readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}
