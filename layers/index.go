package layers

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// indexFile lists the units of all layers: for whoever looks for a unit, where it
// may be. It is made from the layers and made again when they are others; what
// it says is not trusted without a look at the layer.
//
// The first line names the form; then comes a line for each layer, its id; then,
// sorted, one for each unit: its key, what building it cost in ms, flags, and in
// which layers it is, as bits. Fields are separated by tabs. A thousand layers of
// one project hold the same few thousand units, so the file stays small.
const (
	indexFile   = paths.StoreIndex
	indexHeader = "cargo-cow index 1\n"
)

// An index is the units of all layers.
type index struct {
	layers []string // sorted
	units  map[string]*holding
}

// holding is a unit and the layers that hold it.
type holding struct {
	cost int64 // ms
	// portable: it can be grafted, from one layer at least.
	portable bool
	check    bool // cargo check made it
	layers   bitset
}

// bitset is a set of layers by their number in the index.
type bitset []byte

func (b bitset) has(n int) bool { return n/8 < len(b) && b[n/8]&(1<<(n%8)) != 0 }

func (b *bitset) add(n int) {
	for n/8 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n/8] |= 1 << (n % 8)
}

// each calls f with every number in the set.
func (b bitset) each(f func(n int)) {
	for i, set := range b {
		for ; set != 0; set &= set - 1 {
			f(8*i + bits.TrailingZeros8(set))
		}
	}
}

// index returns the index of the layers that are there now.
func (s *Store) index(ctx context.Context) (*index, error) {
	present, err := s.ids()
	if err != nil {
		return nil, fmt.Errorf("index units: %w", err)
	}
	x := readIndex(filepath.Join(s.opts.Dir, indexFile))
	if slices.Equal(x.layers, present) {
		return x, nil
	}
	known := x.layers
	x.renumber(present)
	for n, id := range present {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, ok := slices.BinarySearch(known, id); ok {
			continue
		}
		// One that cannot be read has nothing to give; Check tells of it.
		if m, err := s.manifest(id); err == nil {
			x.add(n, cargo.Entries(m, readRecall(s.tree(id))))
		}
	}
	// Without it the next one takes longer.
	_ = atomicfile.WriteUnsynced(filepath.Join(s.opts.Dir, indexFile), x.encode(), 0o600)
	return x, nil
}

// ids lists the layers, sorted.
func (s *Store) ids() ([]string, error) {
	all, err := names(filepath.Join(s.opts.Dir, layersDir))
	all = s.kept(slices.DeleteFunc(all, func(n string) bool { return !isID(n) }))
	slices.Sort(all)
	return all, err
}

// add makes the n-th layer hold entries.
func (x *index) add(n int, entries []cargo.Entry) {
	for _, e := range entries {
		h := x.units[e.Key]
		if h == nil {
			h = &holding{}
			x.units[e.Key] = h
		}
		h.cost = max(h.cost, e.Cost)
		h.portable = h.portable || e.Portable
		h.check = h.check || e.Check
		h.layers.add(n)
	}
}

// renumber makes the index one of the layers in to, a sorted list, and forgets
// those that are not in it.
func (x *index) renumber(to []string) {
	number := make([]int, len(x.layers))
	for i, id := range x.layers {
		n, ok := slices.BinarySearch(to, id)
		if number[i] = n; !ok {
			number[i] = -1
		}
	}
	for key, h := range x.units {
		var layers bitset
		h.layers.each(func(n int) {
			if n < len(number) && number[n] >= 0 {
				layers.add(number[n])
			}
		})
		if h.layers = layers; len(layers) == 0 {
			delete(x.units, key)
		}
	}
	x.layers = to
}

func (x *index) encode() []byte {
	b := []byte(indexHeader)
	for _, id := range x.layers {
		b = append(append(b, id...), '\n')
	}
	keys := make([]string, 0, len(x.units))
	for k := range x.units {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		h := x.units[k]
		b = strconv.AppendQuote(b, k)
		b = append(strconv.AppendInt(append(b, '\t'), h.cost, 10), '\t')
		if h.portable {
			b = append(b, 'p')
		}
		if h.check {
			b = append(b, 'c')
		}
		b = append(base64.RawStdEncoding.AppendEncode(append(b, '\t'), h.layers), '\n')
	}
	return b
}

// readIndex returns an empty index for one it cannot read.
func readIndex(path string) *index {
	b, err := os.ReadFile(path)
	if err == nil {
		if x := decodeIndex(b); x != nil {
			return x
		}
	}
	return &index{units: map[string]*holding{}}
}

func decodeIndex(b []byte) *index {
	b, ok := bytes.CutPrefix(b, []byte(indexHeader))
	if !ok || len(b) > 0 && b[len(b)-1] != '\n' {
		return nil
	}
	text := string(b)
	x := &index{units: make(map[string]*holding, strings.Count(text, "\n"))}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if isID(line) && len(x.units) == 0 {
			x.layers = append(x.layers, line)
			continue
		}
		quoted, rest, _ := strings.Cut(line, "\t")
		cost, rest, _ := strings.Cut(rest, "\t")
		flags, layers, ok := strings.Cut(rest, "\t")
		key, err1 := strconv.Unquote(quoted)
		ms, err2 := strconv.ParseInt(cost, 10, 64)
		bits, err3 := base64.RawStdEncoding.DecodeString(layers)
		if !ok || err1 != nil || err2 != nil || err3 != nil || ms < 0 {
			return nil
		}
		h := &holding{ms, strings.Contains(flags, "p"), strings.Contains(flags, "c"), bits}
		h.layers.each(func(n int) { ok = ok && n < len(x.layers) })
		if !ok {
			return nil
		}
		x.units[key] = h
	}
	for i := 1; i < len(x.layers); i++ {
		if x.layers[i-1] >= x.layers[i] {
			return nil
		}
	}
	return x
}

// worth is, by layer, what building the needed units cost that it holds.
func (x *index) worth(needed map[string]bool) []int64 {
	w := make([]int64, len(x.layers))
	for key := range needed {
		if h := x.units[key]; h != nil {
			h.layers.each(func(n int) { w[n] += max(h.cost, 1) })
		}
	}
	return w
}

// holds reports whether a layer holds a unit.
func (x *index) holds(id, key string) bool {
	n, ok := slices.BinarySearch(x.layers, id)
	return ok && x.units[key] != nil && x.units[key].layers.has(n)
}

// checked reports whether any layer holds what cargo check makes.
func (x *index) checked() bool {
	for _, h := range x.units {
		if h.check {
			return true
		}
	}
	return false
}
