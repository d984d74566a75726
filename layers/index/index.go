// Package index lists the units of all layers: which layers hold a unit, for whoever looks
// for one, and what building it has cost, for whoever chooses among layers. The index is a
// file that is made from the layers, and brought up to date where layers were added or
// removed. It only says where to look: the layer itself decides.
//
// An Index does not change once it is open and may be used from anywhere at once. Of
// several processes that write the file any will do.
package index

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/bitset"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// The first line names the form; then comes a line for each layer, its id; then,
// sorted, one for each unit: its key, what building it cost in ms, flags, and in
// which layers it is, as bits. Fields are separated by tabs. A thousand layers of
// one project hold the same few thousand units, so the file stays small.
const header = "cargo-cow index 1\n"

// An Index is the units of all layers.
type Index struct {
	layers []string // sorted
	units  map[string]*unit
	wanted AtHand
}

// unit is a unit and the layers that hold it.
type unit struct {
	cost int64 // ms
	// portable: it can be grafted, from one layer at least.
	portable bool
	check    bool // cargo check made it
	layers   bitset.Set
}

// Open returns the index of the layers that are present, a sorted list, from the file
// path. Of those that it does not know, entries tells what they hold. One that cannot be
// read has nothing to give.
func Open(ctx context.Context, path string, present []string, entries func(id string) ([]manifest.Entry, error)) (*Index, error) {
	x := read(path)
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
		if list, err := entries(id); err == nil {
			x.add(n, list)
		}
	}
	// Without it the next one takes longer.
	_ = atomicfile.WriteUnsynced(path, x.encode(), 0o600)
	return x, nil
}

// add makes the n-th layer hold entries.
func (x *Index) add(n int, entries []manifest.Entry) {
	for _, e := range entries {
		h := x.units[e.Key]
		if h == nil {
			h = &unit{}
			x.units[e.Key] = h
		}
		h.cost = max(h.cost, e.Cost)
		h.portable = h.portable || e.Portable
		h.check = h.check || e.Check
		h.layers.Add(n)
	}
}

// renumber gives the layers the numbers they have in to, a sorted list, and forgets those
// that are not in it.
func (x *Index) renumber(to []string) {
	number := make([]int, len(x.layers))
	for i, id := range x.layers {
		n, ok := slices.BinarySearch(to, id)
		if number[i] = n; !ok {
			number[i] = -1
		}
	}
	for key, h := range x.units {
		var layers bitset.Set
		h.layers.Each(func(n int) {
			if n < len(number) && number[n] >= 0 {
				layers.Add(number[n])
			}
		})
		if h.layers = layers; len(layers) == 0 {
			delete(x.units, key)
		}
	}
	x.layers = to
}

func (x *Index) encode() []byte {
	b := []byte(header)
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

// read returns an empty index for one it cannot read.
func read(path string) *Index {
	b, err := regular.Read(path)
	if err == nil {
		if x := decode(b); x != nil {
			return x
		}
	}
	return &Index{units: map[string]*unit{}}
}

func decode(b []byte) *Index {
	b, ok := bytes.CutPrefix(b, []byte(header))
	if !ok || len(b) > 0 && b[len(b)-1] != '\n' {
		return nil
	}
	text := string(b)
	x := &Index{units: make(map[string]*unit, strings.Count(text, "\n"))}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if digest.Is(line) && len(x.units) == 0 {
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
		h := &unit{ms, strings.Contains(flags, "p"), strings.Contains(flags, "c"), bits}
		h.layers.Each(func(n int) { ok = ok && n < len(x.layers) })
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

// Layers are those of the index, sorted.
func (x *Index) Layers() []string { return x.layers }

// Units yields the keys of all units, in no order.
func (x *Index) Units(yield func(key string) bool) {
	for key := range x.units {
		if !yield(key) {
			return
		}
	}
}

// Cost is what building a unit cost, in ms, whatever the machine was doing when: the
// same for all layers that have it, and never nothing. It is 0 where none has it.
func (x *Index) Cost(key string) int64 {
	h := x.units[key]
	if h == nil {
		return 0
	}
	return x.costOf(key, h)
}

// CostOf is what building all units of packages of these names cost, in ms.
func (x *Index) CostOf(packages map[string]bool) (sum int64) {
	for key := range x.units {
		if packages[manifest.PackageOf(key)] {
			sum += x.Cost(key)
		}
	}
	return sum
}

// Cover tells what layers have of packages of these names: those for which covers is true, the one first
// that has most by cost, and the units of that one. There are none where those units have cost limit or
// more, in ms, that only others of them have. covers is asked about the layers in that order.
func (x *Index) Cover(layers []string, packages map[string]bool, limit int64, covers func(id string) bool) (covering []string, first map[string]bool) {
	named := func(yield func(key string) bool) {
		for key := range x.units {
			if packages[manifest.PackageOf(key)] && !yield(key) {
				return
			}
		}
	}
	worth := map[string]int64{}
	for i, w := range x.Worth(layers, named) {
		worth[layers[i]] = w
	}
	covering = slices.DeleteFunc(slices.Clone(layers), func(id string) bool { return worth[id] == 0 })
	slices.SortStableFunc(covering, func(a, b string) int { return cmp.Compare(worth[b], worth[a]) })
	covering = slices.DeleteFunc(covering, func(id string) bool { return !covers(id) })
	first = map[string]bool{}
	beyond := int64(0)
	for key := range named {
		held := func(id string) bool { return x.Holds(id, key) }
		switch {
		case len(covering) > 0 && held(covering[0]):
			first[key] = true
		case slices.ContainsFunc(covering, held):
			beyond += x.Cost(key)
		}
	}
	if beyond >= limit {
		return nil, nil
	}
	return covering, first
}

// Portable reports whether a unit can be grafted, from one layer at least.
func (x *Index) Portable(key string) bool {
	h := x.units[key]
	return h != nil && h.portable
}

// Worth returns for each of the layers what building those of the units cost that it holds,
// in ms. A layer that is not in the index holds none.
func (x *Index) Worth(layers []string, units iter.Seq[string]) []int64 {
	numbers := make([]int, len(layers))
	for i, id := range layers {
		n, ok := slices.BinarySearch(x.layers, id)
		if numbers[i] = n; !ok {
			numbers[i] = -1
		}
	}
	worth := make([]int64, len(layers))
	for key := range units {
		h := x.units[key]
		if h == nil {
			continue
		}
		for i, n := range numbers {
			if n >= 0 && h.layers.Has(n) {
				worth[i] += x.costOf(key, h)
			}
		}
	}
	return worth
}

// A Share is what building those units cost, in ms, that certain layers hold.
type Share struct {
	Cost   int64
	Layers []string
}

// Shares says what units cost, by the layers that hold them.
func (x *Index) Shares() []Share {
	byLayers := map[string]int64{}
	for _, h := range x.units {
		byLayers[string(h.layers)] += max(h.cost, 1)
	}
	list := make([]Share, 0, len(byLayers))
	for _, held := range slices.Sorted(maps.Keys(byLayers)) {
		s := Share{Cost: byLayers[held]}
		bitset.Set(held).Each(func(n int) { s.Layers = append(s.Layers, x.layers[n]) })
		list = append(list, s)
	}
	return list
}

// Lost is what building those units cost, in ms, that only layers hold for which gone is
// true.
func (x *Index) Lost(gone func(id string) bool) int64 {
	left := make([]bool, len(x.layers))
	for i, id := range x.layers {
		left[i] = !gone(id)
	}
	var lost int64
	for _, h := range x.units {
		held := false
		h.layers.Each(func(n int) { held = held || left[n] })
		if !held {
			lost += max(h.cost, 1)
		}
	}
	return lost
}

// Best returns the layer that holds most of the units, by cost, and those of them that it holds, sorted;
// "" where none holds any.
func (x *Index) Best(layers, keys []string) (layer string, held []string) {
	top := int64(0)
	for i, worth := range x.Worth(layers, slices.Values(keys)) {
		if worth > top {
			layer, top = layers[i], worth
		}
	}
	held = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !x.Holds(layer, key) })
	slices.Sort(held)
	return layer, held
}

// Holds reports whether a layer holds a unit.
func (x *Index) Holds(layer, key string) bool {
	n, ok := slices.BinarySearch(x.layers, layer)
	return ok && x.units[key] != nil && x.units[key].layers.Has(n)
}

// Holders counts the layers that hold any of the units.
func (x *Index) Holders(units iter.Seq[string]) int {
	var any bitset.Set
	for key := range units {
		if h := x.units[key]; h != nil {
			h.layers.Each(any.Add)
		}
	}
	n := 0
	any.Each(func(int) { n++ })
	return n
}

// HeldBy yields the keys of the units that a layer holds, in no order.
func (x *Index) HeldBy(layer string) iter.Seq[string] {
	n, ok := slices.BinarySearch(x.layers, layer)
	return func(yield func(key string) bool) {
		for key, h := range x.units {
			if ok && h.layers.Has(n) && !yield(key) {
				return
			}
		}
	}
}

// CountHeld counts those of the units that the layer has, fresh or not.
func (x *Index) CountHeld(layer string, units map[string]bool) int {
	n := 0
	for key := range units {
		if x.Holds(layer, key) {
			n++
		}
	}
	return n
}

// Checked reports whether any layer holds what cargo check makes.
func (x *Index) Checked() bool {
	for _, h := range x.units {
		if h.check {
			return true
		}
	}
	return false
}

// AtHand is what a build that waits asks for, as far as it is known: units in a profile's directory, made by cargo check or
// not. Of those that the index cannot tell it of, both count. The zero AtHand asks for nothing in particular.
type AtHand struct {
	Profile string
	Check   bool
}

// atHand is by how much a unit counts more that a build asks for which waits: what else there is may never be asked for.
// It is not beyond all measure, as most who build one way have built the other.
const atHand = 16

// For is the index as the build that waits sees it: Cost and Worth are of use for comparing only.
func (x *Index) For(wanted AtHand) *Index {
	y := *x
	y.wanted = wanted
	return &y
}

func (x *Index) costOf(key string, h *unit) int64 {
	cost := max(h.cost, 1)
	if x.wanted.asksFor(key, h) {
		cost *= atHand
	}
	return cost
}

func (a AtHand) asksFor(key string, h *unit) bool {
	if a.Profile == "" || h.check && !a.Check || !h.check && h.portable && a.Check {
		return false
	}
	// With a target the profile's directory is in that of the target.
	first, rest, _ := strings.Cut(key, "/")
	return first == a.Profile || strings.HasPrefix(rest, a.Profile+"/")
}
