package layers

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
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// sizesFile keeps what each layer takes for itself alone: a line "ID BYTES" for each,
// behind a header. Layers never change, so a line is never out of date; without the
// file all are measured again.
const (
	sizesFile   = paths.StoreSizes
	sizesHeader = "cargo-cow sizes 1\n"
)

// Sizes says of layers how many bytes each would take if it shared nothing, as far as
// that is known or can be found out within patience, those first that come first.
func (s *Store) Sizes(ctx context.Context, list []Record, patience time.Duration) (map[string]int64, error) {
	path := filepath.Join(s.opts.Dir, sizesFile)
	text, _ := os.ReadFile(path)
	known := parseSizes(text)
	began, measured := time.Now(), false
	for _, r := range list {
		if _, ok := known[r.ID]; ok {
			continue
		}
		if time.Since(began) > patience {
			break
		}
		n, err := reflink.TreeBlocks(ctx, s.tree(r.ID))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil { // else it was removed meanwhile, or Check tells of it
			known[r.ID], measured = n, true
		}
	}
	if measured {
		s.keepSizes(path, known)
	}
	return known, nil
}

func parseSizes(text []byte) map[string]int64 {
	known := map[string]int64{}
	text, ok := bytes.CutPrefix(text, []byte(sizesHeader))
	if !ok {
		return known
	}
	for line := range strings.Lines(string(text)) {
		id, size, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err == nil && n >= 0 && isID(id) && strings.HasSuffix(line, "\n") {
			known[id] = n
		}
	}
	return known
}

// keepSizes is advice for the next time: of several that write at once any will do.
func (s *Store) keepSizes(path string, known map[string]int64) {
	present, err := s.ids()
	if err != nil {
		return
	}
	b := []byte(sizesHeader)
	for _, id := range present {
		if n, ok := known[id]; ok {
			b = fmt.Appendf(b, "%s %d\n", id, n)
		}
	}
	_ = atomicfile.WriteUnsynced(path, b, 0o600)
}

// Piece is data that certain layers hold, all of it each of them.
type Piece struct {
	Bytes  int64
	Layers []string
}

// Space says what layers take together, by who shares it: what one of them frees shows
// only where all are looked at. It reads the extents of every file. Small files, which
// the file system keeps among its own data, count nothing.
func (s *Store) Space(ctx context.Context, ids []string) ([]Piece, error) {
	type extent struct{ at, length uint64 }
	extents := map[extent]*bitset{}
	var pieces []Piece
	for n, id := range ids {
		var alone int64
		err := eachFile(ctx, s.tree(id), func(f *os.File) error {
			err := reflink.Extents(f, func(e reflink.Extent) error {
				if e.Inline {
					return nil
				}
				key := extent{e.Physical, e.Length}
				if extents[key] == nil {
					extents[key] = new(bitset)
				}
				extents[key].add(n)
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
		bitset(holders).each(func(n int) { p.Layers = append(p.Layers, ids[n]) })
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
