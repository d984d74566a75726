// Package space says what layers take on the disk: what each would take alone, which is
// kept in a file, and what several of them take together, by who shares it.
//
// Layers never change, so what was measured once is never out of date. Any number of
// processes may measure at once; of several that write the file any will do.
package space

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/bitset"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// The file of sizes has a line "ID BYTES" for each layer, behind a header. Without the
// file all are measured again.
const header = "cargo-cow sizes 1\n"

// Sizes says how many bytes each layer would take if it shared nothing, as far as that is
// known from the file path or can be measured within patience, in the order of layers.
// tree tells where a layer lies, and present which layers are to stay in the file.
func Sizes(ctx context.Context, path string, layers []string, tree func(id string) string, present func() ([]string, error), patience time.Duration) (map[string]int64, error) {
	text, _ := regular.Read(path)
	known := parse(text)
	began, measured := time.Now(), false
	for _, id := range layers {
		if _, ok := known[id]; ok {
			continue
		}
		if time.Since(began) > patience {
			break
		}
		n, err := reflink.TreeBlocks(ctx, tree(id))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil { // else it was removed meanwhile, or Check tells of it
			known[id], measured = n, true
		}
	}
	if !measured {
		return known, nil
	}
	if lines, err := present(); err == nil {
		// It is advice for the next time.
		_ = atomicfile.WriteUnsynced(path, encode(lines, known), 0o600)
	}
	return known, nil
}

func parse(text []byte) map[string]int64 {
	known := map[string]int64{}
	text, ok := bytes.CutPrefix(text, []byte(header))
	if !ok {
		return known
	}
	for line := range strings.Lines(string(text)) {
		id, size, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err == nil && n >= 0 && digest.Is(id) && strings.HasSuffix(line, "\n") {
			known[id] = n
		}
	}
	return known
}

func encode(layers []string, known map[string]int64) []byte {
	b := []byte(header)
	for _, id := range layers {
		if n, ok := known[id]; ok {
			b = fmt.Appendf(b, "%s %d\n", id, n)
		}
	}
	return b
}

// Piece is data that layers share: each of Layers holds all of it, and no other layer any.
type Piece struct {
	Bytes  int64
	Layers []string
}

// Together says what layers take together, by who shares it. What removing one frees shows
// only where all layers are looked at, since others may share its data. It reads the
// extents of every file. Small files, which the file system keeps among its own data,
// count nothing.
func Together(ctx context.Context, ids []string, tree func(id string) string) ([]Piece, error) {
	type extent struct{ at, length uint64 }
	extents := map[extent]*bitset.Set{}
	var pieces []Piece
	for n, id := range ids {
		var alone int64
		err := eachFile(ctx, tree(id), func(f *os.File) error {
			err := reflink.Extents(f, func(e reflink.Extent) error {
				if e.Inline {
					return nil
				}
				key := extent{e.Physical, e.Length}
				if extents[key] == nil {
					extents[key] = new(bitset.Set)
				}
				extents[key].Add(n)
				return nil
			})
			if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY) {
				// A file system that does not tell shares nothing.
				var st unix.Stat_t
				if err = unix.Fstat(int(f.Fd()), &st); err == nil {
					alone += st.Blocks * 512
				}
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("measure layer %s: %w", id, err)
		}
		if alone > 0 {
			pieces = append(pieces, Piece{alone, []string{id}})
		}
	}
	byHolders := map[string]int64{}
	for e, holders := range extents {
		byHolders[string(*holders)] += int64(e.length)
	}
	for holders, size := range byHolders {
		p := Piece{Bytes: size}
		bitset.Set(holders).Each(func(n int) { p.Layers = append(p.Layers, ids[n]) })
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// eachFile opens every file of a tree.
func eachFile(ctx context.Context, dir string, visit func(*os.File) error) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, unix.ENAMETOOLONG) && path != dir {
			return nil // the kernel takes no path to it
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return visit(f)
	})
}
