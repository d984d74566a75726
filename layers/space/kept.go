package space

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A Keeping says where the map of a sealed tree is kept, and for how long it holds.
type Keeping struct {
	Path string
	// Version is another one whenever the tree's data is moved, or a snapshot of the tree is
	// made, which changes what it shares. "": nothing tells, and nothing is kept.
	Version string
}

// MeasureKept is Measure for a sealed tree, whose map is read from a file where it still
// holds, and else written to it. Something may have stopped sharing data with the tree since.
func (m *Measurer) MeasureKept(ctx context.Context, dir string, k Keeping) (*Map, error) {
	if k.Version != "" {
		if text, err := regular.Read(k.Path); err == nil {
			if found, version, err := decodeMap(text); err == nil && version == k.Version {
				if found.disk, err = fileSystemOf(dir); err != nil {
					return nil, err
				}
				return found, nil
			}
		}
	}
	return m.MeasureAgain(ctx, dir, k)
}

// MeasureAgain is Measure for a sealed tree, whose map is then kept.
func (m *Measurer) MeasureAgain(ctx context.Context, dir string, k Keeping) (*Map, error) {
	found, err := m.Measure(ctx, Tree{Dir: dir, Sealed: true})
	if err == nil && k.Version != "" {
		// It is measured again where it is lost.
		_ = atomicfile.WriteUnsynced(k.Path, encodeMap(found, k.Version), 0o600)
	}
	return found, err
}

const mapHeader = "cargo-cow map 2\n"

var errMap = errors.New("not a map of a known form")

// encodeMap is a map as it is kept: behind a header the version and all numbers, each of
// variable length, and at the end the digest of what is before.
func encodeMap(m *Map, version string) []byte {
	b := []byte(mapHeader)
	b = binary.AppendUvarint(b, uint64(len(version)))
	b = append(b, version...)
	for _, n := range []uint64{uint64(m.Apart), uint64(m.Small), uint64(m.Files), uint64(m.Extents), uint64(m.Placed), uint64(len(m.windows))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, w := range m.windows {
		b = binary.AppendUvarint(b, w.number)
		b = binary.AppendUvarint(b, uint64(len(w.spans)))
		b = appendSpans(b, w.spans)
	}
	return sealedText(b)
}

func sealedText(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decodeMap reads what encodeMap wrote.
func decodeMap(text []byte) (m *Map, version string, err error) {
	n := len(text) - sha256.Size
	if n < 0 || !bytes.HasPrefix(text, []byte(mapHeader)) {
		return nil, "", errMap
	}
	if sum := sha256.Sum256(text[:n]); !bytes.Equal(sum[:], text[n:]) {
		return nil, "", errMap
	}
	r := &numbers{text: text[len(mapHeader):n]}
	version = string(r.bytes(r.next()))
	m = &Map{Apart: int64(r.next()), Small: int64(r.next()), Files: int(r.next()), Extents: int(r.next()), Placed: int(r.next())}
	count := r.next()
	for last := -1; count > 0 && !r.bad; count-- {
		w := window{number: r.next()}
		w.spans = r.spans(r.next(), w.number)
		w.sum = sumOf(w.spans)
		r.bad = r.bad || int(w.number) <= last || len(w.spans) == 0
		last = int(w.number)
		m.windows = append(m.windows, w)
	}
	if r.bad || len(r.text) > 0 || m.Apart < 0 || m.Small < 0 || m.Files < 0 || m.Extents < 0 || m.Placed < 0 {
		return nil, "", errMap
	}
	return m, version, nil
}

// numbers reads numbers until there are none, or one is none: then it is bad.
type numbers struct {
	text []byte
	bad  bool
}

func (r *numbers) next() uint64 {
	v, n := binary.Uvarint(r.text)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.text = r.text[n:]
	return v
}

func (r *numbers) bytes(n uint64) []byte {
	if n > uint64(len(r.text)) {
		r.bad = true
		return nil
	}
	b := r.text[:n]
	r.text = r.text[n:]
	return b
}

// spans reads n spans of a window.
func (r *numbers) spans(n, number uint64) []span {
	if n > uint64(len(r.text)) { // each takes two bytes
		r.bad = true
		return nil
	}
	list := make([]span, 0, n)
	at, end := uint64(0), uint64(0)
	for ; n > 0 && !r.bad; n-- {
		at += r.next()
		v := r.next()
		s := span{at: at, length: v >> spanBits, shared: v&bitShared != 0, twice: v&bitTwice != 0, packed: v&bitPacked != 0}
		if s.length == 0 || s.at/windowSize != number || !s.packed && (s.at < end || s.at%windowSize+s.length > windowSize) {
			r.bad = true
		}
		if !s.packed {
			end = s.at + s.length
		}
		list = append(list, s)
	}
	return list
}
