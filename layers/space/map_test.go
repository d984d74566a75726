package space

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// byByte is what pieces are, found in another way: for each byte of the disk.
func byByte(trees [][]span) map[string]int64 {
	holders := map[uint64][]int{}
	refs := map[uint64]int{}
	shared := map[uint64]bool{}
	for i, spans := range trees {
		for _, s := range spans {
			for at := s.at; at < s.at+s.length; at++ {
				if !slices.Contains(holders[at], i) {
					holders[at] = append(holders[at], i)
				}
				refs[at]++
				shared[at] = shared[at] || s.shared
			}
		}
	}
	all := map[string]int64{}
	for at, list := range holders {
		all[pieceName(list, refs[at] == 1 && shared[at])]++
	}
	return all
}

func pieceName(holders []int, elsewhere bool) string {
	b := make([]byte, 0, 16)
	for _, h := range holders {
		b = append(b, byte('a'+h))
	}
	if elsewhere {
		b = append(b, '+')
	}
	return string(b)
}

func byName(pieces []Piece) map[string]int64 {
	all := map[string]int64{}
	for _, p := range pieces {
		all[pieceName(p.Holders, p.Elsewhere)] += p.Bytes
	}
	return all
}

// Trees whose spans overlap in all ways, at the borders of windows, too.
func TestPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for n := range 300 {
		trees := make([][]span, 1+rng.IntN(5))
		maps := make([]*Map, len(trees))
		for i := range trees {
			if i > 0 && rng.IntN(3) == 0 { // a snapshot
				trees[i] = slices.Clone(trees[i-1])
			}
			for range rng.IntN(6) {
				s := span{at: windowSize - 30 + uint64(rng.IntN(60)), length: uint64(1 + rng.IntN(20)), shared: rng.IntN(2) == 0}
				trees[i] = append(trees[i], s)
			}
			maps[i] = newMap(slices.Clone(trees[i]))
		}
		if got, want := byName(Pieces(maps)), byByte(trees); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d: %v\nare\n%v, want\n%v", n, trees, got, want)
		}
	}
}

// Of compressed data only the beginning tells what is the same.
func TestPackedPieces(t *testing.T) {
	packed := func(at, length uint64, shared bool) span {
		return span{at: at, length: length, shared: shared, packed: true}
	}
	maps := []*Map{
		newMap([]span{packed(100, 50, true), packed(110, 60, false), packed(120, 5, true)}),
		newMap([]span{packed(100, 70, true), {at: 100, length: 3}}),
	}
	// None reaches into the next.
	want := map[string]int64{"ab": 10, "a": 10, "a+": 5, "b": 3}
	if got := byName(Pieces(maps)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Places on two file systems have nothing to do with each other.
func TestPiecesOfTwoDisks(t *testing.T) {
	a, b := newMap([]span{{at: 5, length: 2}}), newMap([]span{{at: 5, length: 2}})
	a.disk, b.disk = "one", "two"
	if got, want := byName(Pieces([]*Map{a, b})), map[string]int64{"a": 2, "b": 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestApart(t *testing.T) {
	a, b := newMap([]span{{at: 5, length: 2}}), newMap(nil)
	a.Apart, b.Apart = 3, 4
	if got, want := byName(Pieces([]*Map{a, b})), map[string]int64{"a": 5, "b": 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if a.Bytes() != 5 {
		t.Errorf("it takes %d bytes", a.Bytes())
	}
}

func TestPiecesOf(t *testing.T) {
	for _, c := range []struct {
		spans []span
		want  int
	}{
		{nil, 0},
		{[]span{{at: 8, length: 4}, {at: 12, length: 4, shared: true}}, 1},
		{[]span{{at: 8, length: 4}, {at: 16, length: 4}}, 2},
		{[]span{{at: 8, length: 4}, {at: 4, length: 4}}, 2},
		// Of compressed data the end is not known.
		{[]span{{at: 8, length: 100, packed: true}, {at: 40, length: 100, packed: true}, {at: 140, length: 1}}, 1},
		{[]span{{at: 8, length: 100, packed: true}, {at: 8, length: 100, packed: true}}, 2},
		{[]span{{at: 8, length: 100, packed: true}, {at: 109, length: 100, packed: true}}, 2},
	} {
		if got := piecesOf(c.spans); got != c.want {
			t.Errorf("%v: %d pieces, want %d", c.spans, got, c.want)
		}
	}
}

func someMap() *Map {
	m := newMap([]span{{at: 5, length: 20, shared: true}, {at: 30, length: windowSize, twice: true}, {at: 9 * windowSize, length: 4096, packed: true}})
	m.Apart, m.Small, m.Files, m.Extents, m.Placed = 1, 2, 3, 5, 4
	return m
}

func TestMapComesBack(t *testing.T) {
	want := someMap()
	got, version, err := decodeMap(encodeMap(want, "v"))
	if err != nil || version != "v" || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: came back in version %q as\n%+v\nwant\n%+v", err, version, got, want)
	}
}

func FuzzDecodeMap(f *testing.F) {
	f.Add(encodeMap(someMap(), "v"))
	f.Add(encodeMap(newMap(nil), ""))
	f.Add([]byte(mapHeader))
	f.Fuzz(func(t *testing.T, text []byte) {
		// The digest keeps a fuzzer out: it gets the right one.
		for _, text := range [][]byte{text, sealedText(text)} {
			m, version, err := decodeMap(text)
			if err != nil {
				continue
			}
			again, v, err := decodeMap(encodeMap(m, version))
			if err != nil || v != version || !reflect.DeepEqual(again, m) {
				t.Errorf("%v: read %+v, written and read again %+v", err, m, again)
			}
			Pieces([]*Map{m, m})
		}
	})
}
